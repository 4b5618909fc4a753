"""`ambrosio health`, as Docker calls it: one line, an exit code, and no token."""

import subprocess
import sys

import pytest
from click.testing import CliRunner

from ambrosio.bot.heartbeat import MAX_SILENCE_SECONDS, beat
from ambrosio.cli import main
from ambrosio.cli.health import data_dir
from ambrosio.config import settings


def health():
    ended = CliRunner().invoke(main.main, ["health"])
    (line,) = ended.stdout.splitlines()
    assert ended.stderr == ""
    return ended.exit_code, line


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("AMBROSIO_DATA_DIR", str(tmp_path))
    # Nothing of it is looked at.
    monkeypatch.setenv("AMBROSIO_LOG", "not a level")
    return tmp_path


def test_a_bot_that_hears_from_telegram_is_healthy(folder):
    beat(folder)

    assert health() == (0, "healthy: Telegram last answered 0 s ago")


@pytest.mark.parametrize("seconds", [MAX_SILENCE_SECONDS, 10_000])
def test_a_bot_that_hears_nothing_is_not(folder, monkeypatch, seconds):
    beat(folder, now=lambda: 1000.0)
    monkeypatch.setattr(
        "ambrosio.bot.heartbeat.silence_seconds.__kwdefaults__", {"now": lambda: 1000.0 + seconds}
    )

    assert health() == (1, f"unhealthy: Telegram last answered {seconds} s ago")


def test_one_that_has_not_started_or_cannot_be_seen_is_not(folder):
    assert health()[0] == 1
    (folder / "alive").mkdir()
    assert health() == (1, f"unhealthy: cannot read `{folder}`: Is a directory")


@pytest.mark.parametrize(
    ("variable", "file"),
    [
        ("", ""),
        ("/of/the/environment", "AMBROSIO_DATA_DIR=/of/the/file"),
        ("", "AMBROSIO_DATA_DIR=/of/the/file"),
        ("", "AMBROSIO_DATA_DIR='/of the/file' # why\nAMBROSIO_OWNER=42"),
        ("", "AMBROSIO_DATA_DIR="),
        ("", "\ufeffAMBROSIO_DATA_DIR=relative"),
    ],
)
def test_the_folder_is_found_as_the_settings_find_it(tmp_path, monkeypatch, variable, file):
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text(file, "utf-8")
    monkeypatch.setenv("AMBROSIO_DATA_DIR", variable)

    assert data_dir() == settings.load().ambrosio_data_dir


def test_it_loads_nothing_that_takes_long(folder):
    # It runs every minute: pydantic alone would double what an idle bot costs.
    code = (
        "import sys; from ambrosio.cli import health, main; health.health(health.data_dir());"
        "print({'pydantic', 'asyncio', 'telegram', 'httpx', 'platformdirs'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines()[-1] == "set()"
