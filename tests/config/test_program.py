"""The commands that are advised can be typed as they stand."""

import sys
from pathlib import Path

import pytest

from ambrosio.config import program


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
