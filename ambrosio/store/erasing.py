"""Erasing what a person has said, a chat, or what has grown old, until no byte of it is left.

`begin_…` notes what is to be erased, and takes it out of the conversations. The rest is work for a
thread with a connection of its own: in steps so small that those who want to write meanwhile hardly
wait. A process that dies leaves the note, and the next one begins again where it ended.

SQLite overwrites what is deleted (`secure_delete`). Three things outlive that: words in the
full-text index, which are only marked until their part of it is written anew; copies of rows that
were moved, see `page_scrub`; and the write-ahead log.
"""

import json
import logging
import sqlite3
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from ..core.messages import Chat
from .database import Database, chat_key
from .documents import Documents
from .migrations import delete_copies
from .page_scrub import PageScrub
from .pictures import Pictures

log = logging.getLogger(__name__)

# Tables with a column `turn_id`, whose rows are deleted with it.
TURN_TABLES = ("answer_messages", "image_sets", "images", "proposed_calls")
# Tables of what a person asked for besides turns.
PERSONAL_TABLES = ("reminders", "facts", "zones", "transcripts")
# Tables of what was said or asked for in a chat besides turns, with what waits to be sent.
CHAT_TABLES = (
    *("outbox", "requests", "tool_uses"),
    *("reminders", "transcripts", "transcript_messages"),
)
# How long others may have to wait for a step; so many turns are deleted in one.
STEP_SECONDS = 0.03
MAX_STEP_TURNS = 400
# Pages of the full-text index that are written in a step.
MERGED_PAGES = 16
FILES_IN_STEP = 5

MERGE = "INSERT INTO turn_words (turn_words, rank) VALUES ('merge', ?)"

Kind = Literal["chat", "person", "expiry"]


@dataclass(frozen=True, slots=True)
class Erasure:
    """Something to be erased, and where that was asked for; `turns` counts what is gone."""

    erasure_id: int
    kind: Kind
    chat: Chat
    message_id: int
    user_id: int
    before: float
    last_turn_id: int
    begun_at: float
    turns: int

    @property
    def scope(self) -> tuple[str, tuple[object, ...]]:
        """The condition that its rows meet, in tables with these columns."""
        if self.kind == "chat":
            return "chat_id = ? AND topic_id = ?", chat_key(self.chat)
        if self.kind == "person":
            return "user_id = ?", (self.user_id,)
        return "at < ?", (self.before,)


