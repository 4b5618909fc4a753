"""Reads `.env` and `ambrosio.toml`."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dotenv import dotenv_values

from ..core.errors import InvalidSettings

# Some editors put a byte order mark at the beginning of a file.
ENCODING = "utf-8-sig"


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
