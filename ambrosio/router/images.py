"""Whom to ask for pictures, and whom next.

Nobody else is asked for what is missing when some of the pictures are there.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field

from ..config import image_models
from ..core.costs import CallOutcome, Expense
from ..core.errors import (
    AllProvidersFailed,
    BudgetSpent,
    ImageModelNotFound,
    ImageNotFetched,
    ImageTooLarge,
    InvalidImage,
    NoImageProvider,
    NoLocalImageProvider,
    OverBudget,
    ProviderError,
    TimedOut,
)
from ..images.client import Commission, ImageClient, ImageDone, ImageStarted
from .budget import Budget
from .health import ProviderHealth, retry_pause
from .policy import Candidate

log = logging.getLogger(__name__)

# What fails so may have been painted, and is paid for.
CHARGED_WITHOUT_IMAGE = (InvalidImage, ImageTooLarge, ImageNotFetched, TimedOut)


class ImageRouter:
    """Asks one painter after the other until one paints."""

    def __init__(
        self,
        clients: Mapping[str, ImageClient],
        route: tuple[str, ...],
        *,
        now: Callable[[], float],
        budget: Budget | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.clients = clients
        self._vitals: Mapping[str, ProviderHealth] = {name: ProviderHealth() for name in clients}
        self._route = tuple(name for name in dict.fromkeys(route) if name in clients)
        self._now, self._sleep = now, sleep
        self._budget = budget or Budget(now=now)

    async def generate(self, order: Commission) -> AsyncGenerator[ImageStarted | ImageDone]:
        """Ask until somebody paints, or raise `NoImageProvider`, `BudgetSpent` or `AllProvidersFailed`."""
        rounds = 0
        while True:
            causes: list[ProviderError] = []
            for name, model in self._permitted(order):
                made = 0
                try:
                    async with aclosing(self._attempt(name, model, order)) as parts:
                        async for part in parts:
                            made += isinstance(part, ImageDone)
                            yield part
                except ProviderError as exc:
                    log.warning("%s", exc)
                    causes.append(exc)
                    # Whoever names a model does not mean another one.
                    named = isinstance(exc, ImageModelNotFound) and order.prompt.model
                    if made or named:
                        raise AllProvidersFailed([exc]) from exc
                else:
                    return
            rounds += 1
            seconds = retry_pause(causes, rounds)
            if seconds is None:
                raise AllProvidersFailed(causes)
            await self._sleep(seconds)

    def route(self, model: str = "") -> tuple[tuple[str, str], ...]:
        """Give the order of (painter, model), before health is looked at."""
        usual = tuple((name, self.clients[name].model) for name in self._route)
        if not model or not usual:
            return usual
        first = self._named(model, usual)
        return (first, *(each for each in usual if each[0] != first[0]))

    def _named(self, model: str, usual: tuple[tuple[str, str], ...]) -> tuple[str, str]:
        """Understand `provider`, `provider/model`, a model's id or what people call it."""
        name, _, chosen = model.partition("/")
        if name in self.clients:
            return name, chosen or self.clients[name].model
        found = image_models.find_by_name(model, self.clients[usual[0][0]].configs) or model
        serving = [each for each in usual if each[1] == found]
        # A server at home has one model and does not look at the name.
        outside = [(each, found) for each, _ in usual if not self.clients[each].local]
        return [*serving, *outside, (usual[0][0], found)][0]

    def _permitted(self, commission: Commission) -> list[tuple[str, str]]:
        """List whom to ask, as for words; a private commission only those at home."""
        order = self.route(commission.prompt.model)
        if not order:
            raise NoImageProvider
        allowed = [
            (name, model)
            for name, model in order
            if self._allowed(self.clients[name].max_cost(model, commission), commission)
        ]
        if not allowed:
            raise NoLocalImageProvider if commission.local_only else BudgetSpent
        now = self._now()
        return [each for each in allowed if self._vitals[each[0]].breaker.closed(now)] or allowed

    def _allowed(self, worst: Expense, order: Commission) -> bool:
        client = self.clients[worst.ref.provider]
        standing = Candidate(client.name, bool(worst.charge), client.local, worst.charge)
        person, private = order.user_id, order.local_only
        return bool(self._budget.allowed_providers([standing], user_id=person, local_only=private))

    async def _attempt(
        self, name: str, model: str, order: Commission
    ) -> AsyncGenerator[ImageStarted | ImageDone]:
        """Ask one painter, and note how it did."""
        health = self._vitals[name]
        health.breaker.on_request(self._now())
        try:
            async with aclosing(self._paint(name, model, order)) as parts:
                async for part in parts:
                    yield part
        except ProviderError as exc:
            # A model that only this wish names says nothing of the painter's own.
            if not (isinstance(exc, ImageModelNotFound) and model != self.clients[name].model):
                health.on_failure(exc, now=self._now())
            raise
        else:
            health.breaker.on_success()
        finally:
            health.breaker.on_abandon()

    async def _paint(
        self, name: str, model: str, order: Commission
    ) -> AsyncGenerator[ImageStarted | ImageDone]:
        """Give one order, which is in the ledger at its worst case before it is given."""
        client = self.clients[name]
        worst = client.max_cost(model, order)
        if not self._allowed(worst, order):
            # Somebody else's call has taken the money since the painters were listed.
            raise OverBudget(name)
        tally = _Tally(worst)
        call = self._budget.reserve(worst)
        try:
            async with aclosing(client.generate(model, order)) as parts:
                async for part in parts:
                    if isinstance(part, ImageDone):
                        tally.painted.append(part)
                    yield part
            # What is not there now has come broken.
            tally.outcome, tally.missing_counts = "done", True
        except ProviderError as exc:
            tally.outcome = "failed"
            tally.missing_counts = isinstance(exc, CHARGED_WITHOUT_IMAGE)
            raise
        finally:
            self._budget.settle(call, tally.expense())


@dataclass(slots=True)
class _Tally:
    """Counts what an order comes to, also when it ends early."""

    worst: Expense
    painted: list[ImageDone] = field(default_factory=list)
    outcome: CallOutcome = "stopped"
    # Whether what there is not was painted all the same. A server that is left stops painting.
    missing_counts: bool = False

    def expense(self) -> Expense:
        """Say what it costs: what has come, and what may have been painted for nothing."""
        worst, ordered = self.worst, self.worst.images
        lost = ordered - len(self.painted) if self.missing_counts else 0
        guess = worst.charge * max(0, lost) / ordered
        known = [each.usd for each in self.painted]
        prices = [worst.charge / ordered if usd is None else usd for usd in known]
        counts = sum(prices, guess)
        return Expense(
            worst.user_id,
            worst.ref,
            None,
            None if None in known or (guess and worst.usd is None) else counts,
            charged_usd=counts,
            kind="image",
            estimated=bool(guess),
            outcome=self.outcome,
            images=len(self.painted),
        )
