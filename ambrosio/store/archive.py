"""Exporting, deleting and backing up what is stored.

SQLite overwrites what is deleted (`secure_delete`), the full-text index is rebuilt without it, and
the write-ahead log is emptied, so that no trace of it is left in the files. Pictures that no other
turn shows are deleted with it.
"""

import logging
import os
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from ..core.errors import StoreFailed
from ..core.messages import Chat, PicturePart
from .database import Database, chat_key
from .documents import Documents
from .migrations import delete_copies
from .pictures import Pictures, folder_of, unpack_pictures

log = logging.getLogger(__name__)

# Tables with a column `turn_id`, whose rows are deleted with it.
TURN_TABLES = ("answer_messages", "image_sets", "images", "proposed_calls")
# Tables of what a person asked for besides turns.
PERSONAL_TABLES = ("reminders", "facts", "zones", "transcripts")
# Tables of what was said or asked for in a chat besides turns.
CHAT_TABLES = ("reminders", "transcripts", "transcript_messages")


@dataclass(frozen=True, slots=True)
class ConversationTurn:
    """A turn with all that an export shows; `answer` is None when it failed."""

    turn_id: int
    chat: Chat
    message_id: int
    at: float
    question: str
    answer: str | None
    provider: str
    model: str
    pictures: tuple[PicturePart, ...] = ()
    preface: str = ""


