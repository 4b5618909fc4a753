"""Whom to ask, and whom next, for words and for pictures.

The one way to a provider: who may be asked (budget), in which order (the chat's choice, then the
route), who is resting, and when to move on. It moves on before the first word; an answer that
breaks after it is started afresh by the next one and never spliced.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Protocol

from . import context, palette, policy
from .breaker import Breaker
from .budget import Bill, Budget, Hold, Outcome
from .context import Context, Exchange, Manner
from .errors import (
    AllFailed,
    BudgetSpent,
    Empty,
    Faulty,
    KeyRefused,
    Loading,
    ModelGone,
    NoCredit,
    NoPainter,
    NoProvider,
    Overloaded,
    PainterGone,
    ProviderError,
    Rejected,
    StaysHome,
    TooLong,
    Unaffordable,
    Unreachable,
)
from .messages import Begun, Delta, Ended, ModelRef, Usage
from .money import Tariff
from .painters import Commission, Painted, Painter, Taken

log = logging.getLogger(__name__)

Report = Callable[[Bill], None]

# Only the owner can mend these, so asking again soon is of no use to anybody.
LASTING = (KeyRefused, NoCredit, ModelGone)
LASTING_REST_SECONDS = 300.0
# Gone a moment later, more often than not.
PASSING = (Unreachable, Overloaded, Faulty, Empty)
PASSING_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 10.0
# A small machine reads a large model from its disk for minutes.
LOADING_PAUSE_SECONDS = 2.0
LOADING_ROUNDS = 150


class Provider(Protocol):
    """What the router needs of a provider."""

    @property
    def name(self) -> str:
        """What it is called in the settings."""
        ...

    @property
    def paid(self) -> bool:
        """Whether a call costs money."""
        ...

    async def manner(self, model: str = "") -> Manner:
        """Say how a model there is spoken to."""
        ...

    def stream(
        self, context: Context, *, concise: bool = False, model: str = ""
    ) -> AsyncGenerator[Begun | Delta | Ended]:
        """Give an answer as it comes, or raise `ProviderError`."""
        ...

    def tariff(self, model: str = "") -> Tariff:
        """Say what a model there costs."""
        ...


@dataclass(frozen=True, slots=True)
class Ask:
    """A question on its way to a model; `model` is the chat's choice: a provider, perhaps `/id`.

    `person` is whose money it costs.
    """

    system: str
    history: tuple[Exchange, ...]
    question: str
    concise: bool = False
    model: str = ""
    person: int = 0


@dataclass(slots=True)
class Vitals:
    """How a provider has been doing; shown by /status."""

    breaker: Breaker = field(default_factory=Breaker)
    first_word_seconds: float | None = None
    failure: str = ""


@dataclass(frozen=True, slots=True)
class _Candidate:
    provider: Provider
    model: str
    vitals: Vitals


class Router:
    """Asks one provider after the other until one answers."""

    def __init__(
        self,
        providers: Mapping[str, Provider],
        route: tuple[str, ...],
        *,
        now: Callable[[], float],
        fast_route: tuple[str, ...] = (),
        painters: Mapping[str, Painter] | None = None,
        image_route: tuple[str, ...] = (),
        budget: Budget | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.providers = providers
        self.vitals: Mapping[str, Vitals] = {name: Vitals() for name in providers}
        self._route = tuple(name for name in dict.fromkeys(route) if name in providers)
        self._fast_route = tuple(name for name in fast_route if name in providers)
        self.painters: Mapping[str, Painter] = painters or {}
        self._painting: Mapping[str, Vitals] = {name: Vitals() for name in self.painters}
        self._image_route = tuple(
            name for name in dict.fromkeys(image_route) if name in self.painters
        )
        self._now, self._sleep = now, sleep
        self.budget = budget or Budget(now=now)

    def route(self, *, concise: bool = False, model: str = "") -> tuple[tuple[str, str], ...]:
        """Give the order of (provider, model) for a question, before health is looked at."""
        name, _, chosen = model.partition("/")
        order = self._fast_route if concise and self._fast_route else self._route
        first = ((name, chosen),) if name in self.providers else ()
        return (*first, *((other, "") for other in order if not first or other != name))

    async def stream(
        self, ask: Ask, *, report: Report | None = None
    ) -> AsyncGenerator[Begun | Delta | Ended]:
        """Ask until somebody answers, or raise `NoProvider` or `AllFailed`.

        Each call that was made, however it ended, is told to `report`, whose owner has its hold
        on the budget to settle.
        """
        said, rounds = "", 0
        # Whoever rests in a later round was still tried.
        tried: dict[str, ProviderError] = {}
        while True:
            causes: list[ProviderError] = []
            for candidate in await self._candidates(ask):
                words: list[str] = []
                try:
                    async with aclosing(self._attempt(candidate, ask, report)) as parts:
                        async for part in parts:
                            if isinstance(part, Delta):
                                words.append(part.text)
                            yield part
                except ProviderError as exc:
                    log.warning("%s", exc)
                    causes.append(exc)
                    tried[exc.provider] = exc
                    said = "".join(words) or said
                else:
                    return
            rounds += 1
            pause = _pause(causes, rounds)
            if pause is None:
                raise AllFailed([*tried.values()], partial=said)
            await self._sleep(pause)

    async def _candidates(self, ask: Ask) -> list[_Candidate]:
        """List whom to ask: who may be, in order, without those that rest, unless all do."""
        order = self.route(concise=ask.concise, model=ask.model)
        standings = [await self._standing(name, model, ask) for name, model in order]
        allowed = self._permitted(standings, ask)
        found = [
            _Candidate(self.providers[name], model, self.vitals[name])
            for name, model in order
            if name in allowed
        ]
        if not found:
            raise BudgetSpent if order else NoProvider
        now = self._now()
        return [each for each in found if each.vitals.breaker.closed(now)] or found

    def _permitted(self, standings: list[policy.Standing], ask: Ask) -> tuple[str, ...]:
        return policy.permitted(standings, left=self.budget.left(ask.person))

    async def _standing(self, name: str, model: str, ask: Ask) -> policy.Standing:
        provider = self.providers[name]
        if not provider.paid:
            return policy.Standing(name, paid=False)
        built = _build(ask, await provider.manner(model), 0)
        return policy.Standing(name, paid=True, worst_usd=_worst(provider, model, built))

    async def _attempt(
        self, candidate: _Candidate, ask: Ask, report: Report | None
    ) -> AsyncGenerator[Begun | Delta | Ended]:
        """Ask one provider, with less of the past if it says that it was too much."""
        vitals, window = candidate.vitals, 0
        asked_at = self._now()
        vitals.breaker.asked(asked_at)
        manner = await candidate.provider.manner(candidate.model)
        try:
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
                    vitals.breaker.succeeded()
                    vitals.failure = ""
                    return
        except ProviderError as exc:
            self._failed(vitals, exc)
            raise
        finally:
            vitals.breaker.let_go()

    async def _stream(
        self, candidate: _Candidate, ask: Ask, built: Context, report: Report | None
    ) -> AsyncGenerator[Begun | Delta | Ended]:
        """Make one call, with its worst case held from before it is made until it is paid."""
        provider, model = candidate.provider, candidate.model
        worst = _worst(provider, model, built)
        standing = policy.Standing(provider.name, provider.paid, worst)
        if not self._permitted([standing], ask):
            # Somebody else's call has taken the money since the candidates were listed.
            raise Unaffordable(provider.name)
        meter = Meter(provider, model, built, self.budget.hold(ask.person, worst))
        stream = provider.stream(built, concise=ask.concise, model=model)
        try:
            async with aclosing(stream) as parts:
                async for part in parts:
                    meter.take(part)
                    if isinstance(part, Begun):
                        yield replace(part, start=built.first, dropped=built.dropped)
                    else:
                        yield part
        except ProviderError:
            meter.fail()
            raise
        finally:
            bill = meter.bill()
            if report:
                report(bill)
            else:
                self.budget.settle([bill.hold])

    # --- pictures ---------------------------------------------------------------------------------

    async def imagine(self, commission: Commission) -> AsyncGenerator[Taken | Painted]:
        """Ask until somebody paints, or raise `NoPainter` or `AllFailed`.

        Nobody else is asked for what is missing when some of the pictures are there.
        """
        rounds = 0
        while True:
            causes: list[ProviderError] = []
            for name, model in self._painters_for(commission):
                made = 0
                try:
                    async with aclosing(self._paint(name, model, commission)) as parts:
                        async for part in parts:
                            made += isinstance(part, Painted)
                            yield part
                except ProviderError as exc:
                    log.warning("%s", exc)
                    causes.append(exc)
                    # Whoever names a model does not mean another one.
                    named = isinstance(exc, PainterGone) and commission.wish.model
                    if made or named:
                        raise AllFailed([exc]) from exc
                else:
                    return
            rounds += 1
            pause = _pause(causes, rounds)
            if pause is None:
                raise AllFailed(causes)
            await self._sleep(pause)

    def image_route(self, model: str = "") -> tuple[tuple[str, str], ...]:
        """Give the order of (provider, model) for pictures, before health is looked at."""
        usual = tuple((name, self.painters[name].model) for name in self._image_route)
        if not model or not usual:
            return usual
        first = self._named(model, usual)
        return (first, *(each for each in usual if each[0] != first[0]))

    def _named(self, model: str, usual: tuple[tuple[str, str], ...]) -> tuple[str, str]:
        """Understand `provider`, `provider/model`, a model's id or what people call it."""
        name, _, chosen = model.partition("/")
        if name in self.painters:
            return name, chosen or self.painters[name].model
        found = palette.called(model, self.painters[usual[0][0]].rows) or model
        serving = [each for each in usual if each[1] == found]
        # A server at home has one model and does not look at the name.
        outside = [(each, found) for each, _ in usual if not self.painters[each].local]
        return [*serving, *outside, (usual[0][0], found)][0]

    def _painters_for(self, commission: Commission) -> list[tuple[str, str]]:
        """List whom to ask, as for words; a private commission only those at home."""
        order = self.image_route(commission.wish.model)
        if not order:
            raise NoPainter
        if commission.private:
            order = tuple(each for each in order if self.painters[each[0]].local)
            if not order:
                raise StaysHome
        standings = [policy.Standing(name, self.painters[name].paid) for name, _ in order]
        allowed = policy.permitted(standings, left=self.budget.left(commission.person))
        found = [each for each in order if each[0] in allowed]
        if not found:
            raise BudgetSpent
        now = self._now()
        return [each for each in found if self._painting[each[0]].breaker.closed(now)] or found

    async def _paint(
        self, name: str, model: str, commission: Commission
    ) -> AsyncGenerator[Taken | Painted]:
        """Ask one painter, and note how it did."""
        vitals = self._painting[name]
        vitals.breaker.asked(self._now())
        try:
            async with aclosing(self.painters[name].paint(model, commission)) as parts:
                async for part in parts:
                    yield part
        except ProviderError as exc:
            self._failed(vitals, exc)
            raise
        else:
            vitals.breaker.succeeded()
        finally:
            vitals.breaker.let_go()

    # --- health -----------------------------------------------------------------------------------

    def _failed(self, vitals: Vitals, exc: ProviderError) -> None:
        vitals.failure = str(exc)
        # These say nothing about the provider's health.
        if isinstance(exc, Rejected | Loading | Unaffordable):
            return
        rest = LASTING_REST_SECONDS if isinstance(exc, LASTING) else exc.retry_after_seconds
        vitals.breaker.failed(self._now(), rest_seconds=rest)


