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
from ..core.context_window import Context, Exchange, Manner
from ..core.costs import Expense, Tariff
from ..core.errors import (
    AllFailed,
    AmbrosioError,
    BudgetSpent,
    Loading,
    NoProvider,
    ProviderError,
    StaysHome,
    TooLong,
    Unaffordable,
)
from ..core.messages import Begun, Delta, ModelRef, Note, Part, Sent
from .budget import MOST_TOKENS, Budget
from .health import Health, Patient, Vitals, pause
from .hedging import race
from .metering import Meter
from .policy import Standing

log = logging.getLogger(__name__)

Report = Callable[[Expense], None]


class Provider(Patient, Protocol):
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

    async def manner(self, model: str = "") -> Manner:
        """Say how a model there is spoken to."""
        ...

    def stream(
        self, context: Context, *, concise: bool = False, model: str = "", chat: str = ""
    ) -> AsyncGenerator[Part]:
        """Give an answer as it comes, or raise `ProviderError`."""
        ...

    def tariff(self, model: str = "") -> Tariff:
        """Say what a model there costs."""
        ...


@dataclass(frozen=True, slots=True)
class Ask:
    """A question on its way to a model.

    `model` is the chat's choice: a provider, perhaps `/id`; `alone` asks nobody else. `private` is
    asked only at home, and so is whatever follows something private. `person` is whose money it
    costs, and `chat` tells conversations apart for servers that remember them.
    """

    system: str
    history: tuple[Exchange, ...]
    question: str
    concise: bool = False
    model: str = ""
    private: bool = False
    alone: bool = False
    person: int = 0
    chat: str = ""

    @property
    def stays_home(self) -> bool:
        """Whether any of it is private."""
        return self.private or any(past.private for past in self.history)


