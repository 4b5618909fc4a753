"""Updates that Telegram was told we have, until they are worked down."""

from collections.abc import Iterable
from dataclasses import dataclass

from ..core.messages import Chat
from .database import Database

# Telegram keeps updates for a day; after a quiet week it numbers anew, perhaps with old numbers.
INBOX_SECONDS = 2 * 86_400


@dataclass(frozen=True, slots=True)
class NewUpdate:
    """An update on its way into the inbox, with the lane it waits in."""

    update_id: int
    lane: str
    chat: Chat
    message_id: int
    body: str


@dataclass(frozen=True, slots=True)
class InboxItem:
    """An update taken from the inbox.

    `attempts` counts this one; `preview` is a message that an earlier attempt left in the chat.
    """

    seq: int
    lane: str
    chat: Chat
    message_id: int
    body: str
    attempts: int
    draft_message_id: int | None = None


class Inbox(Database):
    """What was received and not yet answered."""

    def offset(self, bot: int) -> int | None:
        """Give the number from which Telegram is asked for updates, None before the first."""
        found = self._read("SELECT next FROM offsets WHERE bot = ?", bot)
        return int(found[0]["next"]) if found else None

    def receive(self, bot: int, offset: int, updates: Iterable[NewUpdate]) -> None:
        """Keep a batch and the offset behind it; an update that is there already stays as it is."""
        now = self._now()
        with self._writing() as db:
            db.execute("DELETE FROM inbox WHERE state <> 'new' AND at < ?", (now - INBOX_SECONDS,))
            db.executemany(
                "INSERT OR IGNORE INTO inbox (bot, number, lane, chat, message, body, at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    (bot, new.update_id, new.lane, new.chat.chat_id, new.message_id, new.body, now)
                    for new in updates
                ),
            )
            db.execute("INSERT OR REPLACE INTO offsets VALUES (?, ?)", (bot, offset))

    def lanes(self) -> list[str]:
        """List the lanes in which updates wait."""
        return [
            row["lane"] for row in self._read("SELECT DISTINCT lane FROM inbox WHERE state = 'new'")
        ]

    def waiting(self) -> int:
        """Count the updates that have not been worked down yet."""
        return int(self._read("SELECT count(*) AS n FROM inbox WHERE state = 'new'")[0]["n"])

    def claim(self, lane: str) -> InboxItem | None:
        """Take the lane's oldest update and count the attempt before it is made."""
        with self._writing() as db:
            found = db.execute(
                "UPDATE inbox SET attempts = attempts + 1 WHERE seq ="
                " (SELECT min(seq) FROM inbox WHERE state = 'new' AND lane = ?) RETURNING *",
                (lane,),
            ).fetchone()
        if found is None:
            return None
        chat, topic = found["chat"], _topic(found["lane"])
        return InboxItem(
            seq=found["seq"],
            lane=found["lane"],
            chat=Chat(chat, topic),
            message_id=found["message"],
            body=found["body"],
            attempts=found["attempts"],
            draft_message_id=found["preview"],
        )

    def release(self, row: InboxItem) -> None:
        """Give an update back untried: a stop in good order is no failed attempt."""
        with self._writing() as db:
            db.execute("UPDATE inbox SET attempts = attempts - 1 WHERE seq = ?", (row.seq,))

    def record_draft(self, row: InboxItem, message: int) -> None:
        """Note a message that has to be taken away when the answer is there.

        It shows what is private as well, and somebody may reply to it while it stands there.
        """
        with self._writing() as db:
            db.execute("UPDATE inbox SET preview = ? WHERE seq = ?", (message, row.seq))
            db.execute(
                "INSERT OR IGNORE INTO secrets SELECT chat, ? FROM secrets"
                " WHERE chat = ? AND message = ?",
                (message, row.chat.chat_id, row.message_id),
            )

    def move(self, row: InboxItem, lane: str) -> None:
        """Let an update wait in another lane instead."""
        with self._writing() as db:
            db.execute("UPDATE inbox SET lane = ?, attempts = 0 WHERE seq = ?", (lane, row.seq))

    def superseded(self, row: InboxItem) -> bool:
        """Say whether an edit of the same message waits behind it."""
        return bool(
            self._read(
                "SELECT 1 FROM inbox WHERE state = 'new' AND lane = ? AND message = ? AND seq > ?",
                row.lane,
                row.message_id,
                row.seq,
            )
        )


def _topic(lane: str) -> int:
    return int(lane.rsplit(":", 1)[1])
