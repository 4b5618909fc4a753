"""The machine's time zone."""

import os
from collections.abc import Mapping
from pathlib import Path

from ..core.zones import find_zone

ZONEINFO = "zoneinfo/"


def machine_zone(environ: Mapping[str, str] = os.environ, etc: Path = Path("/etc")) -> str:
    """Return the zone of `TZ`, else of `/etc/localtime` or `/etc/timezone`, else UTC."""
    return (
        find_zone(environ.get("TZ", "").lstrip(":"))
        or find_zone(_link_target(etc / "localtime"))
        or find_zone(_first_line(etc / "timezone"))
        or "UTC"
    )


def _link_target(path: Path) -> str:
    """Return the part of a link behind `zoneinfo/`."""
    return str(path.resolve()).rpartition(ZONEINFO)[2] if path.is_symlink() else ""


def _first_line(path: Path) -> str:
    try:
        return path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""
