"""Everything that must outlive the process, in one SQLite file.

One class, divided by its nouns. What belongs together changes in one transaction.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from ..messages import Outgoing
from .conversations import Answered, Asked, Conversations, PlaceState, Via, Visits
from .gallery import Hung, Painting
from .inbox import Inbox, Received, Row
from .ledger import Account, Ledger
from .memory import Found, Memory, Said
from .people import People, Person

__all__ = [
    "Account",
    "Answered",
    "Asked",
    "Found",
    "Hung",
    "Outcome",
    "Painting",
    "Person",
    "PlaceState",
    "Received",
    "Row",
    "Said",
    "Store",
    "Via",
    "Visits",
]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is to be said, the turn that it answers, if it is one, and its pictures."""

    replies: Iterable[Outgoing]
    answered: Answered | None = None
    painting: Painting | None = None


class Store(Inbox, Conversations, People, Ledger, Memory):
    """The database; opening and closing it is `with`."""

    def set_aside(self, row: Row, error: str, replies: Iterable[Outgoing] = ()) -> None:
        """Give an update up for good; its body stays for two days, to be looked at."""
        with self._writing() as db:
            db.execute(
                "UPDATE inbox SET state = 'aside', error = ? WHERE seq = ?", (error, row.seq)
            )
            self._enqueue(db, replies)

    def tell_once(self, what: str, replies: Iterable[Outgoing]) -> bool:
        """Put messages into the outbox, unless that was done before under the same name."""
        with self._writing() as db:
            done = db.execute("INSERT OR IGNORE INTO told VALUES (?)", (what,))
            if done.rowcount:
                self._enqueue(db, replies)
        return bool(done.rowcount)

    def finish(
        self,
        row: Row | None,
        replies: Iterable[Outgoing] = (),
        answered: Answered | None = None,
        painting: Painting | None = None,
    ) -> int | None:
        """Close an update with all that came of it, in one transaction; give the turn's id."""
        return self.finish_all(row, [Outcome(replies, answered, painting)])[0]

    def finish_all(self, row: Row | None, outcomes: Iterable[Outcome]) -> list[int | None]:
        """Close an update of which several turns came; give their ids.

        The outbox, the history and the inbox change together or not at all, so that a
        crash at any moment neither loses an answer nor asks for it twice.
        """
        turns: list[int | None] = []
        with self._writing() as db:
            for outcome in outcomes:
                turn = self._keep(db, outcome.answered) if outcome.answered else None
                if outcome.painting and turn is not None:
                    self._hang(db, turn, outcome.painting)
                self._enqueue(db, outcome.replies, turn)
                if outcome.painting:
                    self._let_go(db)
                turns.append(turn)
            if row:
                db.execute("UPDATE inbox SET state = 'done', body = '' WHERE seq = ?", (row.seq,))
        return turns