class Archive:
    """Exports, deletes and backs up."""

    def __init__(self, database: Database, pictures: Pictures, documents: Documents) -> None:
        self._database, self._pictures, self._documents = database, pictures, documents
        # Pictures of turns that were deleted; their files go once that is certain.
        self._dropped_pictures: set[str] = set()

    def conversation(self, turn_id: int | None) -> list[ConversationTurn]:
        """Return the turns that lead to `turn_id`, itself included, oldest first."""
        rows = self._database.read(
            "WITH RECURSIVE chain AS ("
            " SELECT turns.*, 0 AS depth FROM turns WHERE id = ?"
            " UNION ALL SELECT turns.*, depth + 1"
            " FROM turns JOIN chain ON turns.id = chain.parent_id)"
            " SELECT * FROM chain ORDER BY depth DESC",
            turn_id,
        )
        return [
            ConversationTurn(
                turn_id=row["id"],
                chat=Chat(row["chat_id"], row["topic_id"]),
                message_id=row["message_id"],
                at=row["at"],
                question=row["question"],
                answer=row["answer"],
                provider=row["provider"],
                model=row["model"],
                pictures=unpack_pictures(row["pictures"]),
                preface=row["preface"],
            )
            for row in rows
        ]

    def forget_chat(self, chat: Chat) -> int:
        """Delete everything said in a chat; return the number of turns."""
        with self._database.transaction() as db:
            where = "chat_id = ? AND topic_id = ?"
            here = chat_key(chat)
            db.execute(f"DELETE FROM outbox WHERE {where}", here)  # noqa: S608  our own column names
            db.execute(f"DELETE FROM requests WHERE {where}", here)  # noqa: S608
            db.execute(f"DELETE FROM tool_uses WHERE {where}", here)  # noqa: S608
            db.execute(f"DELETE FROM inbox WHERE state <> 'new' AND {where}", here)  # noqa: S608
            self._drop_digests(db, where, here)
            self._documents.drop(db, where, here)
            for table in CHAT_TABLES:
                db.execute(f"DELETE FROM {table} WHERE {where}", here)  # noqa: S608
            count = self._drop_turns(db, where, here)
        self._scrub()
        return count

    def forget_person(self, user_id: int, *, charged_since: float = float("inf")) -> int:
        """Delete everything a user has said, in all chats; return the number of turns.

        The ledger keeps what each day has cost, without the user and the time of day. Calls from
        `charged_since` on keep the user, whose share of the budget would otherwise be whole again.
        """
        with self._database.transaction() as db:
            # A private chat has its user's id.
            db.execute("DELETE FROM outbox WHERE chat_id = ?", (user_id,))
            db.execute("DELETE FROM requests WHERE chat_id = ?", (user_id,))
            db.execute("DELETE FROM tool_uses WHERE chat_id = ?", (user_id,))
            # A chat in private mode stays in it.
            db.execute("DELETE FROM chats WHERE chat_id = ? AND local_only IS NOT 1", (user_id,))
            db.execute(
                "DELETE FROM outbox WHERE json_extract(body, '$.turn_id') IN"
                " (SELECT id FROM turns WHERE user_id = ?)",
                (user_id,),
            )
            db.execute(
                "DELETE FROM inbox WHERE state <> 'new' AND (chat_id = ?1 OR ?1 IN ("
                " json_extract(nullif(body, ''), '$.message.from.id'),"
                " json_extract(nullif(body, ''), '$.edited_message.from.id'),"
                " json_extract(nullif(body, ''), '$.callback_query.from.id')))",
                (user_id,),
            )
            self._drop_digests(db, "user_id = ?", (user_id,))
            self._documents.drop(db, "user_id = ?", (user_id,))
            db.execute(
                "UPDATE ledger SET user_id = iif(at < ?, 0, user_id),"
                " at = CAST(at / 86400 AS INTEGER) * 86400 WHERE user_id = ?",
                (charged_since, user_id),
            )
            for table in PERSONAL_TABLES:
                db.execute(f"DELETE FROM {table} WHERE user_id = ?", (user_id,))  # noqa: S608
            count = self._drop_turns(db, "user_id = ?", (user_id,))
        self._scrub()
        return count

    def expire(self, before: float) -> int:
        """Delete the turns that are older than a moment; return their number."""
        with self._database.transaction() as db:
            db.execute("DELETE FROM requests WHERE last_at < ?", (before,))
            db.execute("DELETE FROM transcripts WHERE at < ?", (before,))
            db.execute("DELETE FROM tool_uses WHERE last_at < ?", (before,))
            self._drop_digests(db, "at < ?", (before,))
            self._documents.drop(db, "at < ?", (before,))
            count = self._drop_turns(db, "at < ?", (before,))
        if count:
            self._scrub(tidy=False)
        return count

    def _drop_turns(self, db: sqlite3.Connection, where: str, args: tuple[object, ...]) -> int:
        turns = f"(SELECT id FROM turns WHERE {where})"  # noqa: S608  our own column names
        db.execute(
            "DELETE FROM question_parts WHERE (chat_id, main_message_id) IN"  # noqa: S608
            f" (SELECT chat_id, message_id FROM turns WHERE {where})",
            args,
        )
        self._dropped_pictures |= {
            row["hash"]
            for row in db.execute(
                "SELECT json_extract(value, '$[0]') AS hash FROM turns, json_each(turns.pictures)"  # noqa: S608
                f" WHERE {where}",
                args,
            )
        }
        for table in TURN_TABLES:
            db.execute(f"DELETE FROM {table} WHERE turn_id IN {turns}", args)  # noqa: S608
        db.execute(f"UPDATE chats SET latest_turn_id = NULL WHERE latest_turn_id IN {turns}", args)  # noqa: S608
        count = db.execute(f"DELETE FROM turns WHERE {where}", args).rowcount  # noqa: S608
        if count:
            # The triggers only mark the words as deleted in the index.
            db.execute("INSERT INTO turn_words (turn_words) VALUES ('rebuild')")
        return count

    def _drop_digests(self, db: sqlite3.Connection, where: str, args: tuple[object, ...]) -> None:
        """Forget what messages said, but not that they were there: an edit of one does nothing."""
        db.execute(f"UPDATE message_digests SET digest = '' WHERE {where}", args)  # noqa: S608

    def _scrub(self, *, tidy: bool = True) -> None:
        """Leave nothing of what was deleted in the files, and shrink them."""
        self._pictures.delete_unused(self._dropped_pictures)
        self._dropped_pictures.clear()
        try:
            if file := self._database.file:
                delete_copies(file)
        except OSError as exc:
            log.warning("an old copy of the database could not be deleted: %s", exc)
        try:
            if tidy:
                self._database.connection.execute("VACUUM")
            self._database.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except sqlite3.DatabaseError as exc:
            # The rows are gone and overwritten; only the files could not be shrunk.
            log.warning("the database was not tidied up: %s", exc)

    def backup(self, path: Path) -> None:
        """Copy the database, as it is at one moment, into a new file, or raise `StoreFailed`.

        The pictures go into a folder beside it.
        """
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        except OSError as exc:
            raise StoreFailed(f"{path}: {exc.strerror}") from exc
        try:
            copy = sqlite3.connect(path)
            try:
                self._database.connection.backup(copy)
            finally:
                copy.close()
            if folder := folder_of(path):
                self._pictures.copy_to(folder, self._pictures.used())
        except (sqlite3.Error, OSError) as exc:
            path.unlink()
            raise StoreFailed(str(exc)) from exc
