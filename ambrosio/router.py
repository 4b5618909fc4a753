"""Whom to ask, and whom next, for words and for pictures.

The one way to a provider: who may be asked (privacy, budget), in which order (the chat's choice,
then the route), who is resting, and when to move on. It moves on before the first word; an answer
that breaks after it is started afresh by the next one and never spliced.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping, Sequence
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
    AmbrosioError,
    BudgetSpent,
    Empty,
    Faulty,
    KeyRefused,
    Loading,
    ModelGone,
    NoCredit,
    NoPainter,
    NoProvider,
    NotRunning,
    Overloaded,
    PainterGone,
    PaintsHome,
    ProviderError,
    Rejected,
    StaysHome,
    TooLong,
    Unaffordable,
    Unreachable,
)
from .hedging import race
from .messages import Begun, Delta, Ended, ModelRef, Note, Part, Sent, Usage
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
PROBE_PAUSE_SECONDS = 20.0


class Listed(Protocol):
    """A model that a provider says it serves."""

    @property
    def id(self) -> str:
        """What it is asked for by."""
        ...


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

    @property
    def local(self) -> bool:
        """Whether what it is asked stays in the house."""
        ...

    async def health(self) -> None:
        """Find out, without spending money, that it can be asked, or raise `ProviderError`."""
        ...

    async def models(self) -> Sequence[Listed]:
        """List what it serves, or raise `ProviderError`."""
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


@dataclass(slots=True)
class Vitals:
    """How a provider has been doing; shown by /status.

    `told` says that its owner knows of a failure that nobody else can mend.
    """

    breaker: Breaker = field(default_factory=Breaker)
    first_word_seconds: float | None = None
    cause: ProviderError | None = None
    told: bool = False

    @property
    def failure(self) -> str:
        """What went wrong when it was last asked."""
        return str(self.cause or "")

    def rested(self) -> None:
        """Note that it may be asked again."""
        self.breaker.succeeded()
        self.cause = None

    def answered(self) -> None:
        """Note that it works: all is forgotten."""
        self.rested()
        self.told = False


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
        painters: Mapping[str, Painter] | None = None,
        image_route: tuple[str, ...] = (),
        budget: Budget | None = None,
        patience_seconds: float = 0,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._patience_seconds = patience_seconds
        self.providers = providers
        self.vitals: Mapping[str, Vitals] = {name: Vitals() for name in providers}
        self._route = tuple(name for name in dict.fromkeys(route) if name in providers)
        self._fast_route = tuple(name for name in dict.fromkeys(fast_route) if name in providers)
        self.painters: Mapping[str, Painter] = painters or {}
        self._painting: Mapping[str, Vitals] = {name: Vitals() for name in self.painters}
        self._image_route = tuple(
            name for name in dict.fromkeys(image_route) if name in self.painters
        )
        self._now, self._sleep = now, sleep
        self.budget = budget or Budget(now=now)
        # Failures that only the owner can mend, each once.
        self.alarms: asyncio.Queue[ProviderError] = asyncio.Queue()
        self._resting = asyncio.Event()

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

    def _allowed(self, standings: Sequence[policy.Standing], ask: Ask) -> tuple[str, ...]:
        left = self.budget.left(ask.person)
        return policy.permitted(standings, private=ask.stays_home, left=left)

    async def _standing(self, name: str, model: str, ask: Ask) -> policy.Standing:
        provider = self.providers[name]
        standing = policy.Standing(name, provider.paid, provider.local)
        if not provider.paid or (ask.stays_home and not provider.local):
            return standing
        try:
            built = _build(ask, await provider.manner(model), 0)
        except ProviderError:
            # Whoever asks it hears the same, and its price is looked at again before the call.
            return standing
        return replace(standing, worst_usd=_worst(provider, model, built))

    async def stream(self, ask: Ask, *, report: Report | None = None) -> AsyncGenerator[Part]:
        """Ask until somebody answers, or raise `NoProvider`, `AllFailed` or `StaysHome`.

        Each call that was made, however it ended, is told to `report`, whose owner has its hold
        on the budget to settle.
        """
        said, rounds = "", 0
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
            pause = _pause(failed.causes, rounds)
            if pause is None or ask.alone:
                raise (StaysHome if ask.stays_home else AllFailed)([*tried.values()], partial=said)
            for cause in failed.causes:
                if isinstance(cause, Loading):
                    yield Note(cause.note)
            await self._sleep(pause)

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
            _Candidate(self.providers[name], model, self.vitals[name])
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
            self._failed(vitals, exc)
            raise
        finally:
            vitals.breaker.let_go()

    async def _stream(
        self, candidate: _Candidate, ask: Ask, built: Context, report: Report | None
    ) -> AsyncGenerator[Part]:
        """Make one call, with its worst case held from before it is made until it is paid."""
        provider, model = candidate.provider, candidate.model
        worst = _worst(provider, model, built)
        standing = policy.Standing(provider.name, provider.paid, provider.local, worst)
        if not self._allowed([standing], ask):
            # Somebody else's call has taken the money since the candidates were listed.
            raise Unaffordable(provider.name)
        meter = Meter(provider, model, built, self.budget.hold(ask.person, worst))
        stream = provider.stream(built, concise=ask.concise, model=model, chat=ask.chat)
        try:
            yield Sent(ModelRef(provider.name, model))
            async with aclosing(stream) as parts:
                async for part in parts:
                    meter.take(part)
                    if isinstance(part, Begun):
                        yield replace(
                            part, start=built.first, dropped=built.dropped, passed=candidate.passed
                        )
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
        painters = [self.painters[name] for name, _ in order]
        allowed = policy.permitted(
            [policy.Standing(each.name, each.paid, each.local) for each in painters],
            private=commission.private,
            left=self.budget.left(commission.person),
        )
        found = [each for each in order if each[0] in allowed]
        if not found:
            raise PaintsHome if commission.private else BudgetSpent
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
        vitals.cause = exc
        # These say nothing about the provider's health.
        if isinstance(exc, Rejected | Loading | NotRunning | Unaffordable):
            return
        rest = LASTING_REST_SECONDS if isinstance(exc, LASTING) else exc.retry_after_seconds
        vitals.breaker.failed(self._now(), rest_seconds=rest)
        # A painter's model is asked for by the person, who is told.
        words = any(vitals is each for each in self.vitals.values())
        if words and isinstance(exc, LASTING) and not vitals.told:
            vitals.told = True
            self.alarms.put_nowait(exc)
        if words and _askable(vitals):
            self._resting.set()

    # --- health -----------------------------------------------------------------------------------

    async def watch(self) -> None:
        """Look after those that rest until cancelled, so that they come back by themselves."""
        while True:
            await self._resting.wait()
            await self._sleep(PROBE_PAUSE_SECONDS)
            await self.probe()

    async def probe(self) -> None:
        """Ask those that rest how they are, which costs nothing, and let them return."""
        self._resting.clear()
        for name, vitals in self.vitals.items():
            if not _askable(vitals):
                continue
            try:
                await self._check(self.providers[name], vitals)
            except ProviderError as exc:
                log.debug("still resting: %s", exc)
                self._resting.set()
            else:
                log.info("%s is back", name)
                vitals.rested()

    @staticmethod
    async def _check(provider: Provider, vitals: Vitals) -> None:
        """Return if a provider is well again, or raise why it is not."""
        gone = vitals.cause
        if isinstance(gone, ModelGone):
            if gone.model not in {each.id for each in await provider.models()}:
                raise gone
        else:
            await provider.health()


def _askable(vitals: Vitals) -> bool:
    """Say whether a probe can tell that a rest may end: it knows nothing of money or of limits."""
    cause = vitals.cause
    silent = isinstance(cause, KeyRefused | NoCredit | Rejected)
    limited = cause is not None and cause.retry_after_seconds is not None
    return vitals.breaker.open_until is not None and not silent and not limited


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

    def take(self, part: Part) -> None:
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
            case Sent() | Note():
                pass

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
