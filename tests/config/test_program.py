"""The commands that are advised can be typed as they stand."""

import re
import sys
from importlib import metadata
from pathlib import Path

import pytest

from ambrosio.config import program
from ambrosio.demo.model import explain_stand_in

from ..support import ROOT

SUFFIXES = {".py", ".md", ".toml", ".html", ".yaml", ".service", ".example"}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    script = tmp_path / ".venv" / "bin" / "ambrosio"
    script.parent.mkdir(parents=True)
    script.touch(mode=0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "/usr/bin")
    monkeypatch.delenv(program.IN_CONTAINER, raising=False)
    return tmp_path


@pytest.mark.parametrize(
    ("argument", "path", "command"),
    [
        (".venv/bin/ambrosio", "/usr/bin", ".venv/bin/ambrosio"),
        ("{folder}/.venv/bin/ambrosio", "/usr/bin", ".venv/bin/ambrosio"),
        ("{folder}/.venv/bin/ambrosio", "{folder}/.venv/bin", "ambrosio"),
        ("/opt/my tools/ambrosio", "/usr/bin", "'/opt/my tools/ambrosio'"),
        ("pytest", "/usr/bin", "ambrosio"),
        ("", "/usr/bin", "ambrosio"),
    ],
)
def test_a_command_is_advised_as_it_was_given(folder, monkeypatch, argument, path, command):
    monkeypatch.setattr(sys, "argv", [argument.format(folder=folder)])
    monkeypatch.setenv("PATH", path.format(folder=folder))

    assert program.advise("Run `ambrosio doctor` now.") == f"Run `{command} doctor` now."


def test_a_module_is_started_by_its_python(folder, monkeypatch):
    monkeypatch.setattr(sys, "argv", [str(Path(program.__file__).parents[1] / "__main__.py")])
    monkeypatch.setattr(sys, "executable", str(folder / ".venv" / "bin" / "python"))

    assert program.started_as() == ".venv/bin/python -m ambrosio"


def test_in_a_container_the_command_is_given_from_outside(folder, monkeypatch):
    monkeypatch.setenv(program.IN_CONTAINER, "docker compose exec ambrosio ambrosio")

    assert program.advise("`ambrosio run`") == "`docker compose exec ambrosio ambrosio run`"


@pytest.mark.parametrize(
    ("has_pip", "known", "command"),
    [
        (True, True, ".venv/bin/python -m pip install xllamacpp==1"),
        (False, True, "uv pip install --python .venv/bin/python xllamacpp==1"),
        (True, False, ".venv/bin/python -m pip install '.[llama]'"),
    ],
)
def test_an_extra_is_installed_by_its_packages(folder, monkeypatch, has_pip, known, command):
    """There is no package of our name on the registry, and whoever took it would be run."""

    def requires(_):
        if not known:
            raise metadata.PackageNotFoundError
        return ["click>=8", "xllamacpp==1; extra == 'llama'", "av; extra == 'media'"]

    monkeypatch.setattr(sys, "executable", str(folder / ".venv" / "bin" / "python"))
    monkeypatch.setattr(program, "find_spec", lambda _: object() if has_pip else None)
    monkeypatch.setattr(metadata, "requires", requires)

    advised = program.advise("Run `pip install '.[llama]'`; then start again.")

    assert advised == f"Run `{command}`; then start again."


def test_an_extra_of_the_image_is_built_into_it(monkeypatch):
    monkeypatch.setenv(program.IN_CONTAINER, "docker compose exec ambrosio ambrosio")

    assert program.advise("`pip install '.[media]'`") == f"`{program.IMAGE_BUILD}`"


def test_no_text_advises_to_install_a_package_of_our_name():
    files = [
        path for path in ROOT.rglob("*") if path.suffix in SUFFIXES and ".venv" not in path.parts
    ]
    named = re.compile(
        r"(?:install|pip|uvx(?! --from \.)|pipx run)\b[^\n`]*[ '\"]ambrosio(?:\[|['\"`\s]|==)"
    )

    found = [
        f"{path.relative_to(ROOT)}: {match[0]}"
        for path in files
        for match in named.finditer(path.read_text("utf-8"))
    ]

    assert found == []


@pytest.mark.parametrize(
    ("prefix", "temporary"),
    [
        ("/home/anna/.cache/uv/archive-v0/VYhvG1vQbsEIOSW1", True),
        ("/var/uv/archive-v0/VYhvG1vQbsEIOSW1", True),
        ("/home/anna/.cache/pipx/a1b2c3", True),
        ("/home/anna/.local/share/uv/tools/ambrosio", False),
        ("/home/anna/ambrosio/.venv", False),
    ],
)
def test_nothing_is_to_be_installed_into_a_cache(monkeypatch, prefix, temporary):
    monkeypatch.setattr("sys.prefix", prefix)
    monkeypatch.setattr("ambrosio.demo.model.find_toy", lambda: None)

    assert program.is_temporary() == temporary
    assert ("`make demo`" in explain_stand_in()) == temporary
