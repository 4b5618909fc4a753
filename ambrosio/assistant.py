"""One turn, whatever the channel it comes by: remember, ask, account.

Knows neither Telegram nor a terminal. A failed turn leaves no trace in what is sent later; it is
kept beside the history so that it can be asked again.
"""

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field

from .budget import Bill
from .errors import AllFailed, AmbrosioError, NoProvider, StoreFailed
from .messages import Begun, Delta, Ended, Finish, Outgoing, Turn
from .router import Ask, Router
from .store import Answered, Expense, Row, Store


class Progress:
    """An answer while it grows, for those who show it, and the way to stop it.

    `message` is the question's, and `superseded` says that the question has been edited meanwhile.
    """

    def __init__(self, message: int = 0) -> None:
        self.message = message
        self.superseded = False
        self.text = ""
        self.reasoning = ""
        self.stopped = False
        self.changed = asyncio.Event()
        self._scope: asyncio.Timeout | None = None

    def stop(self) -> None:
        """End the answer where it is; the provider's stream is closed at once."""
        self.stopped = True
        if self._scope is not None:
            self._scope.reschedule(asyncio.get_running_loop().time())

    def arm(self, scope: asyncio.Timeout | None) -> None:
        """Hand over the scope that a stop cancels; a stop that came earlier acts now."""
        self._scope = scope
        if self.stopped:
            self.stop()

    def void(self) -> None:
        """Forget what was said: another provider starts afresh."""
        self.text = self.reasoning = ""
        self.changed.set()

    def grow(self, delta: Delta) -> None:
        """Take in the next piece."""
        self.text += delta.text
        self.reasoning += delta.reasoning
        self.changed.set()


@dataclass(slots=True)
class Answer:
    """What came of a turn: words, or the failure that is told instead, and how it ended."""

    turn: Turn
    text: str = ""
    reasoning: str = ""
    begun: Begun | None = None
    ended: Ended | None = None
    stopped: bool = False
    failure: AmbrosioError | None = None
    bills: list[Bill] = field(default_factory=list)

    @property
    def cut(self) -> bool:
        """Whether the model had more to say than it was allowed to."""
        return self.ended is not None and self.ended.finish is Finish.LENGTH


class Assistant:
    """Answers turns with whatever model the router finds."""

    def __init__(self, store: Store, router: Router, system: str) -> None:
        self.store = store
        self.router = router
        self._system = system

    async def answer(self, turn: Turn, progress: Progress) -> Answer:
        """Ask for an answer to a turn; failures are part of what comes back.

        Args:
            turn: what was asked, and which turn it continues.
            progress: grows with the answer, and may be stopped.
        """
        answer = Answer(turn)
        ask = Ask(
            system=self._system,
            history=self.store.history(turn.parent),
            question=turn.question,
            concise=turn.concise,
            model=turn.model,
            person=turn.person,
        )
        try:
            async with asyncio.timeout(None) as scope:
                progress.arm(scope)
                try:
                    await self._listen(ask, answer, progress)
                finally:
                    progress.arm(None)
        except TimeoutError:
            # The scope has no limit of its own: somebody pressed Stop.
            answer.stopped = True
        except AllFailed as exc:
            answer.failure = exc
            progress.text = exc.partial
        except NoProvider as exc:
            answer.failure = exc
        except asyncio.CancelledError:
            # The turn is asked again after the next start, and this is paid all the same.
            with suppress(StoreFailed):
                self.charge(answer)
            raise
        answer.text, answer.reasoning = progress.text, progress.reasoning
        return answer

    async def _listen(self, ask: Ask, answer: Answer, progress: Progress) -> None:
        async with aclosing(self.router.stream(ask, report=answer.bills.append)) as parts:
            async for part in parts:
                match part:
                    case Begun():
                        answer.begun = part
                        progress.void()
                    case Delta():
                        progress.grow(part)
                    case Ended():
                        answer.ended = part

    def keep(
        self, answer: Answer, replies: Iterable[Outgoing] = (), row: Row | None = None
    ) -> int | None:
        """Keep all that came of a turn in one transaction; give the turn's id."""
        spoken = answer.failure is None and bool(answer.text.strip())
        source = answer.ended or answer.begun
        answered = Answered(
            turn=answer.turn,
            text=answer.text if spoken else None,
            start=answer.begun.start if answer.begun else None,
            ref=source.ref if source else None,
        )
        turn = self.store.finish(row, replies, answered, expenses(answer.turn.person, answer.bills))
        self._settle(answer.bills)
        return turn

    def charge(self, answer: Answer) -> None:
        """Account for a turn of which nothing else is kept."""
        self.store.charge(*expenses(answer.turn.person, answer.bills))
        self._settle(answer.bills)

    def _settle(self, bills: Sequence[Bill]) -> None:
        self.router.budget.settle(bill.hold for bill in bills)


def expenses(person: int, bills: Iterable[Bill]) -> list[Expense]:
    """Make rows for the ledger of what calls came to."""
    return [
        Expense(
            person,
            bill.ref,
            bill.usage,
            bill.usd,
            counts_usd=bill.counts_usd,
            estimated=bill.estimated,
            outcome=bill.outcome,
        )
        for bill in bills
    ]
