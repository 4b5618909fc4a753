"""Updates that Telegram was told we have, until each has been handled."""

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from ..core.messages import Chat
from .database import Database, chat_key
from .known_message_ids import newest_known

# Telegram keeps updates for a day; after a quiet week it numbers anew, perhaps with old numbers.
INBOX_SECONDS = 2 * 86_400


@dataclass(frozen=True, slots=True)
class Lane:
    """Updates handled one after the other: those of a chat or topic, or its urgent ones."""

    chat: Chat
    urgent: bool = False


@dataclass(frozen=True, slots=True)
class NewUpdate:
    """An update to be stored; `body` is its JSON.

    `digest` stands for what the message says; an `edited` one whose digest has not changed is not
    stored.
    """

    update_id: int
    chat: Chat
    message_id: int
    body: str
    urgent: bool = False
    user_id: int = 0
    digest: str = ""
    edited: bool = False

    @property
    def lane(self) -> Lane:
        """The lane it waits in."""
        return Lane(self.chat, self.urgent)


@dataclass(frozen=True, slots=True)
class InboxItem:
    """An update taken from the inbox.

    `attempts` counts this one, `failures` those that failed by its own fault. A `suspect` was
    worked on when a process died. `draft_message_id` is a message that an earlier attempt left in
    the chat. `parts` are all updates of a message that came in several, itself among them and in
    order; they are opened and closed together.
    """

    inbox_id: int
    chat: Chat
    urgent: bool
    message_id: int
    body: str
    attempts: int
    draft_message_id: int | None = None
    after_message_id: int | None = None
    received_at: float = 0.0
    failures: int = 0
    suspect: bool = False
    parts: tuple["InboxItem", ...] = ()

    @property
    def inbox_ids(self) -> tuple[int, ...]:
        """The rows that are opened and closed with it."""
        return tuple(part.inbox_id for part in self.parts) or (self.inbox_id,)

    @property
    def lane(self) -> Lane:
        """The lane it was taken from."""
        return Lane(self.chat, self.urgent)


