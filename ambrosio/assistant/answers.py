"""One turn, whatever the channel it comes by: remember, ask, account.

Knows neither Telegram nor a terminal. A failed turn leaves no trace in what is sent later; it is
kept beside the history so that it can be asked again.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from decimal import Decimal

from ..core.costs import Expense, total
from ..core.errors import AllFailed, AmbrosioError, NoProvider
from ..core.messages import (
    Begun,
    Delta,
    Ended,
    Finish,
    ModelRef,
    Note,
    Outgoing,
    Place,
    Sent,
    Turn,
    Wasted,
)
from ..router import Ask, Router
from ..store import Answered, Row, Store
from .progress import Progress


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
    expenses: list[Expense] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def ref(self) -> ModelRef | None:
        """Whose words these are."""
        source = self.ended or self.begun
        return source.ref if source else None

    @property
    def usd(self) -> Decimal | None:
        """What it has cost, as far as that is known; None if it is not, or nobody was asked."""
        return total(self.expenses)

    @property
    def looped(self) -> bool:
        """Whether the model had begun to say the same thing over and over."""
        return self.ended is not None and self.ended.finish is Finish.LOOP

    @property
    def cut(self) -> bool:
        """Whether the model had more to say than it was allowed to."""
        return self.ended is not None and self.ended.finish is Finish.LENGTH


class Assistant:
    """Answers turns with whatever model the router finds."""

    def __init__(
        self,
        store: Store,
        router: Router,
        system: str,
        *,
        private: bool = False,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.store = store
        self.router = router
        self.system = system
        self._private, self._now = private, now

    def private(self, place: Place) -> bool:
        """Say whether a chat or topic is in private mode."""
        chosen = self.store.place(place).private
        return self._private if chosen is None else chosen

    def head(self, place: Place) -> int | None:
        """Give the turn that the next one continues; out of private mode never a private one."""
        head = self.store.place(place).head
        if self.private(place) or not any(past.private for past in self.store.history(head)):
            return head
        return None

    def placed(self, turn: Turn) -> Turn:
        """Find out whether a turn is private: by itself, where it is said, or behind what.

        Before anybody is asked it is noted of its message, too, for ever.
        """
        at_home = self.private(turn.place)
        noted = self.store.stays_home(turn.place, turn.message)
        history = self.store.history(turn.parent)
        private = turn.private or at_home or noted or any(past.private for past in history)
        if private:
            self.store.keep_home(turn.place, turn.message)
        return replace(turn, private=private, beside=turn.beside or (private and not at_home))

    def ask(self, turn: Turn) -> Ask:
        """Make the question for the router."""
        return Ask(
            system=self.system,
            history=self.store.history(turn.parent),
            question=turn.question,
            concise=turn.concise,
            model=turn.model,
            private=turn.private,
            person=turn.person,
            chat=f"{turn.place.chat}:{turn.place.topic}",
        )

    async def answer(self, turn: Turn, progress: Progress, *, alone: bool = False) -> Answer:
        """Ask for an answer to a turn; failures are part of what comes back.

        Args:
            turn: what was asked, and which turn it continues.
            progress: grows with the answer, and may be stopped.
            alone: whether only the turn's own model is asked.
        """
        turn = self.placed(turn)
        ask = self.ask(turn)
        answer, began_at = Answer(turn), self._now()
        try:
            async with asyncio.timeout(None) as scope:
                progress.arm(scope)
                try:
                    await self._listen(replace(ask, alone=alone), answer, progress)
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
        if answer.ended and answer.ended.surplus:
            # In the history a loop would only lead to the next one.
            progress.text = progress.text[: -answer.ended.surplus]
        answer.text, answer.reasoning = progress.text, progress.reasoning
        answer.seconds = self._now() - began_at
        return answer

    async def compare(
        self,
        turn: Turn,
        progress: Progress,
        arrived: Callable[[Answer], Awaitable[None]],
        *,
        without: Collection[str] = (),
    ) -> None:
        """Ask everybody who may be asked at once; the conversation goes on behind none of them.

        Args:
            turn: what was asked.
            progress: says whom it waits for, and may be stopped.
            arrived: is given each answer when it is there.
            without: providers that have answered already.
        """
        turn = self.placed(replace(turn, beside=True))
        ask = self.ask(turn)
        asked = [ModelRef(*each) for each in await self.router.permitted(ask)]
        if not asked:
            await arrived(Answer(turn, failure=self.router.nobody(ask)))
        waiting = [str(ref) for ref in asked if ref.provider not in without]
        progress.parts = [Progress(turn.message) for _ in waiting]
        if progress.stopped:
            progress.stop()

        async def ask_one(name: str, part: Progress) -> None:
            answer = await self.answer(replace(turn, model=name), part, alone=True)
            waiting.remove(name)
            progress.wait(_asking(waiting))
            await arrived(answer)

        progress.wait(_asking(waiting))
        async with asyncio.TaskGroup() as group:
            for name, part in zip(tuple(waiting), progress.parts, strict=True):
                group.create_task(ask_one(name, part))

    async def _listen(self, ask: Ask, answer: Answer, progress: Progress) -> None:
        async with aclosing(self.router.stream(ask, report=answer.expenses.append)) as parts:
            async for part in parts:
                match part:
                    case Sent():
                        self.store.went(answer.turn.place, part.ref.provider)
                    case Begun():
                        answer.begun = part
                        progress.void()
                    case Delta():
                        progress.grow(part)
                    case Note():
                        progress.wait(part.text)
                    case Ended():
                        answer.ended = part
                    case Wasted():
                        pass

    def keep(
        self, answer: Answer, replies: Iterable[Outgoing] = (), row: Row | None = None
    ) -> int | None:
        """Keep all that came of a turn in one transaction; give the turn's id."""
        return self.store.finish(row, replies, self._answered(answer))

    def _answered(self, answer: Answer) -> Answered:
        spoken = answer.failure is None and bool(answer.text.strip())
        return Answered(
            turn=answer.turn,
            text=answer.text if spoken else None,
            start=answer.begun.start if answer.begun else None,
            ref=answer.ref,
        )


def _asking(names: Sequence[str]) -> str:
    return f"Asking {' and '.join(names)}…" if names else ""