class Erasing:
    """Notes what is to be erased, and erases it in steps."""

    def __init__(self, database: Database, pictures: Pictures, documents: Documents) -> None:
        self._database, self._pictures, self._documents = database, pictures, documents

    # --- beginning --------------------------------------------------------------------------------

    def begin_chat(self, chat: Chat, message_id: int = 0) -> None:
        """Begin to erase everything said in a chat."""
        with self._database.transaction() as db:
            for table in CHAT_TABLES:
                _delete(db, table, "chat_id = ? AND topic_id = ?", chat_key(chat))
            _delete(db, "inbox", "state <> 'new' AND chat_id = ? AND topic_id = ?", chat_key(chat))
            self._begin(db, "chat", chat, message_id=message_id)

    def begin_person(
        self,
        user_id: int,
        chat: Chat,
        message_id: int = 0,
        *,
        charged_since: float = float("inf"),
    ) -> None:
        """Begin to erase everything a user has said, in all chats.

        The ledger keeps what each day has cost, without the user and the time of day. Calls from
        `charged_since` on keep the user, whose share of the budget would otherwise be whole again.
        """
        with self._database.transaction() as db:
            # A private chat has its user's id.
            for table in ("outbox", "requests", "tool_uses", "own_messages", "begun_changes"):
                _delete(db, table, "chat_id = ?", (user_id,))
            # A chat in private mode stays in it.
            _delete(db, "chats", "chat_id = ? AND local_only IS NOT 1", (user_id,))
            _delete(
                db,
                "outbox",
                "json_extract(body, '$.turn_id') IN (SELECT id FROM turns WHERE user_id = ?)",
                (user_id,),
            )
            _delete(
                db,
                "inbox",
                "state <> 'new' AND (chat_id = ?1 OR (body <> '' AND ?1 IN ("
                " json_extract(body, '$.message.from.id'),"
                " json_extract(body, '$.edited_message.from.id'),"
                " json_extract(body, '$.callback_query.from.id'))))",
                (user_id,),
            )
            db.execute(
                "UPDATE ledger SET user_id = iif(at < ?, 0, user_id),"
                " at = CAST(at / 86400 AS INTEGER) * 86400 WHERE user_id = ?",
                (charged_since, user_id),
            )
            for table in PERSONAL_TABLES:
                _delete(db, table, "user_id = ?", (user_id,))
            self._begin(db, "person", chat, message_id=message_id, user_id=user_id)

    def begin_expiry(self, before: float) -> None:
        """Begin to erase what is older than a moment, if there is anything."""
        with self._database.transaction() as db:
            count = 0
            for table, column in (("requests", "last_at"), ("tool_uses", "last_at")):
                count += _delete(db, table, f"{column} < ?", (before,))
            count += _delete(db, "transcripts", "at < ?", (before,))
            for table in ("turns", "documents", "message_digests"):
                extra = " AND digest <> ''" if table == "message_digests" else ""
                count += db.execute(
                    f"SELECT EXISTS (SELECT 1 FROM {table} WHERE at < ?{extra})",  # noqa: S608  our own names
                    (before,),
                ).fetchone()[0]
            if count:
                self._begin(db, "expiry", Chat(0), before=before)

    def _begin(
        self,
        db: sqlite3.Connection,
        kind: Kind,
        chat: Chat,
        *,
        message_id: int = 0,
        user_id: int = 0,
        before: float = 0.0,
    ) -> None:
        db.execute(
            "INSERT INTO erasures"
            " (kind, chat_id, topic_id, message_id, user_id, before, begun_at, last_turn_id)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, (SELECT coalesce(max(id), 0) FROM turns))",
            (kind, *chat_key(chat), message_id, user_id, before, self._database.now()),
        )
        where, args = self.pending()[-1].scope
        # They are forgotten, but not that they were there: an edit of one does nothing.
        db.execute(
            f"UPDATE message_digests SET digest = '' WHERE {where} AND digest <> ''",  # noqa: S608
            args,
        )
        db.execute(
            "UPDATE chats SET latest_turn_id = NULL WHERE latest_turn_id IN"  # noqa: S608
            f" (SELECT id FROM turns WHERE {where})",
            args,
        )

    def pending(self) -> list[Erasure]:
        """List what is to be erased, oldest first."""
        return [
            Erasure(
                erasure_id=row["id"],
                kind=row["kind"],
                chat=Chat(row["chat_id"], row["topic_id"]),
                message_id=row["message_id"],
                user_id=row["user_id"],
                before=row["before"],
                last_turn_id=row["last_turn_id"],
                begun_at=row["begun_at"],
                turns=row["turns"],
            )
            for row in self._database.read("SELECT * FROM erasures ORDER BY id")
        ]

    def close(self, erasure: Erasure) -> None:
        """Take the note of something that is erased away."""
        with self._database.transaction() as db:
            _delete(db, "erasures", "id = ?", (erasure.erasure_id,))

    # --- erasing ----------------------------------------------------------------------------------

    def erase(
        self,
        erasure: Erasure,
        *,
        pause: Callable[[float], None],
        stopped: Callable[[], bool],
    ) -> Erasure | None:
        """Erase something to the last byte, and return what it was; None if it was stopped.

        After each step it calls `pause` with the seconds that the step has taken. Raises
        `StoreFailed`; then, and if it was stopped, the rest is for the next call.
        """
        steps, began = self._steps(erasure), time.monotonic()
        for _ in steps:
            if stopped():
                return None
            pause(time.monotonic() - began)
            began = time.monotonic()
        return next(
            (done for done in self.pending() if done.erasure_id == erasure.erasure_id), erasure
        )

    def _steps(self, erasure: Erasure) -> Iterator[None]:
        yield from self._delete_files(erasure)
        yield from self._delete_turns(erasure)
        yield from self._renew_index()
        self._delete_pictures(erasure)
        try:
            if file := self._database.file:
                delete_copies(file)
        except OSError as exc:
            log.warning("an old copy of the database could not be deleted: %s", exc)
        yield from self._blank_pages(erasure)
        self._database.empty_log()

    def _delete_files(self, erasure: Erasure) -> Iterator[None]:
        where, args = erasure.scope
        while self._documents.drop(
            f"{where} AND at <= ?", (*args, erasure.begun_at), limit=FILES_IN_STEP
        ):
            yield

    def _delete_turns(self, erasure: Erasure) -> Iterator[None]:
        where, args = erasure.scope
        size = 10
        while turn_ids := self._database.read(
            f"SELECT id FROM turns WHERE {where} AND id <= ? ORDER BY id LIMIT ?",  # noqa: S608
            *(*args, erasure.last_turn_id, size),
        ):
            began = time.monotonic()
            with self._database.transaction() as db:
                self._delete_some(db, erasure, json.dumps([row["id"] for row in turn_ids]))
            quick = time.monotonic() - began < STEP_SECONDS / 2
            size = min(size * 2, MAX_STEP_TURNS) if quick else max(size // 2, 1)
            yield

    def _delete_some(self, db: sqlite3.Connection, erasure: Erasure, turn_ids: str) -> None:
        """Delete turns and what belongs to them, and note which pictures they showed."""
        among = "IN (SELECT value FROM json_each(?))"
        _delete(
            db,
            "question_parts",
            "(chat_id, main_message_id) IN"  # noqa: S608  our own names
            f" (SELECT chat_id, message_id FROM turns WHERE id {among})",
            (turn_ids,),
        )
        shown = db.execute(
            "SELECT DISTINCT json_extract(value, '$[0]') FROM turns, json_each(turns.pictures)"  # noqa: S608
            f" WHERE turns.id {among}",
            (turn_ids,),
        ).fetchall()
        for table in TURN_TABLES:
            _delete(db, table, f"turn_id {among}", (turn_ids,))
        count = _delete(db, "turns", f"id {among}", (turn_ids,))
        db.execute(
            "UPDATE erasures SET turns = turns + ?, pictures = pictures || ? WHERE id = ?",
            (count, "".join(f"{row[0]} " for row in shown), erasure.erasure_id),
        )

    def _renew_index(self) -> Iterator[None]:
        """Write those parts of the full-text index anew that hold marks of deleted words.

        A first call with a negative number puts all parts on one list, and each further call
        merges some more of them.
        """
        pages = -MERGED_PAGES
        while True:
            with self._database.transaction() as db:
                before = db.total_changes
                db.execute(MERGE, (pages,))
                # The command itself counts as one change.
                done = pages > 0 and db.total_changes - before < 2
            yield
            if done:
                return
            pages = MERGED_PAGES

    def _delete_pictures(self, erasure: Erasure) -> None:
        rows = self._database.read("SELECT pictures FROM erasures WHERE id = ?", erasure.erasure_id)
        if rows and (hashes := rows[0]["pictures"].split()):
            self._pictures.delete_unused(hashes)

    def _blank_pages(self, erasure: Erasure) -> Iterator[None]:
        file = self._database.raw_file
        if file is None:
            return
        self._database.empty_log()
        scrub = PageScrub(self._database, file)
        for pages in scrub.find():
            yield
            while not scrub.blank(pages, lambda db: _count_blanked(db, erasure, len(pages))):  # noqa: B023  called at once
                yield
        scrub.finish()


def _count_blanked(db: sqlite3.Connection, erasure: Erasure, count: int) -> None:
    db.execute(
        "UPDATE erasures SET blanked_pages = blanked_pages + ? WHERE id = ?",
        (count, erasure.erasure_id),
    )


def _delete(db: sqlite3.Connection, table: str, where: str, args: tuple[object, ...]) -> int:
    return db.execute(f"DELETE FROM {table} WHERE {where}", args).rowcount  # noqa: S608  our own names
