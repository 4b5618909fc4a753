"""Whom to ask for pictures, and whom next.

Nobody else is asked for what is missing when some of the pictures are there.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field

from ..config import image_models
from ..core.costs import Expense, Outcome
from ..core.errors import (
    AllFailed,
    BrokenPicture,
    BudgetSpent,
    HugePicture,
    LostPicture,
    NoPainter,
    PainterGone,
    PaintsHome,
    ProviderError,
    TimedOut,
    Unaffordable,
)
from ..images.client import Commission, Painted, Painter, Taken
from .budget import Budget
from .health import Vitals, pause
from .policy import Standing

log = logging.getLogger(__name__)

# What fails so may have been painted, and is paid for.
PAINTED_FOR_NOTHING = (BrokenPicture, HugePicture, LostPicture, TimedOut)


class Gallery:
    """Asks one painter after the other until one paints."""

    def __init__(
        self,
        painters: Mapping[str, Painter],
        route: tuple[str, ...],
        *,
        now: Callable[[], float],
        budget: Budget | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.painters = painters
        self._vitals: Mapping[str, Vitals] = {name: Vitals() for name in painters}
        self._route = tuple(name for name in dict.fromkeys(route) if name in painters)
        self._now, self._sleep = now, sleep
        self._budget = budget or Budget(now=now)

    async def paint(self, commission: Commission) -> AsyncGenerator[Taken | Painted]:
        """Ask until somebody paints, or raise `NoPainter`, `BudgetSpent` or `AllFailed`."""
        rounds = 0
        while True:
            causes: list[ProviderError] = []
            for name, model in self._permitted(commission):
                made = 0
                try:
                    async with aclosing(self._attempt(name, model, commission)) as parts:
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
            seconds = pause(causes, rounds)
            if seconds is None:
                raise AllFailed(causes)
            await self._sleep(seconds)

    def route(self, model: str = "") -> tuple[tuple[str, str], ...]:
        """Give the order of (painter, model), before health is looked at."""
        usual = tuple((name, self.painters[name].model) for name in self._route)
        if not model or not usual:
            return usual
        first = self._named(model, usual)
        return (first, *(each for each in usual if each[0] != first[0]))

    def _named(self, model: str, usual: tuple[tuple[str, str], ...]) -> tuple[str, str]:
        """Understand `provider`, `provider/model`, a model's id or what people call it."""
        name, _, chosen = model.partition("/")
        if name in self.painters:
            return name, chosen or self.painters[name].model
        found = image_models.called(model, self.painters[usual[0][0]].rows) or model
        serving = [each for each in usual if each[1] == found]
        # A server at home has one model and does not look at the name.
        outside = [(each, found) for each, _ in usual if not self.painters[each].local]
        return [*serving, *outside, (usual[0][0], found)][0]

    def _permitted(self, commission: Commission) -> list[tuple[str, str]]:
        """List whom to ask, as for words; a private commission only those at home."""
        order = self.route(commission.wish.model)
        if not order:
            raise NoPainter
        allowed = [
            (name, model)
            for name, model in order
            if self._allowed(self.painters[name].worst(model, commission), commission)
        ]
        if not allowed:
            raise PaintsHome if commission.private else BudgetSpent
        now = self._now()
        return [each for each in allowed if self._vitals[each[0]].breaker.closed(now)] or allowed

    def _allowed(self, worst: Expense, commission: Commission) -> bool:
        painter = self.painters[worst.ref.provider]
        standing = Standing(painter.name, bool(worst.counts), painter.local, worst.counts)
        person, private = commission.person, commission.private
        return bool(self._budget.permitted([standing], person=person, private=private))

    async def _attempt(
        self, name: str, model: str, commission: Commission
    ) -> AsyncGenerator[Taken | Painted]:
        """Ask one painter, and note how it did."""
        vitals = self._vitals[name]
        vitals.breaker.asked(self._now())
        try:
            async with aclosing(self._paint(name, model, commission)) as parts:
                async for part in parts:
                    yield part
        except ProviderError as exc:
            # A model that only this wish names says nothing of the painter's own.
            if not (isinstance(exc, PainterGone) and model != self.painters[name].model):
                vitals.failed(exc, now=self._now())
            raise
        else:
            vitals.breaker.succeeded()
        finally:
            vitals.breaker.let_go()

    async def _paint(
        self, name: str, model: str, commission: Commission
    ) -> AsyncGenerator[Taken | Painted]:
        """Give one order, which is in the ledger at its worst case before it is given."""
        painter = self.painters[name]
        worst = painter.worst(model, commission)
        if not self._allowed(worst, commission):
            # Somebody else's call has taken the money since the painters were listed.
            raise Unaffordable(name)
        tally = _Tally(worst)
        call = self._budget.begin(worst)
        try:
            async with aclosing(painter.paint(model, commission)) as parts:
                async for part in parts:
                    if isinstance(part, Painted):
                        tally.painted.append(part)
                    yield part
            # What is not there now has come broken.
            tally.outcome, tally.missing_counts = "done", True
        except ProviderError as exc:
            tally.outcome = "failed"
            tally.missing_counts = isinstance(exc, PAINTED_FOR_NOTHING)
            raise
        finally:
            self._budget.end(call, tally.expense())


@dataclass(slots=True)
class _Tally:
    """Counts what an order comes to, also when it ends early."""

    worst: Expense
    painted: list[Painted] = field(default_factory=list)
    outcome: Outcome = "stopped"
    # Whether what there is not was painted all the same. A server that is left stops painting.
    missing_counts: bool = False

    def expense(self) -> Expense:
        """Say what it costs: what has come, and what may have been painted for nothing."""
        worst, ordered = self.worst, self.worst.pictures
        lost = ordered - len(self.painted) if self.missing_counts else 0
        guess = worst.counts * max(0, lost) / ordered
        known = [each.usd for each in self.painted]
        prices = [worst.counts / ordered if usd is None else usd for usd in known]
        counts = sum(prices, guess)
        pixels = sum(each.picture.width * each.picture.height for each in self.painted)
        return Expense(
            worst.person,
            worst.ref,
            None,
            None if None in known or (guess and worst.usd is None) else counts,
            counts_usd=counts,
            kind="image",
            estimated=bool(guess),
            outcome=self.outcome,
            pictures=len(self.painted),
            megapixels=pixels / 1e6,
        )
