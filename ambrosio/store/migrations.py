"""Bringing a file to the format of this version, with a copy of it in the old one.

The copy is for going back to the version before. It holds what people wrote, so it goes as soon as
anything is deleted.
"""

import logging
import os
import sqlite3
import zlib
from pathlib import Path

from ..core.errors import DatabaseVersion
from . import schema

log = logging.getLogger(__name__)


def migrate(db: sqlite3.Connection, path: Path | None) -> None:
    """Run the migrations that a file lacks, each in a transaction.

    Raises `DatabaseVersion` if the file is from another version than this one can read, and
    `sqlite3.Error` or `OSError` if no copy can be written: without one, nothing is changed.

    Args:
        db: the open file.
        path: where it is; None for one in memory.
    """
    version, newest = db.execute("PRAGMA user_version").fetchone()[0], len(schema.MIGRATIONS)
    [written_by] = db.execute("PRAGMA application_id").fetchone()
    if version > newest or written_by != _digest(version):
        # Its tables are not ours: reading on would fail later, or change what it holds.
        copy = _copy_path(path, newest) if path else None
        raise DatabaseVersion(str(path), str(copy) if copy and copy.exists() else "")
    if path and 0 < version < newest:
        _copy(db, _copy_path(path, version))
    for number, script in enumerate(schema.MIGRATIONS[version:], start=version + 1):
        db.executescript(
            f"BEGIN; {script} PRAGMA user_version = {number}; "
            f"PRAGMA application_id = {_digest(number)}; COMMIT;"
        )


def delete_copies(path: Path) -> None:
    """Delete the copies in older formats, or raise `OSError`."""
    for copy in path.parent.glob(f"{path.name}.v*"):
        copy.unlink(missing_ok=True)


def _digest(version: int) -> int:
    """Return a number for the tables of a version, which change until it is released.

    For none it is 0, as in a new file.
    """
    scripts = "".join(schema.MIGRATIONS[:version])
    return zlib.crc32(scripts.encode()) & 0x7FFF_FFFF


def _copy_path(path: Path, version: int) -> Path:
    return path.with_name(f"{path.name}.v{version}")


def _copy(db: sqlite3.Connection, path: Path) -> None:
    # Whole or not at all: an attempt that was cut short is written over.
    unfinished = path.with_name(f"{path.name}.part")
    unfinished.unlink(missing_ok=True)
    os.close(os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    copy = sqlite3.connect(unfinished)
    try:
        db.backup(copy)
    finally:
        copy.close()
    unfinished.replace(path)
    log.info("kept a copy of the database in its previous format: %s", path)
