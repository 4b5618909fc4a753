"""One timed sample of one model: a question asked as a real turn would ask it.

It goes through the router, which applies privacy and budget and reserves the call's cost in the
ledger. It does not decide which questions are asked, nor how many at once.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from decimal import Decimal

from ..core.context_window import Context, ModelProfile, estimate_tokens
from ..core.costs import Expense, Pricing, sum_usd
from ..core.errors import AmbrosioError, BudgetSpent, NoProvider
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
from ..core.provider_errors import AllProvidersFailed
from ..providers.openai_compatible import OpenAIProvider
from ..router import CompletionRequest, Router

# No good answer is longer, and some models never stop. Reasoning counts too.
MAX_TOKENS = 4096


@dataclass(frozen=True, slots=True)
class Sample:
    """One answer or failure; times are in seconds, `usd` is None if the cost is not known."""

    text: str = ""
    failure: str = ""
    cut: bool = False
    served_by: str = ""  # provider/model
    first_seconds: float | None = None  # from the request to the first word of the answer
    total_seconds: float = 0.0
    generation_seconds: float = 0.0  # from the first event, reasoning included, to the end
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    usd: Decimal | None = None


class ChoosingProvider:
    """A provider with a fixed choice of what is sent with a vv question; None: as set."""

    def __init__(
        self, provider: OpenAIProvider, reminder: bool | None, exchanges: bool | None
    ) -> None:
        self._provider = provider
        self._reminder, self._exchanges = reminder, exchanges
        self.name = provider.name
        self.paid, self.local = provider.paid, provider.local
        self.health, self.models = provider.health, provider.models
        self.sees, self.models_that_see = provider.sees, provider.models_that_see

    async def profile(self, model: str = "") -> ModelProfile:
        """Return the model's profile with what was chosen."""
        profile = await self._provider.profile(model)
        if self._reminder is not None:
            profile = replace(profile, repeat_vv=self._reminder)
        if self._exchanges is not None:
            profile = replace(profile, shapes_vv=self._exchanges)
        return profile

    def stream(
        self, context: Context, *, concise: bool = False, model: str = "", chat_key: str = ""
    ) -> AsyncGenerator[StreamEvent]:
        """Stream an answer, or raise `ProviderError`."""
        return self._provider.stream(context, concise=concise, model=model, chat_key=chat_key)

    def pricing(self, model: str = "") -> Pricing:
        """Return the model's prices."""
        return self._provider.pricing(model)


class Sampler:
    """Takes samples of single providers, without failover, and charges them to one user."""

    def __init__(self, router: Router, *, now: Callable[[], float], user_id: int = 0) -> None:
        self.router, self._user_id = router, user_id
        self._now = now
        self._paid_calls = 0
        self._call_ended = asyncio.Event()

    async def sample(
        self,
        provider: OpenAIProvider,
        request: CompletionRequest,
        *,
        reminder: bool | None = None,
        exchanges: bool | None = None,
    ) -> Sample:
        """Ask once; a failure is part of the sample.

        Raises `NoProvider` if the budget does not allow the call.
        """
        request = replace(request, user_id=self._user_id)
        _, _, model = request.model.partition("/")
        limited = self.router.budget.left(request.user_id) is not None
        if limited and not provider.pricing(model).known:
            # Hundreds of questions at a guessed price are too much of a risk.
            raise BudgetSpent
        chosen_provider = ChoosingProvider(provider, reminder, exchanges)
        while True:
            call_ended = self._call_ended
            try:
                return await self._sample(chosen_provider, request)
            except NoProvider:
                # Open calls usually cost less than is reserved for them, so wait for one to end.
                if not self._paid_calls:
                    raise
            await call_ended.wait()

    async def _sample(self, provider: ChoosingProvider, request: CompletionRequest) -> Sample:
        recorder, expenses = _SampleRecorder(self._now), list[Expense]()
        self._paid_calls += provider.paid
        try:
            stream = self.router.only(provider).stream(request, report=expenses.append)
            async with aclosing(stream) as events:
                async for event in events:
                    recorder.feed(event)
                    if recorder.tokens > MAX_TOKENS:
                        break
        except AllProvidersFailed as exc:
            recorder.fail(exc)
        finally:
            self._paid_calls -= provider.paid
            if recorder.started or recorder.failure:
                self._call_ended.set()
                self._call_ended = asyncio.Event()
        return recorder.sample(sum_usd(expenses) if recorder.started else None)


class _SampleRecorder:
    """Collects the text and the times of one answer from its stream."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._requested_at = now()
        self._started_at = self._first_at = self._ended_at = 0.0
        self._text = ""
        self._received = ""  # reasoning and discarded text too
        self._finish_reason: FinishReason | None = None
        self.failure = ""
        self.started: AnswerStarted | None = None
        self.usage: Usage | None = None

    @property
    def tokens(self) -> int:
        """How many tokens were generated so far, reasoning included; an estimate."""
        return estimate_tokens(self._received)

    def feed(self, event: StreamEvent) -> None:
        """Record the next event of the stream."""
        if isinstance(event, RequestSent | StatusNote | EmptyAnswer):
            return
        self._ended_at = self._now()
        match event:
            case AnswerStarted():
                # A second start replaces what came before it.
                self.started, self._started_at = event, self._ended_at
                self._text, self._first_at = "", 0.0
            case Delta():
                self._text += event.text
                self._received += event.text + event.reasoning
                if event.text.strip() and not self._first_at:
                    self._first_at = self._ended_at
            case AnswerFinished():
                self._finish_reason, self.usage = event.finish_reason, event.usage
                self.started = replace(self.started or AnswerStarted(event.ref), ref=event.ref)

    def fail(self, exc: AmbrosioError) -> None:
        """Record that the request failed, and drop the text so far."""
        self._ended_at = self._now()
        self.failure = str(exc)
        self._text = ""

    def sample(self, usd: Decimal | None) -> Sample:
        """Return the sample, with what it cost."""
        return Sample(
            text=self._text.strip(),
            failure=self.failure,
            cut=not self.failure and self._finish_reason is not FinishReason.STOP,
            served_by=str(self.started.ref) if self.started else "",
            first_seconds=self._first_at - self._requested_at if self._first_at else None,
            total_seconds=self._ended_at - self._requested_at,
            generation_seconds=self._ended_at - self._started_at if self.started else 0.0,
            prompt_tokens=self.usage.prompt if self.usage else None,
            completion_tokens=self.usage.completion if self.usage else None,
            usd=usd,
        )
