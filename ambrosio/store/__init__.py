"""Everything that must outlive the process, in one SQLite file.

Start here: `Store` has a component for each noun, and what changes in several of them at once is a
method of its own, one transaction. Imports only `core`; decides nothing.
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Self

from ..core.messages import Chat, Delete, Outgoing
from .archive import Archive, ConversationTurn, SearchHit
from .conversations import (
    ChatState,
    Conversations,
    ProviderLine,
    ProviderVisits,
    StoredTurn,
    TurnResult,
)
from .database import Database
from .facts import Fact, Facts
from .images import Images, ImageSet, StoredImage
from .inbox import Inbox, InboxItem, Lane, NewUpdate
from .ledger import Ledger, UsageSummary
from .outbox import Outbox
from .people import People, Person
from .reminders import Reminder, Reminders

__all__ = [
    "ChatState",
    "ConversationTurn",
    "Fact",
    "ImageSet",
    "InboxItem",
    "Lane",
    "NewUpdate",
    "Person",
    "ProviderLine",
    "ProviderVisits",
    "Reminder",
    "SearchHit",
    "Store",
    "StoredImage",
    "StoredTurn",
    "TurnResult",
    "UsageSummary",
]

ORIGINALS_BYTES = 500 * 1024 * 1024


class Store:
    """The database; `with` opens and closes it. Every method may raise `StoreFailed`.

    Args:
        path: the file, or `:memory:`.
        now: tells the time in seconds.
        originals_bytes: how many bytes of original images are kept.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        now: Callable[[], float],
        originals_bytes: int = ORIGINALS_BYTES,
    ) -> None:
        self.database = Database(path, now=now)
        self.inbox = Inbox(self.database)
        self.outbox = Outbox(self.database)
        self.conversations = Conversations(self.database)
        self.images = Images(self.database, originals_bytes=originals_bytes)
        self.people = People(self.database)
        self.ledger = Ledger(self.database)
        self.archive = Archive(self.database)
        self.reminders = Reminders(self.database)
        self.facts = Facts(self.database)

    def __enter__(self) -> Self:
        """Open the file and bring its tables up to date."""
        self.database.open()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.database.close()

    def finish(
        self,
        item: InboxItem | None,
        replies: Iterable[Outgoing] = (),
        result: TurnResult | None = None,
        image_set: ImageSet | None = None,
    ) -> int | None:
        """Close an update with all its results and return the turn's id, if there is a turn.

        The outbox, the history and the inbox change together or not at all, so that a crash at any
        moment neither loses an answer nor asks for it twice.
        """
        with self.database.transaction():
            turn_id = self.conversations.save(result) if result else None
            if image_set and turn_id is not None:
                self.images.save(turn_id, image_set)
            self.outbox.enqueue(*replies, turn_id=turn_id)
            if image_set:
                self.images.drop_old_originals()
            if item:
                self.inbox.mark_done(item)
        return turn_id

    def send_due(
        self, now: float, write: Callable[[Reminder], Outgoing | None], *, limit: int = 100
    ) -> list[Chat]:
        """Move the reminders that are due into the outbox; return the chats that got one.

        The message and the reminder's next moment are one transaction, so that a crash neither
        loses a reminder nor sends it twice. `write` makes the message, or None to send nothing.
        """
        chats = dict[Chat, None]()
        with self.database.transaction():
            for reminder in self.reminders.due(now, limit):
                if message := write(reminder):
                    self.outbox.enqueue(message)
                    chats[reminder.chat] = None
                self.reminders.advance(reminder, now)
        return list(chats)

    def dead_letter(self, item: InboxItem, error: str, replies: Iterable[Outgoing] = ()) -> None:
        """Give an update up for good and say so with `replies`."""
        with self.database.transaction():
            self.inbox.mark_dead(item, error)
            self.outbox.enqueue(*replies)

    def notify_once(self, name: str, messages: Iterable[Outgoing]) -> bool:
        """Enqueue messages, unless that was done before under the same name; say whether."""
        with self.database.transaction() as db:
            done = db.execute("INSERT OR IGNORE INTO notices VALUES (?)", (name,))
            if done.rowcount:
                self.outbox.enqueue(*messages)
        return bool(done.rowcount)

    def admit(self, person: Person, replies: Iterable[Outgoing] = ()) -> None:
        """Let a user in, and welcome them with `replies`."""
        with self.database.transaction():
            self.people.add(person)
            self.outbox.enqueue(*replies)

    def record_draft(self, item: InboxItem, message_id: int) -> None:
        """Note a message that must be deleted once the answer is there.

        It shows local-only text too, and a user may reply to it while it is there.
        """
        with self.database.transaction():
            self.inbox.record_draft(item, message_id)
            if self.conversations.is_local_only(item.chat, item.message_id):
                self.conversations.mark_local_only(item.chat, message_id)

    def record_sent(
        self,
        outbox_id: int,
        message: Outgoing,
        message_ids: Iterable[int] = (),
        file_ids: Iterable[str] = (),
    ) -> None:
        """Take a message out of the outbox; `message_ids` and `file_ids` are Telegram's."""
        with self.database.transaction():
            self.outbox.remove(outbox_id)
            if isinstance(message, Delete):
                self.conversations.remove_answer_message(message.chat, message.message_id)
                return
            self.images.record_file_ids(message, file_ids)
            for message_id in message_ids:
                self.conversations.add_answer_message(message, message_id)
