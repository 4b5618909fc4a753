"""The pictures that people sent: files named by their SHA-256, beside the database.

Exactly the bytes that models are sent: their caches know a picture by them. A file is written
before the row that names it, so a crash leaves at worst a file that no row names, which `sweep`
deletes. The same picture is kept once, however often it is sent.
"""

import hashlib
import json
import logging
import os
import secrets
from collections.abc import Iterable
from pathlib import Path

from ..core.errors import StoreFailed
from ..core.messages import PicturePart
from .database import Database

log = logging.getLogger(__name__)

# A file that no row names may belong to a question that is being answered.
ORPHAN_SECONDS = 3_600.0


def folder_of(database: Path | str) -> Path | None:
    """Return the folder beside a database or a backup; None for one in memory."""
    if database == ":memory:":
        return None
    path = Path(database)
    return path.with_name(f"{path.name}.pictures")


class Pictures:
    """The files; which turn shows which picture is in `turns`."""

    def __init__(self, database: Database, folder: Path | None) -> None:
        self._database, self._folder = database, folder

    def keep(self, content: bytes) -> str:
        """Write a file, unless it is there, and return its hash, or raise `StoreFailed`."""
        name = hashlib.sha256(content).hexdigest()
        if self._folder is None:
            raise StoreFailed("a database in memory keeps no pictures")
        path = self._folder / name
        try:
            if not path.exists():
                self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                _write(path, content)
            # It is needed from now on, whatever has become of its row.
            now = self._database.now()
            os.utime(path, (now, now))
        except OSError as exc:
            raise StoreFailed(str(exc)) from exc
        return name

    def read(self, picture_hash: str) -> bytes:
        """Return a picture's bytes; empty if they are gone."""
        try:
            return (self._folder / picture_hash).read_bytes() if self._folder else b""
        except OSError:
            return b""

    def used(self) -> set[str]:
        """Return the hashes of all pictures that a turn shows."""
        rows = self._database.read(
            "SELECT json_extract(value, '$[0]') AS hash FROM turns, json_each(turns.pictures)"
            " WHERE turns.pictures <> '[]'"
        )
        return {row["hash"] for row in rows}

    def delete_unused(self, hashes: Iterable[str]) -> None:
        """Delete those of these pictures that no turn shows any more."""
        if self._folder is not None and (unused := set(hashes) - self.used()):
            for name in unused:
                _delete(self._folder / name)

    def sweep(self) -> None:
        """Delete the files that a crash has left behind, or an edit that replaced a picture."""
        if self._folder is None or not self._folder.exists():
            return
        used, before = self.used(), self._database.now() - ORPHAN_SECONDS
        for path in self._folder.iterdir():
            if path.name not in used and _changed_at(path) < before:
                _delete(path)

    def copy_to(self, folder: Path, hashes: Iterable[str]) -> None:
        """Copy pictures to another folder; those that are gone are left out. Raises `OSError`."""
        for name in hashes:
            if content := self.read(name):
                folder.mkdir(mode=0o700, exist_ok=True)
                _write(folder / name, content)


def _write(path: Path, content: bytes) -> None:
    """Write a file that is there as a whole or not at all."""
    part = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
    with os.fdopen(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def _changed_at(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return float("inf")


def _delete(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as exc:
        log.warning("a picture could not be deleted: %s", exc.strerror)


def pack_pictures(pictures: Iterable[PicturePart]) -> str:
    """Write the pictures of a turn for its row."""
    return json.dumps(
        [(picture.hash, picture.width, picture.height, picture.mime) for picture in pictures]
    )


def unpack_pictures(packed: str) -> tuple[PicturePart, ...]:
    """Read the pictures of a turn from its row."""
    return tuple(PicturePart(*fields) for fields in json.loads(packed))
