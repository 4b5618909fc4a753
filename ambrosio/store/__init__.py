"""Everything that must outlive the process, in one SQLite file.

One class, divided by its nouns. What belongs together changes in one transaction.
"""

from collections.abc import Iterable

from ..core.messages import OutgoingMessage
from .archive import Archive, ConversationTurn, SearchHit
from .conversations import (
    ChatState,
    Conversations,
    ProviderLine,
    ProviderVisits,
    StoredTurn,
    TurnResult,
)
from .images import ImageSet, StoredImage
from .inbox import Inbox, InboxItem, NewUpdate
from .ledger import Ledger, UsageSummary
from .people import People, Person

__all__ = [
    "ChatState",
    "ConversationTurn",
    "ImageSet",
    "InboxItem",
    "NewUpdate",
    "Person",
    "ProviderLine",
    "ProviderVisits",
    "SearchHit",
    "Store",
    "StoredImage",
    "StoredTurn",
    "TurnResult",
    "UsageSummary",
]


class Store(Inbox, Conversations, People, Ledger, Archive):
    """The database; opening and closing it is `with`."""

    def dead_letter(
        self, row: InboxItem, error: str, replies: Iterable[OutgoingMessage] = ()
    ) -> None:
        """Give an update up for good; its body stays for two days, to be looked at."""
        with self._writing() as db:
            db.execute(
                "UPDATE inbox SET state = 'aside', error = ? WHERE seq = ?", (error, row.seq)
            )
            self._enqueue(db, replies)

    def notify_once(self, what: str, replies: Iterable[OutgoingMessage]) -> bool:
        """Put messages into the outbox, unless that was done before under the same name."""
        with self._writing() as db:
            done = db.execute("INSERT OR IGNORE INTO told VALUES (?)", (what,))
            if done.rowcount:
                self._enqueue(db, replies)
        return bool(done.rowcount)

    def finish(
        self,
        row: InboxItem | None,
        replies: Iterable[OutgoingMessage] = (),
        answered: TurnResult | None = None,
        painting: ImageSet | None = None,
    ) -> int | None:
        """Close an update with all that came of it; give the turn's id.

        The outbox, the history and the inbox change together or not at all, so that a crash at any
        moment neither loses an answer nor asks for it twice.
        """
        with self._writing() as db:
            turn = self._save_turn(db, answered) if answered else None
            if painting and turn is not None:
                self._hang(db, turn, painting)
            self._enqueue(db, replies, turn)
            if painting:
                self._let_go(db)
            if row:
                db.execute("UPDATE inbox SET state = 'done', body = '' WHERE seq = ?", (row.seq,))
        return turn
