"""The file itself: opening it, bringing its tables up to date, reading, transactions.

Synchronous on purpose: a statement takes microseconds. A commit takes a sync of the disk besides,
which is what a promise to lose nothing costs; the bot, which must not stand still for so long, has
it done in a thread (`syncing_later`). It knows no table; the components of `Store` do.
"""

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from decimal import Decimal
from pathlib import Path

from ..core.errors import AmbrosioError, NotStorable, StoreFailed
from ..core.messages import Chat
from ..core.zones import local_time
from .migrations import migrate

BUSY_SECONDS = 5
# Of the log, in a thread; by itself SQLite waits for 1,000.
SHORT_LOG_PAGES = 250
EMPTYING_ATTEMPTS = 100
EMPTYING_PAUSE_SECONDS = 0.05
# What is wrong with the file or the disk, and may be over later: the codes of SQLite's `Result and
# Error Codes` without the detail in their upper bits. All other failures are about the content.
DISK_CODES = frozenset(
    (
        *(sqlite3.SQLITE_PERM, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_NOMEM),
        *(sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CORRUPT),
        *(sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PROTOCOL),
        *(sqlite3.SQLITE_NOLFS, sqlite3.SQLITE_NOTADB),
    )
)
# Half of a character, and a number with more than 64 bits.
CONTENT_ERRORS = (UnicodeEncodeError, OverflowError)


class DecimalSum:
    """Adds amounts up exactly, where SQLite's own `sum` would turn them into floats."""

    def __init__(self) -> None:
        self._sum = Decimal(0)

    def step(self, amount: str | None) -> None:
        """Add the amount of one row; NULL counts as zero."""
        self._sum += Decimal(amount or 0)

    def finalize(self) -> str:
        """Return the sum as decimal text."""
        return str(self._sum)


def _local_day(at: float, zone: str) -> str:
    return local_time(at, zone).date().isoformat()


