"""Which of Telegram's message ids are known: up to where, and which ones are whose.

Telegram numbers the messages of a supergroup by themselves, and those of all other chats together,
in one rising sequence for the account of the bot (LonamiWebs/Telethon#1308, mautrix/telegram#51).
So whoever knows the newest id before a message is sent knows where to look for it afterwards. Holds
nobody's words.
"""

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

from ..core.messages import SUPERGROUPS_FROM, Chat
from .database import Database

# How far behind the newest one the ids of the bot's own messages are kept, in each chat.
KEPT_IDS = 200
# The key of all chats that are numbered together.
SHARED = 0


@dataclass(frozen=True, slots=True)
class SearchRange:
    """Where an outgoing message is, if Telegram has it: behind `after`, and not among `known`."""

    after: int
    known: frozenset[int]


class KnownMessageIds:
    """The newest id of each sequence, and the bot's latest messages."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def forget(self) -> None:
        """Forget all ids: another bot has others."""
        with self._database.transaction() as db:
            db.execute("DELETE FROM newest_messages")
            db.execute("DELETE FROM own_messages")

    def note_seen(self, messages: Iterable[tuple[Chat, int]]) -> None:
        """Note messages that Telegram has told of, whoever wrote them.

        Of a supergroup only where the bot takes part: anyone may add it to any number of others.
        """
        with self._database.transaction() as db:
            for chat, message_id in messages:
                if chat.is_supergroup:
                    db.execute(
                        "UPDATE newest_messages SET message_id = max(message_id, ?)"
                        " WHERE chat_id = ?",
                        (message_id, chat.chat_id),
                    )
                else:
                    self.note_newest(chat, message_id)

    def note_newest(self, chat: Chat, message_id: int) -> None:
        """Note a message of a chat in which the bot takes part."""
        with self._database.transaction() as db:
            db.execute(
                "INSERT INTO newest_messages VALUES (?, ?) ON CONFLICT DO UPDATE"
                " SET message_id = max(message_id, excluded.message_id)",
                (sequence_of(chat), message_id),
            )

    def note_sent(self, chat: Chat, message_id: int) -> None:
        """Note a message of the bot that Telegram has."""
        with self._database.transaction() as db:
            self.note_newest(chat, message_id)
            db.execute(
                "INSERT OR IGNORE INTO own_messages VALUES (?, ?)", (chat.chat_id, message_id)
            )
            db.execute(
                "DELETE FROM own_messages WHERE chat_id = ? AND message_id < ?",
                (chat.chat_id, message_id - KEPT_IDS),
            )

    def search_range(self, outbox_id: int, chat: Chat, *, length: int) -> SearchRange | None:
        """Say which ids an outgoing message may have that was tried before, or None.

        None if the newest id was not known then, if the chat was another group then, or if another
        message of it, in another topic, may have arrived as well: one could be taken for the other.
        `known` are those of the next `length` ids that belong to something else.
        """
        rows = self._database.read("SELECT after_message_id FROM outbox WHERE id = ?", outbox_id)
        after = rows[0]["after_message_id"] if rows else None
        return self.range_behind(after, chat, length=length, outbox_id=outbox_id)

    def range_behind(
        self, after: int | None, chat: Chat, *, length: int, outbox_id: int = 0
    ) -> SearchRange | None:
        """Say which ids behind one are unknown, or None if other messages may have them."""
        on_their_way = self._database.read(
            "SELECT 1 FROM outbox WHERE chat_id = ? AND id <> ? AND tries > 0 LIMIT 1",
            chat.chat_id,
            outbox_id,
        )
        # A negative id is of the group that the chat was before it became a supergroup.
        if after is None or after <= 0 or on_their_way:
            return None
        return SearchRange(after, self._known_ids(chat, after + 1, after + length))

    def _known_ids(self, chat: Chat, first: int, last: int) -> frozenset[int]:
        # A press of a button, which is urgent, has the id of the message that it stands under, and
        # that may be the one looked for.
        rows = self._database.read(
            "SELECT message_id FROM own_messages WHERE message_id BETWEEN ?1 AND ?2"
            " AND (chat_id = ?3 OR ?3 > ?4 AND chat_id > ?4)"
            " UNION SELECT message_id FROM inbox WHERE message_id BETWEEN ?1 AND ?2"
            " AND (chat_id = ?3 OR ?3 > ?4 AND chat_id > ?4) AND NOT urgent",
            first,
            last,
            chat.chat_id,
            SUPERGROUPS_FROM,
        )
        return frozenset(int(row["message_id"]) for row in rows)


def newest_known(db: sqlite3.Connection, chat_id: int) -> int | None:
    """Return the newest id that is known in the sequence that numbers a chat."""
    row = db.execute(
        "SELECT message_id FROM newest_messages WHERE chat_id = ?", (sequence_of(Chat(chat_id)),)
    ).fetchone()
    return row["message_id"] if row else None


def sequence_of(chat: Chat) -> int:
    """Return the key of the sequence that numbers a chat's messages."""
    return chat.chat_id if chat.is_supergroup else SHARED