class Inbox:
    """What was received and not yet handled."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def offset(self, bot_id: int) -> int | None:
        """Return the next update id to ask Telegram for, None before the first."""
        rows = self._database.read("SELECT next_update_id FROM offsets WHERE bot_id = ?", bot_id)
        return int(rows[0]["next_update_id"]) if rows else None

    def receive(self, bot_id: int, offset: int, updates: Iterable[NewUpdate]) -> list[NewUpdate]:
        """Store a batch and the offset behind it; return what is new.

        An update already stored stays as it is, and an edit that changes nothing is left out.
        """
        now = self._database.now()
        with self._database.transaction() as db:
            db.execute(
                "DELETE FROM inbox WHERE state <> 'new' AND received_at < ?",
                (now - INBOX_SECONDS,),
            )
            moved = [self._at_current_place(update) for update in updates]
            stored = [update for update in moved if _receive(db, bot_id, update, now)]
            db.execute("INSERT OR REPLACE INTO offsets VALUES (?, ?)", (bot_id, offset))
        return stored

    def _at_current_place(self, update: NewUpdate) -> NewUpdate:
        chat, message_id = self._database.current_place(update.chat, update.message_id)
        return replace(update, chat=chat, message_id=message_id)

    def lanes(self) -> list[Lane]:
        """List the lanes in which updates wait, the oldest first."""
        rows = self._database.read(
            "SELECT chat_id, topic_id, urgent FROM inbox WHERE state = 'new'"
            " GROUP BY chat_id, topic_id, urgent ORDER BY min(id)"
        )
        return [Lane(Chat(row["chat_id"], row["topic_id"]), bool(row["urgent"])) for row in rows]

    def waiting(self) -> int:
        """Count the updates that have not been handled yet."""
        rows = self._database.read("SELECT count(*) AS count FROM inbox WHERE state = 'new'")
        return int(rows[0]["count"])

    def waiting_of(self, lane: Lane, user_id: int) -> int:
        """Count the updates of one user that have not been handled yet in a lane."""
        rows = self._database.read(
            "SELECT count(*) AS count FROM inbox WHERE state = 'new' AND chat_id = ?"
            " AND topic_id = ? AND urgent = ? AND user_id = ?",
            *chat_key(lane.chat),
            lane.urgent,
            user_id,
        )
        return int(rows[0]["count"])

    def queue(self, lane: Lane, limit: int) -> list[InboxItem]:
        """List the lane's oldest updates without taking them."""
        rows = self._database.read(
            "SELECT * FROM inbox WHERE state = 'new' AND chat_id = ? AND topic_id = ?"
            " AND urgent = ? ORDER BY id LIMIT ?",
            *chat_key(lane.chat),
            lane.urgent,
            limit,
        )
        return [_item(row) for row in rows]

    def claim(self, lane: Lane) -> InboxItem | None:
        """Take the lane's oldest update and count the attempt before it is made."""
        waiting = self.queue(lane, 1)
        return self.claim_together(waiting) if waiting else None

    def claim_together(
        self, items: Sequence[InboxItem], main: int = 0, *, alone: bool = False
    ) -> InboxItem:
        """Take updates that belong together, and count the attempt before it is made.

        Returns the one at the position `main`, with the others as its parts if there are any.
        `alone` says that nothing else will be worked on meanwhile.
        """
        with self._database.transaction() as db:
            newest_id = newest_known(db, items[main].chat.chat_id)
            rows = [
                db.execute(
                    "UPDATE inbox SET attempts = attempts + 1, work = ?, after_message_id ="
                    " coalesce(after_message_id, ?) WHERE id = ? RETURNING *",
                    ("alone" if alone else "shared", newest_id, item.inbox_id),
                ).fetchone()
                for item in items
            ]
        parts = tuple(_item(row) for row in rows)
        drafts = [part.draft_message_id for part in parts if part.draft_message_id is not None]
        return replace(
            parts[main],
            attempts=max(part.attempts for part in parts),
            failures=max(part.failures for part in parts),
            draft_message_id=drafts[0] if drafts else None,
            after_message_id=items[main].after_message_id,
            parts=parts if len(parts) > 1 else (),
        )

    def release(self, item: InboxItem) -> None:
        """Take an attempt back: an orderly stop is not a failure."""
        with self._database.transaction() as db:
            db.executemany(
                "UPDATE inbox SET attempts = attempts - 1, work = '' WHERE id = ?", _ids(item)
            )

    def record_failure(self, item: InboxItem) -> None:
        """Note that an attempt failed by the message's own fault."""
        with self._database.transaction() as db:
            db.executemany(
                "UPDATE inbox SET failures = failures + 1, work = '' WHERE id = ?", _ids(item)
            )

    def recover(self) -> None:
        """Note what was being worked on when the last process ended without a word.

        One that was worked on alone has failed by its own fault. Of several, any or none may be
        the cause: all of them become suspects, to be worked on alone.
        """
        with self._database.transaction() as db:
            db.execute(
                "UPDATE inbox SET failures = failures + (work = 'alone'), suspect = 1, work = ''"
                " WHERE state = 'new' AND work <> ''"
            )

    def record_draft(self, item: InboxItem, message_id: int) -> bool:
        """Note a message that must be deleted once the answer is there; False if it is already."""
        with self._database.transaction() as db:
            done = db.execute(
                "UPDATE inbox SET draft_message_id = ? WHERE id = ? AND state = 'new'",
                (message_id, item.inbox_id),
            )
        return bool(done.rowcount)

    def make_ordinary(self, item: InboxItem) -> None:
        """Move an urgent update to the ordinary lane of its chat, as if never attempted."""
        with self._database.transaction() as db:
            db.execute(
                "UPDATE inbox SET urgent = 0, attempts = 0, work = '', after_message_id = NULL"
                " WHERE id = ?",
                (item.inbox_id,),
            )

    def superseded(self, item: InboxItem) -> bool:
        """Say whether an edit of the same message waits behind it."""
        rows = self._database.read(
            "SELECT id FROM inbox WHERE state = 'new' AND chat_id = ? AND topic_id = ?"
            " AND urgent = ? AND message_id = ? AND id > ?",
            *chat_key(item.chat),
            item.urgent,
            item.message_id,
            item.inbox_id,
        )
        return any(row["id"] not in item.inbox_ids for row in rows)

    def mark_done(self, item: InboxItem) -> None:
        """Close an update and forget its body."""
        with self._database.transaction() as db:
            db.executemany("UPDATE inbox SET state = 'done', body = '' WHERE id = ?", _ids(item))

    def mark_dead(self, item: InboxItem, error: str) -> None:
        """Give an update up; its body stays for two days, to be looked at."""
        with self._database.transaction() as db:
            db.executemany(
                "UPDATE inbox SET state = 'dead', error = ? WHERE id = ?",
                [(error, inbox_id) for inbox_id in item.inbox_ids],
            )


def _receive(db: sqlite3.Connection, bot_id: int, update: NewUpdate, now: float) -> bool:
    """Store an update; False if it was stored before, or is an edit that changes nothing."""
    where = (update.chat.chat_id, update.message_id)
    before = db.execute(
        "SELECT digest FROM message_digests WHERE chat_id = ? AND message_id = ?", where
    ).fetchone()
    if update.edited and before is not None and before["digest"] in {"", update.digest}:
        return False
    done = db.execute(
        "INSERT OR IGNORE INTO inbox (bot_id, update_id, chat_id, topic_id, urgent,"
        " message_id, user_id, body, received_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            bot_id,
            update.update_id,
            *chat_key(update.chat),
            update.urgent,
            update.message_id,
            update.user_id,
            update.body,
            now,
        ),
    )
    if done.rowcount and update.digest:
        db.execute(
            "INSERT OR REPLACE INTO message_digests VALUES (?, ?, ?, ?, ?, ?)",
            (*chat_key(update.chat), update.message_id, update.user_id, update.digest, now),
        )
    return bool(done.rowcount)


def _ids(item: InboxItem) -> list[tuple[int]]:
    return [(inbox_id,) for inbox_id in item.inbox_ids]


def _item(row: sqlite3.Row) -> InboxItem:
    return InboxItem(
        inbox_id=row["id"],
        chat=Chat(row["chat_id"], row["topic_id"]),
        urgent=bool(row["urgent"]),
        message_id=row["message_id"],
        body=row["body"],
        attempts=row["attempts"],
        draft_message_id=row["draft_message_id"],
        after_message_id=row["after_message_id"],
        received_at=row["received_at"],
        failures=row["failures"],
        suspect=bool(row["suspect"]),
    )