class Database:
    """One SQLite file that only its owner can read.

    Every method may raise `StoreFailed`, and `NotStorable` for a value that it does not take.
    """

    connection: sqlite3.Connection

    def __init__(self, path: Path | str, *, now: Callable[[], float]) -> None:
        self._path = path
        self.now = now
        self.raw_file: int | None = None
        self._another_open = threading.Lock()
        self._on_commit: Callable[[], None] | None = None

    @property
    def file(self) -> Path | None:
        """Where the file is; None for one in memory."""
        return None if self._path == ":memory:" else Path(self._path)

    def open(self) -> None:
        """Open the file, creating it if needed, and run the migrations it lacks."""
        try:
            if self._path != ":memory:":
                path = Path(self._path)
                path.parent.mkdir(parents=True, exist_ok=True)
                self.raw_file = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
            self.connection = sqlite3.connect(
                self._path, isolation_level=None, timeout=BUSY_SECONDS
            )
        except (OSError, sqlite3.Error) as exc:
            self._close_raw_file()
            raise StoreFailed(str(exc)) from exc
        try:
            self._set_up()
        except StoreFailed:
            self.close()
            raise
        except (sqlite3.Error, OSError) as exc:
            self.close()
            raise StoreFailed(str(exc)) from exc

    def close(self) -> None:
        """Close the file, once no other connection is open."""
        with self._another_open:
            self.connection.close()
            # Closing it releases the locks that SQLite has on the file.
            self._close_raw_file()

    def _close_raw_file(self) -> None:
        if self.raw_file is not None:
            os.close(self.raw_file)
            self.raw_file = None

    @contextmanager
    def another(self) -> Iterator["Database"]:
        """Open another connection to the file, for a thread; one in memory has only itself.

        What it commits is on the disk when the log is emptied.
        """
        if self.file is None:
            yield self
            return
        other = Database(self._path, now=self.now)
        try:
            other.connection = sqlite3.connect(
                self._path, isolation_level=None, timeout=BUSY_SECONDS
            )
            with self._another_open, closing(other.connection):
                _prepare(other.connection)
                other.connection.execute("PRAGMA synchronous = NORMAL")
                # Before the log is so long that those who write in between would empty it.
                other.connection.execute(f"PRAGMA wal_autocheckpoint = {SHORT_LOG_PAGES}")
                other.raw_file = self.raw_file
                yield other
        except sqlite3.Error as exc:
            raise StoreFailed(str(exc)) from exc

    @property
    def is_log_empty(self) -> bool:
        """Whether everything that was committed is in the file itself."""
        try:
            return Path(f"{self._path}-wal").stat().st_size == 0
        except FileNotFoundError:
            return True

    def empty_log(self) -> None:
        """Move what was committed from the log to the file, and cut the log to nothing.

        Raises `StoreFailed` if others read or write for too long.
        """
        for _ in range(EMPTYING_ATTEMPTS):
            # The first does most of it while others go on.
            self.read("PRAGMA wal_checkpoint(PASSIVE)")
            [(busy, *_)] = self.read("PRAGMA wal_checkpoint(TRUNCATE)")
            if not busy:
                return
            time.sleep(EMPTYING_PAUSE_SECONDS)
        raise StoreFailed("others keep reading the database")

    @contextmanager
    def syncing_later(self, on_commit: Callable[[], None]) -> Iterator[None]:
        """Commit without waiting for the disk; `on_commit` is called when `sync` is to be."""
        self._on_commit = on_commit
        self.connection.execute("PRAGMA synchronous = NORMAL")
        try:
            yield
        finally:
            self._on_commit = None
            self.connection.execute("PRAGMA synchronous = FULL")
            self.sync()

    def damage(self) -> str:
        """Look through the whole file for damage; return what is found first, or "".

        It takes a connection of its own, so any thread may do so.
        """
        if self.file is None:
            return ""
        try:
            uri = f"{self.file.resolve().as_uri()}?mode=ro"
            with closing(sqlite3.connect(uri, uri=True)) as db:
                [(found,), *_] = db.execute("PRAGMA quick_check(1)").fetchall()
        except sqlite3.Error as exc:
            return str(exc)
        return "" if found == "ok" else str(found)

    def sync(self) -> None:
        """Wait until everything that was committed is on the disk; any thread may do so."""
        try:
            # SQLite's locks are on the other two files: closing this one releases none of them.
            log_file = os.open(f"{self._path}-wal", os.O_RDONLY)
            try:
                os.fsync(log_file)
            finally:
                os.close(log_file)
        except FileNotFoundError:
            # In memory, or nothing was written yet.
            return
        except OSError as exc:
            raise StoreFailed(str(exc)) from exc

    def _set_up(self) -> None:
        db = self.connection
        db.execute("PRAGMA journal_mode = WAL")
        # FULL: an update that Telegram was told we have must survive a power cut.
        db.execute("PRAGMA synchronous = FULL")
        _prepare(db)
        migrate(db, self.file)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Change everything in the block or nothing; a transaction within one joins it."""
        db = self.connection
        nested = db.in_transaction
        if nested:
            yield db
            return
        try:
            db.execute("BEGIN IMMEDIATE")
            yield db
            db.execute("COMMIT")
            if self._on_commit:
                self._on_commit()
        except (sqlite3.Error, *CONTENT_ERRORS) as exc:
            raise _failure(exc) from exc
        finally:
            # SQLite has rolled back by itself after some failures, a full disk among them.
            if db.in_transaction:
                db.execute("ROLLBACK")

    def read(self, sql: str, *args: object) -> list[sqlite3.Row]:
        """Run one query and return all of its rows."""
        try:
            return self.connection.execute(sql, args).fetchall()
        except (sqlite3.Error, *CONTENT_ERRORS) as exc:
            raise _failure(exc) from exc

    def current_place(self, chat: Chat, message_id: int = 0) -> tuple[Chat, int]:
        """Return where a chat and a message of it are now.

        A group that became a supergroup has another id, and its older messages negative ones.
        """
        if chat.is_private:
            return chat, message_id
        rows = self.read("SELECT new_chat_id FROM moved_chats WHERE old_chat_id = ?", chat.chat_id)
        if not rows:
            return chat, message_id
        return Chat(rows[0]["new_chat_id"], chat.topic_id), -abs(message_id)

    def current_key(self, chat: Chat) -> tuple[int, int]:
        """Return the values of `chat_id` and `topic_id`, also of a group that has moved."""
        return chat_key(self.current_place(chat)[0])


def _prepare(db: sqlite3.Connection) -> None:
    db.row_factory = sqlite3.Row
    db.create_aggregate("total_usd", 1, DecimalSum)  # type: ignore[arg-type]  # returns text
    db.create_function("local_day", 2, _local_day, deterministic=True)
    db.execute("PRAGMA foreign_keys = ON")
    db.execute("PRAGMA secure_delete = ON")


def _failure(exc: Exception) -> AmbrosioError:
    """Tell a disk that may recover from a value that will be refused again."""
    code = getattr(exc, "sqlite_errorcode", None)
    if code is not None and code & 0xFF in DISK_CODES:
        return StoreFailed(str(exc))
    return NotStorable(str(exc))


def chat_key(chat: Chat) -> tuple[int, int]:
    """Return the values of `chat_id` and `topic_id`."""
    return chat.chat_id, chat.topic_id