@dataclass(frozen=True, slots=True)
class _Candidate:
    provider: Provider
    model: str
    vitals: Vitals
    passed: tuple[str, ...] = ()


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
        self.health = Health(providers, now=now, sleep=sleep)
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

    async def permitted(self, ask: Ask) -> tuple[tuple[str, str], ...]:
        """List who may be asked, in order: the one place where that is decided."""
        order = self.route(concise=ask.concise, model=ask.model)
        if ask.alone:
            order = order[:1]
        standings = [await self._standing(name, model, ask) for name, model in order]
        allowed = self._allowed(standings, ask)
        return tuple(each for each in order if each[0] in allowed)

    def nobody(self, ask: Ask) -> AmbrosioError:
        """Say why there is nobody who may be asked."""
        if ask.stays_home:
            return StaysHome([])
        return BudgetSpent() if self.route(concise=ask.concise, model=ask.model) else NoProvider()

    def _allowed(self, standings: Sequence[Standing], ask: Ask) -> tuple[str, ...]:
        return self.budget.permitted(standings, person=ask.person, private=ask.stays_home)

    async def _standing(self, name: str, model: str, ask: Ask) -> Standing:
        provider = self.providers[name]
        paid = not provider.tariff(model).free
        standing = Standing(name, paid, provider.local)
        if not paid or (ask.stays_home and not provider.local):
            return standing
        try:
            built = _build(ask, await provider.manner(model), 0)
        except ProviderError:
            # Whoever asks it hears the same, and its price is looked at again before the call.
            return standing
        return replace(standing, worst_usd=provider.tariff(model).worst(built.tokens, MOST_TOKENS))

    async def stream(self, ask: Ask, *, report: Report | None = None) -> AsyncGenerator[Part]:
        """Ask until somebody answers, or raise `NoProvider`, `AllFailed` or `StaysHome`.

        Each call that was made, however it ended, is in the ledger and is told to `report`.
        """
        said, rounds, loads = "", 0, 0
        # Whoever rests in a later round was still tried.
        tried: dict[str, ProviderError] = {}
        while True:
            try:
                async with aclosing(self._round(ask, report)) as parts:
                    async for part in parts:
                        yield part
            except AllFailed as exc:
                failed = exc
            else:
                return
            rounds += 1
            tried |= {cause.provider: cause for cause in failed.causes}
            said = failed.partial or said
            loads += any(isinstance(cause, Loading) for cause in failed.causes)
            seconds = pause(failed.causes, rounds, loads)
            if seconds is None or ask.alone:
                raise (StaysHome if ask.stays_home else AllFailed)([*tried.values()], partial=said)
            for cause in failed.causes:
                if isinstance(cause, Loading):
                    yield Note(cause.note)
            await self._sleep(seconds)

    async def _round(self, ask: Ask, report: Report | None) -> AsyncGenerator[Part]:
        """Ask everybody once, in order, or raise `NoProvider` or `AllFailed`."""
        causes: list[ProviderError] = []
        said = ""
        line = iter(await self._candidates(ask))
        for candidate in line:
            words: list[str] = []
            asked = await self._asked(candidate, line, ask, causes, report)
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
        raise AllFailed(causes, partial=said)

    async def _asked(
        self,
        candidate: _Candidate,
        line: Iterator[_Candidate],
        ask: Ask,
        causes: list[ProviderError],
        report: Report | None,
    ) -> AsyncGenerator[Part]:
        """Ask one provider, and the next in the line as well if a local one is slow to speak."""
        passed = await self._passed(ask, candidate, causes)
        attempt = self._attempt(replace(candidate, passed=passed), ask, report)
        if not self._patience_seconds or not candidate.provider.local or ask.stays_home:
            return attempt

        def second() -> AsyncGenerator[Part] | None:
            other = next(line, None)
            slow = (*passed, f"{candidate.provider.name} is slow")
            return self._attempt(replace(other, passed=slow), ask, report) if other else None

        return race(attempt, second, patience_seconds=self._patience_seconds, lost=causes.append)

    async def _candidates(self, ask: Ask) -> list[_Candidate]:
        """List whom to ask: who may be, in order, without those that rest, unless all do."""
        found = [
            _Candidate(self.providers[name], model, self.health.vitals[name])
            for name, model in await self.permitted(ask)
        ]
        if not found:
            raise self.nobody(ask)
        now = self._now()
        return [each for each in found if each.vitals.breaker.closed(now)] or found

    async def _passed(
        self, ask: Ask, candidate: _Candidate, causes: list[ProviderError]
    ) -> tuple[str, ...]:
        """Say of each that comes before in the order why it did not answer."""
        permitted = dict(await self.permitted(ask))
        failed = {cause.provider: str(cause) for cause in causes}
        clauses = []
        for name, _ in self.route(concise=ask.concise, model=ask.model):
            if name == candidate.provider.name:
                break
            kept_out = "is not asked in private" if ask.stays_home else "has reached its budget"
            resting = f"{name} is resting" if name in permitted else f"{name} {kept_out}"
            clauses.append(failed.get(name, resting))
        return tuple(clauses)

    async def _attempt(
        self, candidate: _Candidate, ask: Ask, report: Report | None
    ) -> AsyncGenerator[Part]:
        """Ask one provider, with less of the past if it says that it was too much."""
        vitals, window = candidate.vitals, 0
        asked_at = self._now()
        vitals.breaker.asked(asked_at)
        try:
            manner = await candidate.provider.manner(candidate.model)
            while True:
                built = _build(ask, manner, window)
                try:
                    async with aclosing(self._stream(candidate, ask, built, report)) as parts:
                        async for part in parts:
                            if isinstance(part, Begun):
                                vitals.first_word_seconds = self._now() - asked_at
                            yield part
                except TooLong as exc:
                    smaller = _smaller(built, exc)
                    if len(_build(ask, manner, smaller).messages) == len(built.messages):
                        raise
                    window = smaller
                else:
                    vitals.answered()
                    return
        except ProviderError as exc:
            self.health.failed(vitals, exc, chosen=candidate.model)
            raise
        finally:
            vitals.breaker.let_go()

    async def _stream(
        self, candidate: _Candidate, ask: Ask, built: Context, report: Report | None
    ) -> AsyncGenerator[Part]:
        """Make one call, which is in the ledger at its worst case before it is made."""
        provider, ref = candidate.provider, ModelRef(candidate.provider.name, candidate.model)
        tariff = provider.tariff(ref.model)
        worst = tariff.worst(built.tokens, MOST_TOKENS)
        standing = Standing(provider.name, not tariff.free, provider.local, worst)
        if not self._allowed([standing], ask):
            # Somebody else's call has taken the money since the candidates were listed.
            raise Unaffordable(provider.name)
        if standing.paid and self.budget.left(ask.person) is not None:
            built = replace(built, most=min(MOST_TOKENS, built.room))
        meter = Meter(ask.person, ref, tariff, built)
        shown = worst if tariff.known else None
        call = self.budget.begin(Expense(ask.person, ref, None, shown, counts_usd=worst))
        stream = provider.stream(built, concise=ask.concise, model=ref.model, chat=ask.chat)
        try:
            yield Sent(ref)
            async with aclosing(stream) as parts:
                async for part in parts:
                    meter.take(part)
                    if isinstance(part, Begun):
                        yield replace(
                            part, start=built.first, dropped=built.dropped, passed=candidate.passed
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
            self.budget.end(call, expense)


def _build(ask: Ask, manner: Manner, window: int) -> Context:
    return context_window.build(
        ask.system,
        ask.history,
        ask.question,
        concise=ask.concise,
        manner=manner,
        window=window,
    )


def _smaller(built: Context, exc: TooLong) -> int:
    """Work out, in our own estimate's tokens, the window that the server really has."""
    ours_for_each = built.tokens / exc.tokens if exc.tokens else 1.0
    return min(int(exc.limit * ours_for_each * 0.9), built.tokens * 2 // 3)
