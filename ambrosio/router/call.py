"""One provider that is asked one request: sized, priced, entered in the ledger, and watched.

It does not choose the provider and does not move on to another: that is `answers`.
"""

from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, replace

from ..core.context_window import Context
from ..core.costs import Expense
from ..core.messages import AnswerStarted, ModelRef, RequestSent, StreamEvent
from ..core.provider_errors import CannotSee, ContextTooLong, OverBudget, ProviderError
from .budget import MAX_TOKENS, Budget
from .health import HealthMonitor, ProviderHealth
from .metering import UsageMeter
from .policy import Candidate
from .request import CompletionRequest, ExpenseSink, Provider

# Our estimate and the server's count differ; a second try should fit.
SAFETY = 0.9


@dataclass(frozen=True, slots=True)
class Target:
    """A provider and a model that may be asked, with the context if it was needed for the price."""

    provider: Provider
    model: str
    health: ProviderHealth
    context: Context | None = None

    @property
    def ref(self) -> ModelRef:
        """The provider and the model."""
        return ModelRef(self.provider.name, self.model)

    def candidate(self) -> Candidate:
        """Return what the rules need to know; without a context the price counts as nothing."""
        pricing = self.provider.pricing(self.model)
        candidate = Candidate(self.provider.name, not pricing.free, self.provider.local)
        if pricing.free or self.context is None:
            return candidate
        max_cost_usd = pricing.max_cost(self.context.tokens, MAX_TOKENS)
        return replace(candidate, max_cost_usd=max_cost_usd)


class ProviderCall:
    """Asks one provider; `events` may be read once.

    Args:
        target: whom to ask.
        request: what is asked.
        skipped: why each provider before it did not answer, a clause each.
        budget: where the call is entered at its maximum cost before it is made.
        monitor: is told how it went.
        report: is told what it has cost.
        now: the clock.
    """

    def __init__(
        self,
        target: Target,
        request: CompletionRequest,
        skipped: tuple[str, ...],
        *,
        budget: Budget,
        monitor: HealthMonitor,
        report: ExpenseSink | None,
        now: Callable[[], float],
    ) -> None:
        self._target, self._request, self._skipped = target, request, skipped
        self._budget, self._monitor, self._report, self._now = budget, monitor, report, now

    async def events(self) -> AsyncGenerator[StreamEvent]:
        """Yield the answer as it comes, or raise `ProviderError`.

        With less of the history if the server says that it was too long.
        """
        target = self._target
        with self._watched() as on_event:
            profile = await target.provider.profile(target.model)
            if self._request.pictures and not profile.vision:
                raise CannotSee(target.provider.name)
            context = target.context or self._request.context(profile)
            while True:
                try:
                    with self._in_ledger(context) as (meter, limited):
                        yield RequestSent(target.ref)
                        async with aclosing(self._open(limited)) as events:
                            async for event in events:
                                meter.feed(event)
                                yield on_event(event, context)
                except ContextTooLong as exc:
                    shorter = self._request.context(profile, _smaller_window(context, exc))
                    if len(shorter.messages) == len(context.messages):
                        raise
                    context = shorter
                else:
                    target.health.on_success()
                    return

    @contextmanager
    def _watched(self) -> Iterator[Callable[[StreamEvent, Context], StreamEvent]]:
        """Tell the circuit breaker and the monitor how the call goes.

        Yields a function that completes the event with which an answer starts.
        """
        health, started_at = self._target.health, self._now()

        def on_event(event: StreamEvent, context: Context) -> StreamEvent:
            if not isinstance(event, AnswerStarted):
                return event
            health.first_word_seconds = self._now() - started_at
            return replace(
                event,
                first_turn_id=context.first_turn_id,
                dropped_turns=context.dropped_turns,
                skipped_providers=self._skipped,
            )

        health.breaker.on_request(started_at)
        health.under_way += 1
        try:
            yield on_event
        except ProviderError as exc:
            self._monitor.on_failure(health, exc, chosen=self._target.model)
            raise
        finally:
            health.under_way -= 1
            health.breaker.on_abandon()

    def _open(self, context: Context) -> AsyncGenerator[StreamEvent]:
        request, target = self._request, self._target
        return target.provider.stream(
            context, concise=request.concise, model=target.model, chat_key=request.chat_key
        )

    @contextmanager
    def _in_ledger(self, context: Context) -> Iterator[tuple[UsageMeter, Context]]:
        """Enter a call before it is made and settle it at its end, or raise `OverBudget`.

        Yields its meter, and the context with the token limit that the budget needs.
        """
        target, user_id = replace(self._target, context=context), self._request.user_id
        candidate = target.candidate()
        local_only = self._request.is_local_only
        if not self._budget.allowed_providers([candidate], user_id=user_id, local_only=local_only):
            # Another call has taken the money since the targets were listed.
            raise OverBudget(target.provider.name)
        if candidate.paid and self._budget.left(user_id) is not None:
            context = replace(context, max_tokens=min(MAX_TOKENS, context.free_tokens))
        pricing = target.provider.pricing(target.model)
        meter = UsageMeter(user_id, target.ref, pricing, context)
        max_usd = candidate.max_cost_usd
        known_usd = max_usd if pricing.known else None
        call_id = self._budget.reserve(
            Expense(user_id, target.ref, None, known_usd, charged_usd=max_usd)
        )
        try:
            yield meter, context
        except ProviderError as exc:
            meter.fail(exc)
            raise
        finally:
            expense = meter.expense()
            if self._report:
                self._report(expense)
            self._budget.settle(call_id, expense)


def _smaller_window(context: Context, exc: ContextTooLong) -> int:
    """Return the server's real window, in tokens of our own estimate."""
    ours_per_token = context.tokens / exc.tokens if exc.tokens else 1.0
    return min(int(exc.limit * ours_per_token * SAFETY), context.tokens * 2 // 3)
