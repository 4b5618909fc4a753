"""Whom to ask for words, and whom next.

It moves on before the first word; an answer that breaks after it is started afresh by the next one
and never spliced.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Protocol

from ..core import context_window
from ..core.context_window import Context, ModelProfile, PastTurn
from ..core.costs import Expense, Pricing
from ..core.errors import (
    AllProvidersFailed,
    AmbrosioError,
    BudgetSpent,
    ContextTooLong,
    Loading,
    LocalOnlyFailed,
    NoProvider,
    OverBudget,
    ProviderError,
)
from ..core.messages import AnswerStarted, Delta, ModelRef, RequestSent, StatusNote, StreamEvent
from .budget import MAX_TOKENS, Budget
from .health import HealthMonitor, HealthProbe, ProviderHealth, retry_pause
from .hedging import race
from .metering import UsageMeter
from .policy import Candidate

log = logging.getLogger(__name__)

ExpenseSink = Callable[[Expense], None]


class Provider(HealthProbe, Protocol):
    """What the router needs of a provider."""

    @property
    def name(self) -> str:
        """What it is called in the settings."""
        ...

    @property
    def paid(self) -> bool:
        """Whether a call costs money."""
        ...

    @property
    def local(self) -> bool:
        """Whether what it is asked stays in the house."""
        ...

    async def profile(self, model: str = "") -> ModelProfile:
        """Say how a model there is spoken to."""
        ...

    def stream(
        self, context: Context, *, concise: bool = False, model: str = "", chat_key: str = ""
    ) -> AsyncGenerator[StreamEvent]:
        """Give an answer as it comes, or raise `ProviderError`."""
        ...

    def pricing(self, model: str = "") -> Pricing:
        """Say what a model there costs."""
        ...


@dataclass(frozen=True, slots=True)
class CompletionRequest:
    """A question on its way to a model.

    `model` is the chat's choice: a provider, perhaps `/id`; `alone` asks nobody else. `private` is
    asked only at home, and so is whatever follows something private. `person` is whose money it
    costs, and `chat` tells conversations apart for servers that remember them.
    """

    system: str
    history: tuple[PastTurn, ...]
    question: str
    concise: bool = False
    model: str = ""
    local_only: bool = False
    single_provider: bool = False
    user_id: int = 0
    chat_key: str = ""

    @property
    def is_local_only(self) -> bool:
        """Whether any of it is private."""
        return self.local_only or any(past.local_only for past in self.history)


@dataclass(frozen=True, slots=True)
class _Target:
    provider: Provider
    model: str
    health: ProviderHealth
    skipped_providers: tuple[str, ...] = ()


class Router:
    """Asks one provider after the other until one answers."""

    def __init__(
        self,
        providers: Mapping[str, Provider],
        route: tuple[str, ...],
        *,
        now: Callable[[], float],
        fast_route: tuple[str, ...] = (),
        budget: Budget | None = None,
        patience_seconds: float = 0,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._patience_seconds = patience_seconds
        self.providers = providers
        self.health = HealthMonitor(providers, now=now, sleep=sleep)
        self._route = tuple(name for name in dict.fromkeys(route) if name in providers)
        self._fast_route = tuple(name for name in dict.fromkeys(fast_route) if name in providers)
        self._now, self._sleep = now, sleep
        self.budget = budget or Budget(now=now)

    def only(self, provider: Provider) -> "Router":
        """Make a router that asks one provider and nobody else, out of the same budget."""
        return Router(
            {provider.name: provider},
            (provider.name,),
            now=self._now,
            budget=self.budget,
            sleep=self._sleep,
        )

    def route(self, *, concise: bool = False, model: str = "") -> tuple[tuple[str, str], ...]:
        """Give the order of (provider, model) for a question, before health is looked at."""
        name, _, chosen = model.partition("/")
        order = self._fast_route if concise and self._fast_route else self._route
        first = ((name, chosen),) if name in self.providers else ()
        return (*first, *((other, "") for other in order if not first or other != name))

    async def allowed_providers(self, request: CompletionRequest) -> tuple[tuple[str, str], ...]:
        """List who may be asked, in order: the one place where that is decided."""
        order = self.route(concise=request.concise, model=request.model)
        if request.single_provider:
            order = order[:1]
        standings = [await self._standing(name, model, request) for name, model in order]
        allowed = self._allowed(standings, request)
        return tuple(each for each in order if each[0] in allowed)

    def why_nobody(self, request: CompletionRequest) -> AmbrosioError:
        """Say why there is nobody who may be asked."""
        if request.is_local_only:
            return LocalOnlyFailed([])
        return (
            BudgetSpent()
            if self.route(concise=request.concise, model=request.model)
            else NoProvider()
        )

    def _allowed(
        self, standings: Sequence[Candidate], request: CompletionRequest
    ) -> tuple[str, ...]:
        return self.budget.allowed_providers(
            standings, user_id=request.user_id, local_only=request.is_local_only
        )

    async def _standing(self, name: str, model: str, request: CompletionRequest) -> Candidate:
        provider = self.providers[name]
        paid = not provider.pricing(model).free
        standing = Candidate(name, paid, provider.local)
        if not paid or (request.is_local_only and not provider.local):
            return standing
        try:
            built = _build(request, await provider.profile(model), 0)
        except ProviderError:
            # Whoever asks it hears the same, and its price is looked at again before the call.
            return standing
        return replace(
            standing, max_cost_usd=provider.pricing(model).max_cost(built.tokens, MAX_TOKENS)
        )

    async def stream(
        self, request: CompletionRequest, *, report: ExpenseSink | None = None
    ) -> AsyncGenerator[StreamEvent]:
        """Ask until somebody answers, or raise `NoProvider`, `AllProvidersFailed` or `LocalOnlyFailed`.

        Each call that was made, however it ended, is in the ledger and is told to `report`.
        """
        said, rounds, loads = "", 0, 0
        # Whoever rests in a later round was still tried.
        tried: dict[str, ProviderError] = {}
        while True:
            try:
                async with aclosing(self._round(request, report)) as parts:
                    async for part in parts:
                        yield part
            except AllProvidersFailed as exc:
                failed = exc
            else:
                return
            rounds += 1
            tried |= {cause.provider: cause for cause in failed.causes}
            said = failed.partial or said
            loads += any(isinstance(cause, Loading) for cause in failed.causes)
            seconds = retry_pause(failed.causes, rounds, loads)
            if seconds is None or request.single_provider:
                raise (LocalOnlyFailed if request.is_local_only else AllProvidersFailed)(
                    [*tried.values()], partial=said
                )
            for cause in failed.causes:
                if isinstance(cause, Loading):
                    yield StatusNote(cause.note)
            await self._sleep(seconds)

    async def _round(
        self, request: CompletionRequest, report: ExpenseSink | None
    ) -> AsyncGenerator[StreamEvent]:
        """Ask everybody once, in order, or raise `NoProvider` or `AllProvidersFailed`."""
        causes: list[ProviderError] = []
        said = ""
        line = iter(await self._candidates(request))
        for candidate in line:
            words: list[str] = []
            asked = await self._asked(candidate, line, request, causes, report)
            try:
                async with aclosing(asked) as parts:
                    async for part in parts:
                        if isinstance(part, Delta):
                            words.append(part.text)
                        yield part
            except ProviderError as exc:
                log.log(logging.DEBUG if isinstance(exc, Loading) else logging.WARNING, "%s", exc)
                causes.append(exc)
                said = "".join(words) or said
            else:
                return
        raise AllProvidersFailed(causes, partial=said)

    async def _asked(
        self,
        candidate: _Target,
        line: Iterator[_Target],
        request: CompletionRequest,
        causes: list[ProviderError],
        report: ExpenseSink | None,
    ) -> AsyncGenerator[StreamEvent]:
        """Ask one provider, and the next in the line as well if a local one is slow to speak."""
        passed = await self._passed(request, candidate, causes)
        attempt = self._attempt(replace(candidate, skipped_providers=passed), request, report)
        if not self._patience_seconds or not candidate.provider.local or request.is_local_only:
            return attempt

        def second() -> AsyncGenerator[StreamEvent] | None:
            other = next(line, None)
            slow = (*passed, f"{candidate.provider.name} is slow")
            return (
                self._attempt(replace(other, skipped_providers=slow), request, report)
                if other
                else None
            )

        return race(
            attempt, second, patience_seconds=self._patience_seconds, on_failure=causes.append
        )

    async def _candidates(self, request: CompletionRequest) -> list[_Target]:
        """List whom to ask: who may be, in order, without those that rest, unless all do."""
        found = [
            _Target(self.providers[name], model, self.health.providers[name])
            for name, model in await self.allowed_providers(request)
        ]
        if not found:
            raise self.why_nobody(request)
        now = self._now()
        return [each for each in found if each.health.breaker.closed(now)] or found

    async def _passed(
        self, request: CompletionRequest, candidate: _Target, causes: list[ProviderError]
    ) -> tuple[str, ...]:
        """Say of each that comes before in the order why it did not answer."""
        permitted = dict(await self.allowed_providers(request))
        failed = {cause.provider: str(cause) for cause in causes}
        clauses = []
        for name, _ in self.route(concise=request.concise, model=request.model):
            if name == candidate.provider.name:
                break
            kept_out = (
                "is not asked in private" if request.is_local_only else "has reached its budget"
            )
            resting = f"{name} is resting" if name in permitted else f"{name} {kept_out}"
            clauses.append(failed.get(name, resting))
        return tuple(clauses)

    async def _attempt(
        self, candidate: _Target, request: CompletionRequest, report: ExpenseSink | None
    ) -> AsyncGenerator[StreamEvent]:
        """Ask one provider, with less of the past if it says that it was too much."""
        health, window = candidate.health, 0
        asked_at = self._now()
        health.breaker.on_request(asked_at)
        try:
            manner = await candidate.provider.profile(candidate.model)
            while True:
                built = _build(request, manner, window)
                try:
                    async with aclosing(self._stream(candidate, request, built, report)) as parts:
                        async for part in parts:
                            if isinstance(part, AnswerStarted):
                                health.first_word_seconds = self._now() - asked_at
                            yield part
                except ContextTooLong as exc:
                    smaller = _smaller(built, exc)
                    if len(_build(request, manner, smaller).messages) == len(built.messages):
                        raise
                    window = smaller
                else:
                    health.on_success()
                    return
        except ProviderError as exc:
            self.health.on_failure(health, exc, chosen=candidate.model)
            raise
        finally:
            health.breaker.on_abandon()

    async def _stream(
        self,
        candidate: _Target,
        request: CompletionRequest,
        built: Context,
        report: ExpenseSink | None,
    ) -> AsyncGenerator[StreamEvent]:
        """Make one call, which is in the ledger at its worst case before it is made."""
        provider, ref = candidate.provider, ModelRef(candidate.provider.name, candidate.model)
        tariff = provider.pricing(ref.model)
        worst = tariff.max_cost(built.tokens, MAX_TOKENS)
        standing = Candidate(provider.name, not tariff.free, provider.local, worst)
        if not self._allowed([standing], request):
            # Somebody else's call has taken the money since the candidates were listed.
            raise OverBudget(provider.name)
        if standing.paid and self.budget.left(request.user_id) is not None:
            built = replace(built, max_tokens=min(MAX_TOKENS, built.free_tokens))
        meter = UsageMeter(request.user_id, ref, tariff, built)
        shown = worst if tariff.known else None
        call = self.budget.reserve(Expense(request.user_id, ref, None, shown, charged_usd=worst))
        stream = provider.stream(
            built, concise=request.concise, model=ref.model, chat_key=request.chat_key
        )
        try:
            yield RequestSent(ref)
            async with aclosing(stream) as parts:
                async for part in parts:
                    meter.feed(part)
                    if isinstance(part, AnswerStarted):
                        yield replace(
                            part,
                            first_turn_id=built.first_turn_id,
                            dropped_turns=built.dropped_turns,
                            skipped_providers=candidate.skipped_providers,
                        )
                    else:
                        yield part
        except ProviderError as exc:
            meter.fail(exc)
            raise
        finally:
            expense = meter.expense()
            if report:
                report(expense)
            self.budget.settle(call, expense)


def _build(request: CompletionRequest, manner: ModelProfile, window: int) -> Context:
    return context_window.build_context(
        request.system,
        request.history,
        request.question,
        concise=request.concise,
        profile=manner,
        window=window,
    )


def _smaller(built: Context, exc: ContextTooLong) -> int:
    """Work out, in our own estimate's tokens, the window that the server really has."""
    ours_for_each = built.tokens / exc.tokens if exc.tokens else 1.0
    return min(int(exc.limit * ours_for_each * 0.9), built.tokens * 2 // 3)
