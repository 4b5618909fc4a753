"""Updates that Telegram was told we have, until each has been handled."""

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

from ..core.messages import Chat
from .database import Database, chat_key

# Telegram keeps updates for a day; after a quiet week it numbers anew, perhaps with old numbers.
INBOX_SECONDS = 2 * 86_400


@dataclass(frozen=True, slots=True)
class Lane:
    """Updates handled one after the other: those of a chat or topic, or its urgent ones."""

    chat: Chat
    urgent: bool = False


@dataclass(frozen=True, slots=True)
class NewUpdate:
    """An update to be stored; `body` is its JSON."""

    update_id: int
    chat: Chat
    message_id: int
    body: str
    urgent: bool = False

    @property
    def lane(self) -> Lane:
        """The lane it waits in."""
        return Lane(self.chat, self.urgent)


@dataclass(frozen=True, slots=True)
class InboxItem:
    """An update taken from the inbox.

    `attempts` counts this one; `draft_message_id` is a message that an earlier attempt left in the
    chat.
    """

    inbox_id: int
    chat: Chat
    urgent: bool
    message_id: int
    body: str
    attempts: int
    draft_message_id: int | None = None

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

    def receive(self, bot_id: int, offset: int, updates: Iterable[NewUpdate]) -> None:
        """Store a batch and the offset behind it; an update already stored stays as it is."""
        now = self._database.now()
        with self._database.transaction() as db:
            db.execute(
                "DELETE FROM inbox WHERE state <> 'new' AND received_at < ?",
                (now - INBOX_SECONDS,),
            )
            db.executemany(
                "INSERT OR IGNORE INTO inbox (bot_id, update_id, chat_id, topic_id, urgent,"
                " message_id, body, received_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    (
                        bot_id,
                        update.update_id,
                        *chat_key(update.chat),
                        update.urgent,
                        update.message_id,
                        update.body,
                        now,
                    )
                    for update in updates
                ),
            )
            db.execute("INSERT OR REPLACE INTO offsets VALUES (?, ?)", (bot_id, offset))

    def lanes(self) -> list[Lane]:
        """List the lanes in which updates wait."""
        rows = self._database.read(
            "SELECT DISTINCT chat_id, topic_id, urgent FROM inbox WHERE state = 'new'"
        )
        return [Lane(Chat(row["chat_id"], row["topic_id"]), bool(row["urgent"])) for row in rows]

    def waiting(self) -> int:
        """Count the updates that have not been handled yet."""
        rows = self._database.read("SELECT count(*) AS count FROM inbox WHERE state = 'new'")
        return int(rows[0]["count"])

    def claim(self, lane: Lane) -> InboxItem | None:
        """Take the lane's oldest update and count the attempt before it is made."""
        with self._database.transaction() as db:
            row = db.execute(
                "UPDATE inbox SET attempts = attempts + 1 WHERE id = (SELECT min(id) FROM inbox"
                " WHERE state = 'new' AND chat_id = ? AND topic_id = ? AND urgent = ?)"
                " RETURNING *",
                (*chat_key(lane.chat), lane.urgent),
            ).fetchone()
        return row and _item(row)

    def release(self, item: InboxItem) -> None:
        """Take an attempt back: an orderly stop is not a failure."""
        with self._database.transaction() as db:
            db.execute("UPDATE inbox SET attempts = attempts - 1 WHERE id = ?", (item.inbox_id,))

    def record_draft(self, item: InboxItem, message_id: int) -> None:
        """Note a message that must be deleted once the answer is there."""
        with self._database.transaction() as db:
            db.execute(
                "UPDATE inbox SET draft_message_id = ? WHERE id = ?", (message_id, item.inbox_id)
            )

    def make_ordinary(self, item: InboxItem) -> None:
        """Move an urgent update to the ordinary lane of its chat, as if never attempted."""
        with self._database.transaction() as db:
            db.execute("UPDATE inbox SET urgent = 0, attempts = 0 WHERE id = ?", (item.inbox_id,))

    def superseded(self, item: InboxItem) -> bool:
        """Say whether an edit of the same message waits behind it."""
        rows = self._database.read(
            "SELECT 1 FROM inbox WHERE state = 'new' AND chat_id = ? AND topic_id = ?"
            " AND urgent = ? AND message_id = ? AND id > ?",
            *chat_key(item.chat),
            item.urgent,
            item.message_id,
            item.inbox_id,
        )
        return bool(rows)

    def mark_done(self, item: InboxItem) -> None:
        """Close an update and forget its body."""
        with self._database.transaction() as db:
            db.execute("UPDATE inbox SET state = 'done', body = '' WHERE id = ?", (item.inbox_id,))

    def mark_dead(self, item: InboxItem, error: str) -> None:
        """Give an update up; its body stays for two days, to be looked at."""
        with self._database.transaction() as db:
            db.execute(
                "UPDATE inbox SET state = 'dead', error = ? WHERE id = ?", (error, item.inbox_id)
            )


def _item(row: sqlite3.Row) -> InboxItem:
    return InboxItem(
        inbox_id=row["id"],
        chat=Chat(row["chat_id"], row["topic_id"]),
        urgent=bool(row["urgent"]),
        message_id=row["message_id"],
        body=row["body"],
        attempts=row["attempts"],
        draft_message_id=row["draft_message_id"],
    )