class Meter:
    """Counts what a call comes to, for when it ends before the server has counted."""

    def __init__(self, provider: Provider, model: str, built: Context, hold: Hold) -> None:
        self._ref = ModelRef(provider.name, model)
        self._tariff = provider.tariff(model)
        self._prompt = built.tokens
        self._hold = hold
        self._begun = False
        self._words: list[str] = []
        self._usage: Usage | None = None
        self._wasted: Usage | None = None
        self._outcome: Outcome = "stopped"

    def take(self, part: Begun | Delta | Ended) -> None:
        """Count a piece; what a provider said before it began anew has to be paid as well."""
        match part:
            case Begun():
                self._wasted = self._guess() if self._begun else None
                self._begun, self._ref = True, part.ref
                self._words.clear()
            case Delta():
                self._words += part.text, part.reasoning
            case Ended():
                self._outcome, self._ref, self._usage = "done", part.ref, part.usage

    def fail(self) -> None:
        """Note that the provider did not come to an end."""
        self._outcome = "failed"

    def _guess(self) -> Usage:
        words = "".join(self._words)
        return Usage(self._prompt, context.estimate(words) if words else 0)

    def bill(self) -> Bill:
        """Write out what it costs; a call that failed before its first word costs nothing."""
        usage = self._usage
        if usage is None and (self._begun or self._outcome == "stopped"):
            usage = self._guess()
        estimated = usage is not self._usage or self._wasted is not None
        if usage and self._wasted:
            usage = usage.plus(self._wasted)
        counts = self._tariff.cost(usage) if usage else Decimal(0)
        self._hold.usd = counts
        return Bill(
            ref=self._ref,
            usage=usage,
            usd=counts if self._tariff.known or usage is None else None,
            counts_usd=counts,
            estimated=estimated,
            outcome=self._outcome,
            hold=self._hold,
        )


def _worst(provider: Provider, model: str, built: Context) -> Decimal:
    return provider.tariff(model).worst(built.tokens, context.ANSWER_ROOM)


def _build(ask: Ask, manner: Manner, window: int) -> Context:
    return context.build(
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


def _pause(causes: list[ProviderError], rounds: int) -> float | None:
    """Say how long to wait before everybody is asked once more; None: not at all."""
    if any(isinstance(cause, Loading) for cause in causes):
        return LOADING_PAUSE_SECONDS if rounds <= LOADING_ROUNDS else None
    passing = [cause for cause in causes if isinstance(cause, PASSING)]
    if not passing or rounds > 1:
        return None
    pause = min(cause.retry_after_seconds or PASSING_PAUSE_SECONDS for cause in passing)
    return pause if pause <= LONGEST_PAUSE_SECONDS else None
