"""`ambrosio install`: a systemd service that starts Ambrosio with the machine, and its removal.

Run in the folder with your `.env`. As root it makes a service of the machine, with an account of
its own; otherwise one of your own user.
"""

import os
import pwd
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import click
import platformdirs

from ..config.program import started_as
from ..config.settings import Settings
from .hints import NO_BOT_YET, print_error
from .systemd_unit import ACCOUNT, HOME, UNIT_NAME, Service, render_unit

SYSTEM_UNITS = Path("/etc/systemd/system")
# Copied for the service's own account; both may hold keys.
SETTING_FILES = (".env", "ambrosio.toml")
# Where the sandbox of the service lets nobody look.
HOMES = ("/home", "/root", "/run/user")

# Runs a command and returns its exit code.
Run = Callable[[Sequence[str]], int]


def _run(command: Sequence[str]) -> int:
    try:
        return subprocess.run(command, check=False).returncode  # noqa: S603  our own words
    except FileNotFoundError:
        return 127


class NotInstalled(Exception):
    """A step did not work; the text says which, and what to do."""


def service_here(*, for_machine: bool) -> Service:
    """Return the service that runs this very program."""
    folder = HOME if for_machine else str(Path.cwd())
    return Service(_program(), folder, for_machine)


def show_unit(service: Service) -> int:
    """Print the unit file and write nothing; return the exit code."""
    return _reporting(lambda: click.echo(_rendered(service), nl=False))


def install(service: Service, settings: Settings, *, run: Run = _run) -> int:
    """Write the unit file and start the service; return the exit code."""
    if not settings.telegram_bot_token.get_secret_value():
        print_error(NO_BOT_YET)
        return 2
    return _reporting(lambda: _install(service, run))


def uninstall(*, for_machine: bool, run: Run = _run) -> int:
    """Stop the service and remove its unit file; return the exit code."""
    return _reporting(lambda: _uninstall(for_machine, run))


def _reporting(step: Callable[[], None]) -> int:
    try:
        step()
    except (NotInstalled, OSError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else exc
        at = f" `{exc.filename}`" if isinstance(exc, OSError) and exc.filename else ""
        print_error(f"{reason}{at}")
        return 1
    return 0


def _install(service: Service, run: Run) -> None:
    unit = _rendered(service)
    _check_systemd()
    if service.for_machine:
        _check_visible(service.program[0])
        _make_account(run)
        _copy_settings(Path.cwd(), Path(service.folder))
    path = _unit_path(for_machine=service.for_machine)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(unit, "utf-8")
    systemctl = _systemctl(for_machine=service.for_machine)
    _must(run, (*systemctl, "daemon-reload"))
    _must(run, (*systemctl, "enable", UNIT_NAME))
    # A service that ran before takes the new unit file.
    _must(run, (*systemctl, "restart", "--no-block", UNIT_NAME))
    if not service.for_machine and run(("loginctl", "enable-linger")):
        click.echo("hint: `sudo loginctl enable-linger $USER` keeps it running after you log out")
    journal = "journalctl" if service.for_machine else "journalctl --user"
    click.echo(f"wrote {path}; Ambrosio starts now and at every boot")
    click.echo(f"hint: `{journal} -u {ACCOUNT} -f` shows its log and the pairing link")


def _uninstall(for_machine: bool, run: Run) -> None:
    path = _unit_path(for_machine=for_machine)
    if not path.exists():
        raise NotInstalled(f"There is no {path}, so nothing was removed.")
    _check_systemd()
    systemctl = _systemctl(for_machine=for_machine)
    _must(run, (*systemctl, "disable", "--now", UNIT_NAME))
    path.unlink()
    _must(run, (*systemctl, "daemon-reload"))
    kept = HOME if for_machine else platformdirs.user_data_path("ambrosio")
    click.echo(f"removed {path}; your settings and the data (by default in {kept}) are kept")


def _rendered(service: Service) -> str:
    try:
        return render_unit(service)
    except ValueError as exc:
        raise NotInstalled(f"systemd does not accept the path {str(exc)!r}. Rename it.") from None


def _program() -> tuple[str, ...]:
    """Return the words that started this program, the first with an absolute path."""
    words = shlex.split(started_as())
    found = shutil.which(words[0]) or words[0]
    # A link in .venv/bin is not to be followed.
    return (os.path.abspath(found), *words[1:])  # noqa: PTH100


def _check_systemd() -> None:
    if sys.platform != "linux" or not shutil.which("systemctl"):
        raise NotInstalled("There is no systemd on this machine, so nothing was changed.")


def _check_visible(program: str) -> None:
    """Refuse a program, or a Python below it, in a folder that the sandbox hides."""
    paths = (program, os.path.realpath(program), os.path.realpath(sys.executable))
    if any(path.startswith(f"{home}/") for path in paths for home in HOMES):
        raise NotInstalled(
            f"The service's own account cannot read {program}. Install Ambrosio into a folder like "
            "/opt/ambrosio (python3 -m venv /opt/ambrosio && /opt/ambrosio/bin/pip install "
            "'.[llama,media]') and run /opt/ambrosio/bin/ambrosio install."
        )


def _make_account(run: Run) -> None:
    try:
        pwd.getpwnam(ACCOUNT)
    except KeyError:
        shell = "/usr/sbin/nologin"
        _must(run, ("useradd", "--system", "--home-dir", HOME, "--shell", shell, ACCOUNT))


def _copy_settings(source: Path, folder: Path) -> None:
    """Copy the settings that the service does not have yet, readable by its account only."""
    account = pwd.getpwnam(ACCOUNT)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.chown(folder, account.pw_uid, account.pw_gid)
    for name in SETTING_FILES:
        if not (source / name).exists() or (folder / name).exists():
            continue
        handle = os.open(folder / name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(handle, "wb") as file:
            os.fchown(handle, account.pw_uid, account.pw_gid)
            file.write((source / name).read_bytes())
        click.echo(f"copied {source / name} to {folder / name}; from now on, edit that copy")


def _unit_path(*, for_machine: bool) -> Path:
    units = SYSTEM_UNITS
    if not for_machine:
        units = platformdirs.user_config_path() / "systemd" / "user"
    return units / UNIT_NAME


def _systemctl(*, for_machine: bool) -> tuple[str, ...]:
    return ("systemctl",) if for_machine else ("systemctl", "--user")


def _must(run: Run, command: Sequence[str]) -> None:
    if code := run(command):
        raise NotInstalled(f"`{shlex.join(command)}` failed with code {code}; see above.")
