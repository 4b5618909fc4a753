"""Blanking what SQLite leaves behind within a page.

With `secure_delete`, SQLite overwrites the rows that are deleted and the pages that become free.
But when it moves rows to another page, their old copies stay in the space between that page's list
of rows and its rows, and a later deletion does not reach them. `VACUUM` would get rid of them, but
nobody can write meanwhile, for seconds. Here only that space is filled with zeros, in the file
itself. The layout is in "Database File Format", section 1.6, at sqlite.org.
"""

import os
import sqlite3
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from .database import Database

BLOCK_PAGES = 256
# So many are blanked in one go.
BATCH_PAGES = 1_000
FILE_HEADER_BYTES = 100
INTERIOR_PAGES, LEAF_PAGES = (2, 5), (10, 13)
# Other pages begin with the number of a page, so from here on they could be taken for one of these.
MAX_PAGES = 0x0200_0000


@dataclass(frozen=True, slots=True)
class Gap:
    """A part of a page that holds nothing, but is not blank; in bytes."""

    start: int
    size: int


class PageScrub:
    """Blanks the pages of a database that is in WAL mode."""

    def __init__(self, database: Database, file: int) -> None:
        """Take the open file besides: closing one would release the locks that SQLite has on it."""
        self._database, self._file = database, file
        self._page_bytes = database.read("PRAGMA page_size")[0][0]

    def find(self) -> Iterator[list[int]]:
        """Look through the file; yield the starts of pages to be blanked, some at a time.

        What was written lately must have been moved from the log to the file.
        """
        # With auto_vacuum, which we never set, some pages are a map of the others.
        if self._database.read("PRAGMA auto_vacuum")[0][0]:
            return
        if os.fstat(self._file).st_size // self._page_bytes >= MAX_PAGES:
            return
        start, found = 0, list[int]()
        while block := os.pread(self._file, BLOCK_PAGES * self._page_bytes, start):
            for offset in range(0, len(block) - self._page_bytes + 1, self._page_bytes):
                page = block[offset : offset + self._page_bytes]
                if find_gap(page, is_first=start + offset == 0):
                    found.append(start + offset)
            start += len(block)
            if len(found) >= BATCH_PAGES:
                yield found
                found = []
        if found:
            yield found

    def blank(self, pages: Sequence[int], touch: Callable[[sqlite3.Connection], object]) -> bool:
        """Blank pages; return False if others have written just now, so that it cannot be done.

        Meanwhile all of the database is in the file and nobody else writes. `touch` changes
        something, so that all connections read anew what they have in memory.
        """
        self._database.empty_log()
        with self._database.transaction() as db:
            if not self._database.is_log_empty:
                return False
            for start in pages:
                page = os.pread(self._file, self._page_bytes, start)
                if gap := find_gap(page, is_first=start == 0):
                    os.pwrite(self._file, bytes(gap.size), start + gap.start)
            touch(db)
        return True

    def finish(self) -> None:
        """Wait until the disk has everything."""
        os.fsync(self._file)


def find_gap(page: bytes, *, is_first: bool) -> Gap | None:
    """Return the space between the list of rows and the rows; None if it is blank or unknown."""
    head = FILE_HEADER_BYTES if is_first else 0
    if len(page) < head + 12 or page[head] not in (*INTERIOR_PAGES, *LEAF_PAGES):
        return None
    first_free, count, content = struct.unpack_from(">HHH", page, head + 1)
    content = content or 65_536
    start = head + (12 if page[head] in INTERIOR_PAGES else 8) + 2 * count
    usable = len(page)
    if not start <= content <= usable or (first_free and first_free < content):
        return None
    rows = struct.unpack_from(f">{count}H", page, start - 2 * count)
    if any(row < content or row >= usable for row in rows):
        return None
    if page.count(0, start, content) == content - start:
        return None
    return Gap(start, content - start)
