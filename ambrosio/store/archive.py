"""What is remembered of conversations: finding it, taking it along, and forgetting it for good.

SQLite overwrites what is deleted (`secure_delete`), the index of words is made anew without it, and
the write-ahead log is emptied, so that nothing of it is left in the files.
"""

import logging
import os
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from ..core.errors import StoreFailed
from ..core.messages import Chat
from .database import Database

log = logging.getLogger(__name__)

# Tables with a column `turn`, whose rows go with it.
OF_A_TURN = ("shown", "paintings", "pictures")
SNIPPET_TOKENS = 16


@dataclass(frozen=True, slots=True)
class ConversationTurn:
    """A turn of the past; `answer` is None when it failed."""

    turn_id: int
    chat: Chat
    message_id: int
    at: float
    question: str
    answer: str | None
    provider: str
    model: str


@dataclass(frozen=True, slots=True)
class SearchHit:
    """A turn with the words that were looked for; `quote` is the passage around them."""

    turn_id: int
    chat: Chat
    message_id: int
    at: float
    quote: str
    local_only: bool


class Archive(Database):
    """Searching, exporting, forgetting."""

    def conversation(self, head: int | None) -> list[ConversationTurn]:
        """Give the turns that lead to `head`, itself included, oldest first."""
        found = self._read(
            "WITH RECURSIVE chain AS ("
            " SELECT turns.*, 0 AS depth FROM turns WHERE id = ?"
            " UNION ALL SELECT turns.*, depth + 1 FROM turns JOIN chain ON turns.id = chain.parent)"
            " SELECT * FROM chain ORDER BY depth DESC",
            head,
        )
        return [
            ConversationTurn(
                turn_id=row["id"],
                chat=Chat(row["chat"], row["topic"]),
                message_id=row["message"],
                at=row["at"],
                question=row["question"],
                answer=row["answer"],
                provider=row["provider"],
                model=row["model"],
            )
            for row in found
        ]

    def search(
        self, words: str, *, user_id: int, chat_id: int | None = None, limit: int = 5
    ) -> list[SearchHit]:
        """Find turns of a person in which all words occur, or begin so; the best first."""
        terms = " ".join('"{}"*'.format(word.replace('"', '""')) for word in words.split())
        found = self._read(
            "SELECT turns.*, snippet(words, -1, '', '', ' … ', ?) AS quote"
            " FROM words JOIN turns ON turns.id = words.rowid"
            " WHERE words MATCH ? AND person = ? AND (?4 IS NULL OR chat = ?4)"
            " ORDER BY rank LIMIT ?5",
            SNIPPET_TOKENS,
            terms,
            user_id,
            chat_id,
            limit,
        )
        return [
            SearchHit(
                turn_id=row["id"],
                chat=Chat(row["chat"], row["topic"]),
                message_id=row["message"],
                at=row["at"],
                quote=row["quote"],
                local_only=bool(row["private"]),
            )
            for row in found
        ]

    def forget_chat(self, chat: Chat) -> int:
        """Delete all that was said at a place; give the number of turns."""
        with self._writing() as db:
            where = "chat = ? AND topic = ?"
            here = (chat.chat_id, chat.topic_id)
            db.execute(f"DELETE FROM outbox WHERE {where}", here)  # noqa: S608  our own words
            db.execute(f"DELETE FROM asked WHERE {where}", here)  # noqa: S608
            lane = f"%:{chat.topic_id}"
            db.execute(
                "DELETE FROM inbox WHERE state <> 'new' AND chat = ? AND lane LIKE ?",
                (chat.chat_id, lane),
            )
            count = self._drop_turns(db, where, here)
        self._scrub()
        return count

    def forget_person(self, user_id: int, *, charged_since: float = float("inf")) -> int:
        """Delete all that a person has said, everywhere; give the number of turns.

        Of the ledger only what each day has cost stays, without a person and a time of day. Days
        since a moment stay `charged` to the person, whose share would be whole again without them.
        """
        with self._writing() as db:
            # A private chat has its person's number.
            db.execute("DELETE FROM outbox WHERE chat = ?", (user_id,))
            db.execute("DELETE FROM asked WHERE chat = ?", (user_id,))
            # What is said next in a private chat must not leave the house either.
            db.execute("DELETE FROM places WHERE chat = ? AND private IS NOT 1", (user_id,))
            db.execute(
                "DELETE FROM outbox WHERE json_extract(body, '$.turn_id') IN"
                " (SELECT id FROM turns WHERE person = ?)",
                (user_id,),
            )
            db.execute(
                "DELETE FROM inbox WHERE state <> 'new' AND (chat = ?1 OR ?1 IN ("
                " json_extract(nullif(body, ''), '$.message.from.id'),"
                " json_extract(nullif(body, ''), '$.edited_message.from.id'),"
                " json_extract(nullif(body, ''), '$.callback_query.from.id')))",
                (user_id,),
            )
            db.execute(
                "UPDATE ledger SET person = iif(at < ?, 0, person),"
                " at = CAST(at / 86400 AS INTEGER) * 86400 WHERE person = ?",
                (charged_since, user_id),
            )
            count = self._drop_turns(db, "person = ?", (user_id,))
        self._scrub()
        return count

    def expire(self, before: float) -> int:
        """Delete the turns that are older than a moment; give their number."""
        with self._writing() as db:
            db.execute("DELETE FROM asked WHERE at < ?", (before,))
            count = self._drop_turns(db, "at < ?", (before,))
        if count:
            self._scrub(tidy=False)
        return count

    def _drop_turns(self, db: sqlite3.Connection, where: str, args: tuple[object, ...]) -> int:
        turns = f"(SELECT id FROM turns WHERE {where})"  # noqa: S608  our own words
        for table in OF_A_TURN:
            db.execute(f"DELETE FROM {table} WHERE turn IN {turns}", args)  # noqa: S608
        db.execute(f"UPDATE places SET head = NULL WHERE head IN {turns}", args)  # noqa: S608
        count = db.execute(f"DELETE FROM turns WHERE {where}", args).rowcount  # noqa: S608
        if count:
            # The triggers leave the words themselves in the index, only marked as deleted.
            db.execute("INSERT INTO words (words) VALUES ('rebuild')")
        return count

    def _scrub(self, *, tidy: bool = True) -> None:
        """Leave nothing of what was deleted in the files, and give their room back."""
        try:
            if tidy:
                self._db.execute("VACUUM")
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except sqlite3.DatabaseError as exc:
            # The rows are gone and overwritten; only the room could not be given back.
            log.warning("the database was not tidied up: %s", exc)

    def backup(self, path: Path) -> None:
        """Copy all of it into a new file as it is at one moment, or raise `StoreFailed`."""
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        except OSError as exc:
            raise StoreFailed(f"{path}: {exc.strerror}") from exc
        try:
            copy = sqlite3.connect(path)
            try:
                self._db.backup(copy)
            finally:
                copy.close()
        except sqlite3.Error as exc:
            path.unlink()
            raise StoreFailed(str(exc)) from exc
