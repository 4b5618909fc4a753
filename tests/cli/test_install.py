"""`ambrosio install`: the unit file it writes, and what it asks systemd to do."""

import os
import pwd
import shutil
import subprocess
import sys

import pytest
from click.testing import CliRunner

from ambrosio.cli import install as verb
from ambrosio.cli import main
from ambrosio.cli.install import install, show_unit, uninstall
from ambrosio.cli.systemd_unit import Service, render_unit
from ambrosio.config import settings
from scripts import service_unit

TOKEN = "123456:AAwrongwrongwrongwrongwrong"
ODD_NAMES = ("plain", "two words", "100%d", "$HOME", "ümläut", "a;b", "#1", "~")


@pytest.fixture
def asked(monkeypatch, tmp_path):
    """Pretend that there is systemd, and list what it is asked; `code` is how it answers."""

    class Asked(list[str]):
        code = 0

        def __call__(self, command):
            self.append(" ".join(command))
            return self.code

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setattr(verb, "SYSTEM_UNITS", tmp_path / "units")
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    return Asked()


@pytest.fixture
def given(tmp_path):
    return settings.load(tmp_path, telegram_bot_token=TOKEN)


def test_the_unit_in_the_docs_is_the_one_that_is_written():
    assert service_unit.PAGE.read_text("utf-8") == service_unit.render_page()


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs systemd")
@pytest.mark.parametrize("for_machine", [True, False])
def test_systemd_reads_the_unit_without_complaint(tmp_path, for_machine):
    units = []
    for number, name in enumerate(ODD_NAMES):
        folder = tmp_path / name
        folder.mkdir()
        program = folder / "ambrosio"
        program.symlink_to(sys.executable)
        unit = tmp_path / f"ambrosio-{number}.service"
        service = Service((str(program), "-m", "ambrosio"), str(folder), for_machine)
        unit.write_text(render_unit(service), "utf-8")
        units.append(str(unit))
    scope = ("--system",) if for_machine else ("--user",)

    verified = subprocess.run(
        ["systemd-analyze", *scope, "verify", "--recursive-errors=no", *units],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)},
    )

    assert "ambrosio" not in verified.stderr
    assert verified.returncode == 0


@pytest.mark.parametrize("folder", ["/a\nUser=root", "/a\\", "/a ", "/a\x7f"])
def test_a_folder_that_systemd_cannot_take_is_refused(folder, capsys):
    assert show_unit(Service(("/bin/ambrosio",), folder, for_machine=False)) == 1
    assert "systemd does not accept the path" in capsys.readouterr().err


@pytest.mark.parametrize("program", ["/it's/ambrosio", '/a"b/ambrosio', "/a\\b", "/a\nb"])
def test_a_program_that_systemd_cannot_take_is_refused(program, capsys):
    assert show_unit(Service((program,), "/", for_machine=False)) == 1
    assert "systemd does not accept the path" in capsys.readouterr().err


def test_a_dry_run_prints_the_unit_and_needs_no_token(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ended = CliRunner().invoke(main.main, ["install", "--user", "--dry-run"])

    assert ended.exit_code == 0
    assert f"WorkingDirectory={tmp_path}\n" in ended.stdout
    assert "WantedBy=default.target" in ended.stdout


def test_a_user_gets_a_service_and_loses_it_again(asked, given, tmp_path, capsys):
    service = Service(("/bin/ambrosio",), str(tmp_path), for_machine=False)
    unit = tmp_path / "config/systemd/user/ambrosio.service"

    assert install(service, given, run=asked) == 0
    assert unit.read_text() == render_unit(service)
    assert asked == [
        "systemctl --user daemon-reload",
        "systemctl --user enable ambrosio.service",
        "systemctl --user restart --no-block ambrosio.service",
        "loginctl enable-linger",
    ]
    asked.clear()
    assert uninstall(for_machine=False, run=asked) == 0
    assert asked == [
        "systemctl --user disable --now ambrosio.service",
        "systemctl --user daemon-reload",
    ]
    assert not unit.exists()
    assert uninstall(for_machine=False, run=asked) == 1
    assert TOKEN not in "".join(capsys.readouterr())


def test_the_machine_gets_an_account_and_its_own_copy_of_the_settings(
    asked, given, tmp_path, monkeypatch
):
    me = pwd.getpwuid(os.getuid())
    accounts: list[pwd.struct_passwd] = []

    def account(_name):
        return accounts[0] if accounts else unknown()

    def unknown():
        accounts.append(me)
        raise KeyError

    monkeypatch.setattr(pwd, "getpwnam", account)
    monkeypatch.setattr(verb, "HOMES", ())
    (tmp_path / ".env").write_text("TELEGRAM_BOT_TOKEN=1")
    folder = tmp_path / "lib"

    assert (
        install(Service(("/opt/ambrosio",), str(folder), for_machine=True), given, run=asked) == 0
    )

    assert asked[0].startswith("useradd --system --home-dir /var/lib/ambrosio ")
    assert asked[1:] == [
        "systemctl daemon-reload",
        "systemctl enable ambrosio.service",
        "systemctl restart --no-block ambrosio.service",
    ]
    assert (folder / ".env").read_text() == "TELEGRAM_BOT_TOKEN=1"
    assert (folder / ".env").stat().st_mode & 0o777 == 0o600
    # What the service has by now is not written over.
    (tmp_path / ".env").write_text("TELEGRAM_BOT_TOKEN=2")
    install(Service(("/opt/ambrosio",), str(folder), for_machine=True), given, run=asked)
    assert (folder / ".env").read_text() == "TELEGRAM_BOT_TOKEN=1"


@pytest.mark.parametrize("program", ["/home/anna/.local/bin/ambrosio", "/root/.venv/bin/ambrosio"])
def test_a_program_that_the_account_cannot_read_is_refused(asked, given, program, capsys):
    assert (
        install(Service((program,), "/var/lib/ambrosio", for_machine=True), given, run=asked) == 1
    )
    assert f"cannot read {program}" in capsys.readouterr().err
    assert asked == []


def test_nothing_is_written_without_a_token_or_systemd(asked, given, tmp_path, monkeypatch):
    service = Service(("/bin/ambrosio",), str(tmp_path), for_machine=False)

    assert install(service, settings.load(tmp_path), run=asked) == 2
    monkeypatch.setattr(shutil, "which", lambda _: None)
    assert install(service, given, run=asked) == 1
    assert (asked, [*tmp_path.rglob("*.service")]) == ([], [])


def test_a_step_that_fails_is_named(asked, given, tmp_path, capsys):
    asked.code = 5

    assert install(Service(("/bin/ambrosio",), str(tmp_path), False), given, run=asked) == 1
    assert "`systemctl --user daemon-reload` failed with code 5" in capsys.readouterr().err
