"""The file itself: opening, tables, transactions.

Synchronous on purpose: a statement takes microseconds and a commit one sync of the disk, which is
what a promise to lose nothing costs.
"""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Self

from ..core.errors import StoreFailed
from ..core.messages import Chat

MIGRATIONS = (
    """
    CREATE TABLE offsets (bot INTEGER PRIMARY KEY, next INTEGER NOT NULL);
    CREATE TABLE inbox (
        seq INTEGER PRIMARY KEY AUTOINCREMENT, bot INTEGER NOT NULL, number INTEGER NOT NULL,
        lane TEXT NOT NULL, chat INTEGER NOT NULL, message INTEGER NOT NULL, body TEXT NOT NULL,
        at REAL NOT NULL, attempts INTEGER NOT NULL DEFAULT 0,
        state TEXT NOT NULL DEFAULT 'new' CHECK (state IN ('new', 'done', 'aside')),
        error TEXT NOT NULL DEFAULT '', preview INTEGER, UNIQUE (bot, number));
    CREATE INDEX inbox_lanes ON inbox (state, lane, seq);
    CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT NOT NULL, owner INTEGER NOT NULL);
    CREATE TABLE groups (id INTEGER PRIMARY KEY, title TEXT NOT NULL);
    CREATE TABLE places (
        chat INTEGER NOT NULL, topic INTEGER NOT NULL, head INTEGER, vv INTEGER NOT NULL DEFAULT 0,
        model TEXT NOT NULL DEFAULT '', PRIMARY KEY (chat, topic)) WITHOUT ROWID;
    CREATE TABLE turns (
        id INTEGER PRIMARY KEY AUTOINCREMENT, chat INTEGER NOT NULL, topic INTEGER NOT NULL,
        message INTEGER NOT NULL, person INTEGER NOT NULL, question TEXT NOT NULL,
        concise INTEGER NOT NULL, parent INTEGER, start INTEGER, answer TEXT,
        provider TEXT NOT NULL DEFAULT '', model TEXT NOT NULL DEFAULT '', at REAL NOT NULL);
    CREATE INDEX turns_messages ON turns (chat, message);
    CREATE TABLE shown (
        chat INTEGER NOT NULL, message INTEGER NOT NULL, turn INTEGER NOT NULL,
        PRIMARY KEY (chat, message)) WITHOUT ROWID;
    CREATE INDEX shown_turns ON shown (turn);
    CREATE TABLE outbox (
        id INTEGER PRIMARY KEY AUTOINCREMENT, chat INTEGER NOT NULL, topic INTEGER NOT NULL,
        body TEXT NOT NULL, tries INTEGER NOT NULL DEFAULT 0, at REAL NOT NULL);
    CREATE TABLE files (
        outbox INTEGER NOT NULL REFERENCES outbox (id) ON DELETE CASCADE, name TEXT NOT NULL,
        photo INTEGER NOT NULL, content BLOB NOT NULL);
    CREATE TABLE ledger (
        id INTEGER PRIMARY KEY, at REAL NOT NULL, person INTEGER NOT NULL, provider TEXT NOT NULL,
        model TEXT NOT NULL, prompt INTEGER, cached INTEGER, completion INTEGER, usd TEXT);
    CREATE INDEX ledger_days ON ledger (at);
    """,
    """
    CREATE TABLE paintings (
        turn INTEGER PRIMARY KEY, wish TEXT NOT NULL, seeds TEXT NOT NULL,
        provider TEXT NOT NULL, model TEXT NOT NULL);
    CREATE TABLE pictures (
        turn INTEGER NOT NULL, number INTEGER NOT NULL, seed INTEGER, kind TEXT NOT NULL,
        width INTEGER NOT NULL, height INTEGER NOT NULL, content BLOB,
        photo_id TEXT NOT NULL DEFAULT '', document_id TEXT NOT NULL DEFAULT '',
        PRIMARY KEY (turn, number));
    ALTER TABLE files ADD COLUMN painting INTEGER;
    ALTER TABLE files ADD COLUMN picture INTEGER;
    ALTER TABLE ledger ADD COLUMN pictures INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE ledger ADD COLUMN megapixels REAL NOT NULL DEFAULT 0;
    """,
    # `secrets` names the messages whose words stay home, and holds none of them; `asked` says who
    # was asked how often, whatever came of it.
    """
    ALTER TABLE turns ADD COLUMN private INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE places ADD COLUMN private INTEGER;
    ALTER TABLE places ADD COLUMN via TEXT NOT NULL DEFAULT 'auto';
    ALTER TABLE places ADD COLUMN rich INTEGER;
    CREATE TABLE secrets (
        chat INTEGER NOT NULL, message INTEGER NOT NULL, PRIMARY KEY (chat, message)) WITHOUT ROWID;
    CREATE TABLE asked (
        chat INTEGER NOT NULL, topic INTEGER NOT NULL, provider TEXT NOT NULL, model TEXT NOT NULL,
        times INTEGER NOT NULL, at REAL NOT NULL,
        PRIMARY KEY (chat, topic, provider, model)) WITHOUT ROWID;
    """,
    """
    ALTER TABLE ledger ADD COLUMN kind TEXT NOT NULL DEFAULT 'chat';
    ALTER TABLE ledger ADD COLUMN estimated INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE ledger ADD COLUMN outcome TEXT NOT NULL DEFAULT 'done';
    ALTER TABLE ledger ADD COLUMN counts_usd TEXT NOT NULL DEFAULT '0';
    UPDATE ledger SET counts_usd = usd WHERE usd IS NOT NULL;
    CREATE TABLE told (what TEXT PRIMARY KEY) WITHOUT ROWID;
    """,
    """
    CREATE VIRTUAL TABLE words USING fts5 (
        question, answer, content = 'turns', content_rowid = 'id',
        tokenize = 'unicode61 remove_diacritics 2');
    INSERT INTO words (words) VALUES ('rebuild');
    CREATE TRIGGER words_added AFTER INSERT ON turns BEGIN
        INSERT INTO words (rowid, question, answer) VALUES (new.id, new.question, new.answer);
    END;
    CREATE TRIGGER words_gone AFTER DELETE ON turns BEGIN
        INSERT INTO words (words, rowid, question, answer)
        VALUES ('delete', old.id, old.question, old.answer);
    END;
    CREATE TRIGGER words_changed AFTER UPDATE OF question, answer ON turns BEGIN
        INSERT INTO words (words, rowid, question, answer)
        VALUES ('delete', old.id, old.question, old.answer);
        INSERT INTO words (rowid, question, answer) VALUES (new.id, new.question, new.answer);
    END;
    CREATE INDEX turns_people ON turns (person);
    """,
)


