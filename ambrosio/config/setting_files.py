"""Finds and reads `.env` and `ambrosio.toml`."""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dotenv import dotenv_values

from ..core.errors import InvalidSettings
from .setting_names import PREFIXES

# Some editors put a byte order mark at the beginning of a file.
ENCODING = "utf-8-sig"
ENV_FILE, TOML_FILE = ".env", "ambrosio.toml"
DATA_DIR = "AMBROSIO_DATA_DIR"


def find_folder() -> Path:
    """Return the folder with the settings: this one, or else that of the user.

    So `ambrosio chat` works in every folder, also in one whose `.env` is another program's. Who
    sets the data folder in the environment, as services and tests do, has the settings there too.
    """
    here = Path()
    if os.environ.get(DATA_DIR, "").strip() or _has_settings(here):
        return here
    users = user_folder()
    return users if _has_settings(users) else here


def user_folder() -> Path:
    """Return the user's folder for settings, such as `~/.config/ambrosio`."""
    import platformdirs  # noqa: PLC0415  not needed in a container

    return platformdirs.user_config_path("ambrosio")


def _has_settings(folder: Path) -> bool:
    if (folder / TOML_FILE).exists():
        return True
    # One that cannot be read is reported when it is loaded.
    try:
        names = read_names(folder / ENV_FILE)
    except InvalidSettings:
        return True
    return any(name.upper().startswith(PREFIXES) for name in names)


def read_names(path: Path) -> Mapping[str, str | None]:
    """Read the variables in `.env`, or raise `InvalidSettings`."""
    try:
        return dotenv_values(path, encoding=ENCODING)
    except (OSError, UnicodeDecodeError) as exc:
        raise InvalidSettings(
            [(".env", describe_read_error(exc), "expected a text file like .env.example")]
        ) from None


def read_tables(path: Path) -> dict[str, Any]:
    """Read `ambrosio.toml`, or raise `InvalidSettings`; a file that is not there is empty."""
    try:
        return tomllib.loads(path.read_text(ENCODING)) if path.exists() else {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as exc:
        raise InvalidSettings(
            [(path.name, describe_read_error(exc), "expected a valid TOML file")]
        ) from None


def describe_read_error(exc: Exception) -> str:
    """Say why a file cannot be read; for invalid TOML, also where the error is."""
    if isinstance(exc, UnicodeDecodeError):
        return "is not UTF-8 text"
    return f"cannot be read: {exc.strerror if isinstance(exc, OSError) else exc}"
