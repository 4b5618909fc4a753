"""What people asked to be reminded of, until it was sent.

A reminder that was sent is kept for a week, for its buttons.
"""

import sqlite3
from dataclasses import dataclass
from datetime import datetime

from ..core.messages import Chat
from ..core.reminders import Repeat, Rule, next_due
from ..core.zones import local_time
from .database import Database, chat_key

KEEP_SECONDS = 7 * 86_400


@dataclass(frozen=True, slots=True)
class Reminder:
    """A reminder; `due_at` is a Unix time, None once it was sent for the last time.

    `message_id` is the message that asked for it: a command, or an earlier reminder whose button
    was pressed; `number` tells several of one message apart.
    """

    chat: Chat
    message_id: int
    user_id: int
    text: str
    rule: Rule
    due_at: float | None
    local_only: bool = False
    reminder_id: int = 0
    number: int = 0


class Reminders:
    """All reminders of all people."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, reminder: Reminder) -> int:
        """Store a reminder and return its id; one of the same message is changed, and keeps it."""
        rule = reminder.rule
        with self._database.transaction() as db:
            row = db.execute(
                "INSERT INTO reminders (chat_id, topic_id, message_id, user_id, text,"
                " first_local, zone, repeat, due_at, local_only, number, done_at)"
                " VALUES (?,?,?,?,?,?,?,?,?,?,?,?)"
                " ON CONFLICT (chat_id, message_id, number) DO UPDATE"
                " SET user_id = excluded.user_id, text = excluded.text,"
                " first_local = excluded.first_local, zone = excluded.zone,"
                " repeat = excluded.repeat, due_at = excluded.due_at, done_at = excluded.done_at,"
                " local_only = max(local_only, excluded.local_only) RETURNING id",
                (
                    *chat_key(reminder.chat),
                    reminder.message_id,
                    reminder.user_id,
                    reminder.text,
                    rule.local.isoformat(),
                    rule.zone,
                    rule.repeat,
                    reminder.due_at,
                    reminder.local_only,
                    reminder.number,
                    # One that waits for the person's consent is dropped after a week, too.
                    self._database.now() if reminder.due_at is None else None,
                ),
            ).fetchone()
        return int(row["id"])

    def get(self, reminder_id: int) -> Reminder | None:
        """Return a reminder, or None if it is gone."""
        rows = self._database.read("SELECT * FROM reminders WHERE id = ?", reminder_id)
        return _reminder(rows[0]) if rows else None

    def waiting(self, chat: Chat, user_id: int) -> list[Reminder]:
        """List a person's reminders in a chat or topic that are still to be sent, soonest first."""
        rows = self._database.read(
            "SELECT * FROM reminders WHERE due_at IS NOT NULL AND user_id = ?"
            " AND chat_id = ? AND topic_id = ? ORDER BY due_at, id",
            user_id,
            *chat_key(chat),
        )
        return [_reminder(row) for row in rows]

    def count(self, user_id: int) -> int:
        """Count a person's reminders in all chats, sent ones included."""
        rows = self._database.read(
            "SELECT count(*) AS number FROM reminders WHERE user_id = ?", user_id
        )
        return int(rows[0]["number"])

    def delete(self, reminder_id: int) -> None:
        """Delete a reminder."""
        with self._database.transaction() as db:
            db.execute("DELETE FROM reminders WHERE id = ?", (reminder_id,))

    def move(self, reminder: Reminder, due_at: float) -> None:
        """Send a reminder's next message at another moment; the rule of a repeating one stays."""
        rule = reminder.rule
        local = rule.local
        if rule.repeat == "none":
            local = local_time(due_at, rule.zone).replace(tzinfo=None)
        with self._database.transaction() as db:
            db.execute(
                "UPDATE reminders SET due_at = ?, first_local = ? WHERE id = ?",
                (due_at, local.isoformat(), reminder.reminder_id),
            )

    def next_due_at(self) -> float | None:
        """Return when the next reminder is due."""
        rows = self._database.read(
            "SELECT min(due_at) AS due_at FROM reminders WHERE due_at IS NOT NULL"
        )
        due_at: float | None = rows[0]["due_at"]
        return due_at

    def due(self, now: float, limit: int) -> list[Reminder]:
        """List the reminders that are due, the oldest first."""
        rows = self._database.read(
            "SELECT * FROM reminders WHERE due_at <= ? ORDER BY due_at, id LIMIT ?", now, limit
        )
        return [_reminder(row) for row in rows]

    def advance(self, reminder: Reminder, now: float) -> None:
        """Note that a reminder was sent: the next moment of its rule, or none."""
        due_at = next_due(reminder.rule, now) if reminder.rule.repeat != "none" else None
        with self._database.transaction() as db:
            db.execute(
                "UPDATE reminders SET due_at = ?, done_at = ? WHERE id = ?",
                (due_at, now, reminder.reminder_id),
            )

    def drop_sent(self, now: float) -> None:
        """Delete what was sent for the last time a week ago."""
        with self._database.transaction() as db:
            db.execute(
                "DELETE FROM reminders WHERE due_at IS NULL AND done_at < ?", (now - KEEP_SECONDS,)
            )

    def change_zone(self, user_id: int, zone: str, now: float) -> int:
        """Move a person's reminders to another zone, at the same local time; return how many.

        Those that count from a moment, such as "in 20 minutes", have the zone UTC and stay.
        """
        rows = self._database.read(
            "SELECT * FROM reminders WHERE due_at IS NOT NULL AND user_id = ?"
            " AND zone NOT IN ('UTC', ?)",
            user_id,
            zone,
        )
        with self._database.transaction() as db:
            for row in rows:
                rule = Rule(datetime.fromisoformat(row["first_local"]), zone, row["repeat"])
                due_at = next_due(rule, now)
                db.execute(
                    "UPDATE reminders SET zone = ?, due_at = ? WHERE id = ?",
                    (zone, now if due_at is None else due_at, row["id"]),
                )
        return len(rows)


def _reminder(row: sqlite3.Row) -> Reminder:
    repeat: Repeat = row["repeat"]
    return Reminder(
        reminder_id=row["id"],
        chat=Chat(row["chat_id"], row["topic_id"]),
        message_id=row["message_id"],
        user_id=row["user_id"],
        text=row["text"],
        rule=Rule(datetime.fromisoformat(row["first_local"]), row["zone"], repeat),
        due_at=row["due_at"],
        local_only=bool(row["local_only"]),
        number=row["number"],
    )
