"""One turn, whatever the channel it comes by: remember, ask, account.

Knows neither Telegram nor a terminal. A failed turn leaves no trace in what is sent later; it is
kept beside the history so that it can be asked again.
"""

import asyncio
from collections.abc import Iterable
from contextlib import aclosing
from dataclasses import dataclass

from .errors import AllFailed, AmbrosioError, NoProvider
from .messages import Begun, Delta, Ended, Finish, Note, Outgoing, Turn
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
        # Why there is nothing yet, to be shown in the place of words.
        self.note = ""
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
        self.text = self.reasoning = self.note = ""
        self.changed.set()

    @property
    def shown(self) -> str:
        """What a preview shows: the words, or why there are none yet."""
        return self.text or (f"*{self.note}*" if self.note else "")

    def wait(self, note: str) -> None:
        """Say why there is nothing yet."""
        if note != self.note:
            self.note = note
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
            chat=f"{turn.place.chat}:{turn.place.topic}",
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
        if answer.ended and answer.ended.surplus:
            # In the history a loop would only lead to the next one.
            progress.text = progress.text[: -answer.ended.surplus]
        answer.text, answer.reasoning = progress.text, progress.reasoning
        return answer

    async def _listen(self, ask: Ask, answer: Answer, progress: Progress) -> None:
        async with aclosing(self.router.stream(ask)) as parts:
            async for part in parts:
                match part:
                    case Begun():
                        answer.begun = part
                        progress.void()
                    case Delta():
                        progress.grow(part)
                    case Note():
                        progress.wait(part.text)
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
        return self.store.finish(row, replies, answered, self._expenses(answer))

    def _expenses(self, answer: Answer) -> list[Expense]:
        if answer.ended is None:
            return []
        ref, usage = answer.ended.ref, answer.ended.usage
        usd = self.router.providers[ref.provider].price(usage)
        return [Expense(answer.turn.person, ref, usage, usd)]
