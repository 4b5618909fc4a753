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

from ..core.costs import Expense, sum_usd
from ..core.errors import AllProvidersFailed, AmbrosioError, NoProvider
from ..core.messages import (
    AnswerFinished,
    AnswerStarted,
    Chat,
    Delta,
    EmptyAnswer,
    FinishReason,
    ModelRef,
    OutgoingMessage,
    RequestSent,
    StatusNote,
    Turn,
)
from ..router import CompletionRequest, Router
from ..store import InboxItem, Store, TurnResult
from .progress import Progress


@dataclass(slots=True)
class Answer:
    """What came of a turn: words, or the failure that is told instead, and how it ended."""

    turn: Turn
    text: str = ""
    reasoning: str = ""
    started: AnswerStarted | None = None
    finished: AnswerFinished | None = None
    stopped: bool = False
    failure: AmbrosioError | None = None
    expenses: list[Expense] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def ref(self) -> ModelRef | None:
        """Whose words these are."""
        source = self.finished or self.started
        return source.ref if source else None

    @property
    def usd(self) -> Decimal | None:
        """What it has cost, as far as that is known; None if it is not, or nobody was asked."""
        return sum_usd(self.expenses)

    @property
    def is_loop(self) -> bool:
        """Whether the model had begun to say the same thing over and over."""
        return self.finished is not None and self.finished.finish_reason is FinishReason.LOOP

    @property
    def is_cut(self) -> bool:
        """Whether the model had more to say than it was allowed to."""
        return self.finished is not None and self.finished.finish_reason is FinishReason.LENGTH


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

    def is_local_only(self, chat: Chat) -> bool:
        """Say whether a chat or topic is in private mode."""
        chosen = self.store.chat_state(chat).local_only
        return self._private if chosen is None else chosen

    def latest_turn_id(self, chat: Chat) -> int | None:
        """Give the turn that the next one continues; out of private mode never a private one."""
        head = self.store.chat_state(chat).latest_turn_id
        if self.is_local_only(chat) or not any(
            past.local_only for past in self.store.history(head)
        ):
            return head
        return None

    def with_privacy(self, turn: Turn) -> Turn:
        """Find out whether a turn is private: by itself, where it is said, or behind what.

        Before anybody is asked it is noted of its message, too, for ever.
        """
        at_home = self.is_local_only(turn.chat)
        noted = self.store.is_local_only(turn.chat, turn.message_id)
        history = self.store.history(turn.parent_id)
        private = turn.local_only or at_home or noted or any(past.local_only for past in history)
        if private:
            self.store.mark_local_only(turn.chat, turn.message_id)
        return replace(
            turn, local_only=private, detached=turn.detached or (private and not at_home)
        )

    def completion_request(self, turn: Turn) -> CompletionRequest:
        """Make the question for the router."""
        return CompletionRequest(
            system=self.system,
            history=self.store.history(turn.parent_id),
            question=turn.question,
            concise=turn.concise,
            model=turn.model,
            local_only=turn.local_only,
            user_id=turn.user_id,
            chat_key=f"{turn.chat.chat_id}:{turn.chat.topic_id}",
        )

    async def answer(
        self, turn: Turn, progress: Progress, *, single_provider: bool = False
    ) -> Answer:
        """Ask for an answer to a turn; failures are part of what comes back.

        Args:
            turn: what was asked, and which turn it continues.
            progress: grows with the answer, and may be stopped.
            alone: whether only the turn's own model is asked.
        """
        turn = self.with_privacy(turn)
        ask = self.completion_request(turn)
        answer, began_at = Answer(turn), self._now()
        try:
            async with asyncio.timeout(None) as scope:
                progress.bind_scope(scope)
                try:
                    await self._listen(
                        replace(ask, single_provider=single_provider), answer, progress
                    )
                finally:
                    progress.bind_scope(None)
        except TimeoutError:
            # The scope has no limit of its own: somebody pressed Stop.
            answer.stopped = True
        except AllProvidersFailed as exc:
            answer.failure = exc
            progress.text = exc.partial
        except NoProvider as exc:
            answer.failure = exc
        if answer.finished and answer.finished.repeated_tail_chars:
            # In the history a loop would only lead to the next one.
            progress.text = progress.text[: -answer.finished.repeated_tail_chars]
        answer.text, answer.reasoning = progress.text, progress.reasoning
        answer.seconds = self._now() - began_at
        return answer

    async def compare(
        self,
        turn: Turn,
        progress: Progress,
        on_answer: Callable[[Answer], Awaitable[None]],
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
        turn = self.with_privacy(replace(turn, detached=True))
        ask = self.completion_request(turn)
        asked = [ModelRef(*each) for each in await self.router.allowed_providers(ask)]
        if not asked:
            await on_answer(Answer(turn, failure=self.router.why_nobody(ask)))
        waiting = [str(ref) for ref in asked if ref.provider not in without]
        progress.parts = [Progress(turn.message_id) for _ in waiting]
        if progress.stopped:
            progress.stop()

        async def ask_one(name: str, part: Progress) -> None:
            answer = await self.answer(replace(turn, model=name), part, single_provider=True)
            waiting.remove(name)
            progress.set_note(_asking(waiting))
            await on_answer(answer)

        progress.set_note(_asking(waiting))
        async with asyncio.TaskGroup() as group:
            for name, part in zip(tuple(waiting), progress.parts, strict=True):
                group.create_task(ask_one(name, part))

    async def _listen(self, ask: CompletionRequest, answer: Answer, progress: Progress) -> None:
        async with aclosing(self.router.stream(ask, report=answer.expenses.append)) as parts:
            async for part in parts:
                match part:
                    case RequestSent():
                        self.store.record_request(answer.turn.chat, part.ref.provider)
                    case AnswerStarted():
                        answer.started = part
                        progress.reset()
                    case Delta():
                        progress.append(part)
                    case StatusNote():
                        progress.set_note(part.text)
                    case AnswerFinished():
                        answer.finished = part
                    case EmptyAnswer():
                        pass

    def save(
        self, answer: Answer, replies: Iterable[OutgoingMessage] = (), row: InboxItem | None = None
    ) -> int | None:
        """Keep all that came of a turn in one transaction; give the turn's id."""
        return self.store.finish(row, replies, self._turn_result(answer))

    def _turn_result(self, answer: Answer) -> TurnResult:
        spoken = answer.failure is None and bool(answer.text.strip())
        return TurnResult(
            turn=answer.turn,
            text=answer.text if spoken else None,
            first_turn_id=answer.started.first_turn_id if answer.started else None,
            ref=answer.ref,
        )


def _asking(names: Sequence[str]) -> str:
    return f"Asking {' and '.join(names)}…" if names else ""
