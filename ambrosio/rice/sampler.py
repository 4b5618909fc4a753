"""Asking one model one thing, as a real turn would, with a watch and a purse.

Goes through the router, so that who may be asked is decided in the one place for it, and what a
call may cost is in the ledger before it is made.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from decimal import Decimal

from ..core.context_window import Context, ModelProfile
from ..core.costs import Expense, Pricing, sum_usd
from ..core.errors import AllProvidersFailed, AmbrosioError, BudgetSpent, NoProvider
from ..core.messages import (
    AnswerFinished,
    AnswerStarted,
    Delta,
    EmptyAnswer,
    FinishReason,
    RequestSent,
    StatusNote,
    StreamEvent,
    Usage,
)
from ..providers.openai_compatible import OpenAIProvider
from ..router import CompletionRequest, Router

# No good answer is longer, and some models never end. Thoughts count.
MAX_TOKENS = 4096


@dataclass(frozen=True, slots=True)
class Sample:
    """What came of asking; times are in seconds after it, `usd` is None when it is not known."""

    text: str = ""
    failure: str = ""
    cut: bool = False
    served: str = ""
    first_seconds: float | None = None  # until the first word of the answer
    total_seconds: float = 0.0
    speaking_seconds: float = 0.0  # from the first sign of life, thoughts included, to the end
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    usd: Decimal | None = None


class RemindingProvider:
    """A provider as it is, except for whether the vv rule is repeated behind the question."""

    def __init__(self, provider: OpenAIProvider, reminder: bool | None) -> None:
        self._provider = provider
        self._reminder = reminder
        self.name = provider.name
        self.paid, self.local = provider.paid, provider.local
        self.health, self.models = provider.health, provider.models

    async def profile(self, model: str = "") -> ModelProfile:
        """Say how a model there is spoken to."""
        manner = await self._provider.profile(model)
        return manner if self._reminder is None else replace(manner, repeat_vv=self._reminder)

    def stream(
        self, context: Context, *, concise: bool = False, model: str = "", chat_key: str = ""
    ) -> AsyncGenerator[StreamEvent]:
        """Give an answer as it comes, or raise `ProviderError`."""
        return self._provider.stream(context, concise=concise, model=model, chat_key=chat_key)

    def pricing(self, model: str = "") -> Pricing:
        """Say what a model there costs."""
        return self._provider.pricing(model)


class Sampler:
    """Asks providers, one alone at a time."""

    def __init__(self, router: Router, *, now: Callable[[], float], person: int = 0) -> None:
        """Take whom it is asked of, a clock, and whose money it costs."""
        self._router, self._person = router, person
        self._now = now
        self._under_way = 0
        self._freed = asyncio.Event()

    async def ask(
        self, provider: OpenAIProvider, ask: CompletionRequest, *, reminder: bool | None = None
    ) -> Sample:
        """Ask, or raise `NoProvider` when the budget does not allow it; failures are told."""
        asked, ask = RemindingProvider(provider, reminder), replace(ask, user_id=self._person)
        known = provider.pricing(_chosen(ask)).known
        if not known and self._router.budget.left(ask.user_id) is not None:
            # Hundreds of questions at a price that is only guessed are too much of a risk.
            raise BudgetSpent
        while True:
            freed = self._freed
            try:
                return await self._ask(asked, ask)
            except NoProvider:
                # Calls under way seldom cost what is set aside for them.
                if not self._under_way:
                    raise
            await freed.wait()

    async def _ask(self, provider: RemindingProvider, ask: CompletionRequest) -> Sample:
        watch, expenses = _Watch(self._now), list[Expense]()
        self._under_way += provider.paid
        try:
            stream = self._router.only(provider).stream(ask, report=expenses.append)
            async with aclosing(stream) as parts:
                async for part in parts:
                    watch.take(part)
                    if watch.tokens > MAX_TOKENS:
                        break
        except AllProvidersFailed as exc:
            watch.failed(exc)
        finally:
            self._under_way -= provider.paid
            if watch.begun or watch.failure:
                self._freed.set()
                self._freed = asyncio.Event()
        return watch.spoken(sum_usd(expenses) if watch.begun else None)


def _chosen(ask: CompletionRequest) -> str:
    return ask.model.partition("/")[2]


class _Watch:
    """Reads the clock while an answer comes in."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._asked_at = now()
        self._begun_at = self._first_at = self._ended_at = 0.0
        self._words: list[str] = []
        self._bytes = 0
        self._finish: FinishReason | None = None
        self.failure = ""
        self.begun: AnswerStarted | None = None
        self.usage: Usage | None = None

    @property
    def tokens(self) -> int:
        """How much was said, thoughts included, as a guess."""
        return self._bytes // 3

    def take(self, part: StreamEvent) -> None:
        """Take in what came."""
        if isinstance(part, RequestSent | StatusNote | EmptyAnswer):
            return
        self._ended_at = self._now()
        match part:
            case AnswerStarted():
                # Whatever came before it is void.
                self.begun, self._begun_at = part, self._ended_at
                self._words, self._first_at = [], 0.0
            case Delta():
                self._words.append(part.text)
                self._bytes += len((part.text + part.reasoning).encode("utf-8", "replace"))
                if part.text.strip() and not self._first_at:
                    self._first_at = self._ended_at
            case AnswerFinished():
                self._finish, self.usage = part.finish_reason, part.usage
                self.begun = replace(self.begun or AnswerStarted(part.ref), ref=part.ref)

    def failed(self, exc: AmbrosioError) -> None:
        """Note that it came to nothing."""
        self._ended_at = self._now()
        self.failure = str(exc)
        self._words = []

    def spoken(self, usd: Decimal | None) -> Sample:
        """Sum up."""
        return Sample(
            text="".join(self._words).strip(),
            failure=self.failure,
            cut=not self.failure and self._finish is not FinishReason.STOP,
            served=str(self.begun.ref) if self.begun else "",
            first_seconds=self._first_at - self._asked_at if self._first_at else None,
            total_seconds=self._ended_at - self._asked_at,
            speaking_seconds=self._ended_at - self._begun_at if self.begun else 0.0,
            prompt_tokens=self.usage.prompt if self.usage else None,
            completion_tokens=self.usage.completion if self.usage else None,
            usd=usd,
        )