class DecimalSum:
    """Adds amounts up exactly, where SQLite's own `sum` would make floats of them."""

    def __init__(self) -> None:
        self._sum = Decimal(0)

    def step(self, amount: str | None) -> None:
        """Take in the amount of a row."""
        self._sum += Decimal(amount or 0)

    def finalize(self) -> str:
        """Give the sum."""
        return str(self._sum)


class Database:
    """One SQLite file, only for its owner to read; opening and closing it is `with`."""

    def __init__(
        self,
        path: Path | str,
        *,
        now: Callable[[], float],
        originals_bytes: int = 500 * 1024 * 1024,
    ) -> None:
        self._path = path
        self._now = now
        self._originals_bytes = originals_bytes
        self._db: sqlite3.Connection

    def __enter__(self) -> Self:
        """Open the file, or raise `StoreFailed`; bring its tables up to date."""
        try:
            if self._path != ":memory:":
                path = Path(self._path)
                path.parent.mkdir(parents=True, exist_ok=True)
                os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
            self._db = sqlite3.connect(self._path, isolation_level=None, timeout=5)
        except (OSError, sqlite3.Error) as exc:
            raise StoreFailed(str(exc)) from exc
        try:
            self._set_up()
        except sqlite3.Error as exc:
            self._db.close()
            raise StoreFailed(str(exc)) from exc
        return self

    def __exit__(self, *_exc: object) -> None:
        self._db.close()

    def _set_up(self) -> None:
        self._db.row_factory = sqlite3.Row
        self._db.create_aggregate("total_usd", 1, DecimalSum)  # type: ignore[arg-type]  # gives text
        self._db.execute("PRAGMA journal_mode = WAL")
        # FULL: an update that Telegram was told we have must survive a power cut.
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.execute("PRAGMA foreign_keys = ON")
        self._db.execute("PRAGMA secure_delete = ON")
        self._migrate()

    def _migrate(self) -> None:
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        for number, script in enumerate(MIGRATIONS[version:], start=version + 1):
            self._db.executescript(f"BEGIN; {script} PRAGMA user_version = {number}; COMMIT;")

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """Open a transaction that ends whole or not at all."""
        try:
            self._db.execute("BEGIN IMMEDIATE")
            yield self._db
            self._db.execute("COMMIT")
        except sqlite3.DatabaseError as exc:
            raise StoreFailed(str(exc)) from exc
        finally:
            # SQLite has rolled back by itself after some failures, a full disk among them.
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")

    def _read(self, sql: str, *args: object) -> list[sqlite3.Row]:
        try:
            return self._db.execute(sql, args).fetchall()
        except sqlite3.DatabaseError as exc:
            raise StoreFailed(str(exc)) from exc


def chat_key(chat: Chat) -> tuple[int, int]:
    """Give the columns that name a place."""
    return chat.chat_id, chat.topic_id
