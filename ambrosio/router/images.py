"""Choose which provider generates images, and which one is next if it fails.

Once a provider has generated some of an order's images, no other one is asked for the rest.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field

from ..config import image_models
from ..core.costs import CallOutcome, Expense
from ..core.errors import BudgetSpent, NoImageProvider, NoLocalImageProvider
from ..core.images import ImageOrder
from ..core.provider_errors import (
    AllProvidersFailed,
    ImageModelNotFound,
    ImageNotFetched,
    ImageTooLarge,
    InvalidImage,
    OverBudget,
    ProviderError,
    TimedOut,
)
from ..images.client import ImageClient, ImageDone, ImageStarted
from .budget import Budget
from .health import ProviderHealth, retry_pause
from .policy import Candidate

log = logging.getLogger(__name__)

# After these errors the image may have been generated, and is paid for.
CHARGED_WITHOUT_IMAGE = (InvalidImage, ImageTooLarge, ImageNotFetched, TimedOut)


class ImageRouter:
    """Asks one image client after another until one generates the images.

    Args:
        clients: by the name of the provider.
        route: names in the order in which to ask; those without a client are ignored.
        now: the clock.
        budget: limits the costs, and records them.
        sleep: waits between two rounds.
    """

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
        self.health: Mapping[str, ProviderHealth] = {name: ProviderHealth() for name in clients}
        self._route = tuple(name for name in dict.fromkeys(route) if name in clients)
        self._now, self._sleep = now, sleep
        self._budget = budget or Budget(now=now)

    async def generate(self, order: ImageOrder) -> AsyncGenerator[ImageStarted | ImageDone]:
        """Yield the images of an order, whose `seeds` must be set, as they are finished.

        Raises:
            NoImageProvider: no provider is configured, or no local one for a local order.
            BudgetSpent: the rest of the budget covers no provider's maximum cost.
            AllProvidersFailed: every provider failed, or one failed after its first image.
        """
        rounds = 0
        while True:
            causes: list[ProviderError] = []
            for name, model in self._targets(order):
                images = 0
                try:
                    async with aclosing(self._attempt(name, model, order)) as events:
                        async for event in events:
                            images += isinstance(event, ImageDone)
                            yield event
                except ProviderError as exc:
                    log.warning("%s", exc.log_text)
                    causes.append(exc)
                    # A user who names a model does not want another one instead.
                    named = isinstance(exc, ImageModelNotFound) and order.prompt.model
                    if images or named:
                        raise AllProvidersFailed([exc]) from exc
                else:
                    return
            rounds += 1
            seconds = retry_pause(causes, rounds)
            if seconds is None:
                raise AllProvidersFailed(causes)
            await self._sleep(seconds)

    def route(self, model: str = "") -> tuple[tuple[str, str], ...]:
        """Return provider and model names in the order in which to ask, whatever their health."""
        default = tuple((name, self.clients[name].model) for name in self._route)
        if not model or not default:
            return default
        first = self._find_target(model, default)
        return (first, *(target for target in default if target[0] != first[0]))

    def _find_target(self, model: str, default: tuple[tuple[str, str], ...]) -> tuple[str, str]:
        """Find a provider for `provider`, `provider/model`, a model's id or its short name."""
        provider, _, provider_model = model.partition("/")
        if provider in self.clients:
            return provider, provider_model or self.clients[provider].model
        model_id = image_models.find_by_name(model, self.clients[default[0][0]].configs) or model
        serving = [target for target in default if target[1] == model_id]
        # A local server has one model and ignores the name.
        remote = [(name, model_id) for name, _ in default if not self.clients[name].local]
        return [*serving, *remote, (default[0][0], model_id)][0]

    def _targets(self, order: ImageOrder) -> list[tuple[str, str]]:
        """List the providers and models to ask, or raise `NoImageProvider` or `BudgetSpent`."""
        route = self.route(order.prompt.model)
        if not route:
            raise NoImageProvider
        allowed = [
            (name, model)
            for name, model in route
            if self._is_allowed(self.clients[name].max_cost(model, order), order)
        ]
        if not allowed:
            raise NoLocalImageProvider if order.local_only else BudgetSpent
        now = self._now()
        closed = [target for target in allowed if self.health[target[0]].breaker.closed(now)]
        return closed or allowed

    def _is_allowed(self, max_cost: Expense, order: ImageOrder) -> bool:
        client, charge = self.clients[max_cost.ref.provider], max_cost.charge
        candidate = Candidate(client.name, bool(charge), client.local, charge)
        return bool(
            self._budget.allowed_providers(
                [candidate], user_id=order.turn.user_id, local_only=order.local_only
            )
        )

    async def _attempt(
        self, name: str, model: str, order: ImageOrder
    ) -> AsyncGenerator[ImageStarted | ImageDone]:
        """Ask one client, and record the outcome in its health."""
        health = self.health[name]
        health.breaker.on_request(self._now())
        try:
            async with aclosing(self._generate_within_budget(name, model, order)) as events:
                async for event in events:
                    yield event
        except ProviderError as exc:
            # A missing model that only this order names says nothing about the provider's own.
            if not (isinstance(exc, ImageModelNotFound) and model != self.clients[name].model):
                health.on_failure(exc, now=self._now())
            raise
        else:
            health.breaker.on_success()
        finally:
            health.breaker.on_abandon()

    async def _generate_within_budget(
        self, name: str, model: str, order: ImageOrder
    ) -> AsyncGenerator[ImageStarted | ImageDone]:
        """Ask one client, with the maximum cost reserved in the ledger beforehand."""
        client = self.clients[name]
        max_cost = client.max_cost(model, order)
        if not self._is_allowed(max_cost, order):
            # Another call has spent the money since the targets were listed.
            raise OverBudget(name)
        tally = _Tally(max_cost)
        call = self._budget.reserve(max_cost)
        try:
            async with aclosing(client.generate(model, order)) as events:
                async for event in events:
                    if isinstance(event, ImageDone):
                        tally.done.append(event)
                    yield event
            # Any image that is still missing was generated but arrived damaged.
            tally.outcome, tally.missing_charged = "done", True
        except ProviderError as exc:
            tally.outcome = "failed"
            tally.missing_charged = isinstance(exc, CHARGED_WITHOUT_IMAGE)
            raise
        finally:
            self._budget.settle(call, tally.expense())


@dataclass(slots=True)
class _Tally:
    """What one call costs, also if it is cancelled.

    Attributes:
        max_cost: the cost of all images of the order.
        done: the images so far.
        outcome: how the call ended.
        missing_charged: whether the provider charges for the images that did not arrive. A server
            whose connection is closed stops generating.
    """

    max_cost: Expense
    done: list[ImageDone] = field(default_factory=list)
    outcome: CallOutcome = "stopped"
    missing_charged: bool = False

    def expense(self) -> Expense:
        """Return the cost of the images that arrived and of those that were charged anyway."""
        max_cost, ordered = self.max_cost, self.max_cost.images
        missing = ordered - len(self.done) if self.missing_charged else 0
        missing_usd = max_cost.charge * max(0, missing) / ordered
        prices = [done.usd for done in self.done]
        charges = [max_cost.charge / ordered if usd is None else usd for usd in prices]
        charged_usd = sum(charges, missing_usd)
        unknown = None in prices or (missing_usd and max_cost.usd is None)
        return Expense(
            max_cost.user_id,
            max_cost.ref,
            None,
            None if unknown else charged_usd,
            charged_usd=charged_usd,
            kind="image",
            estimated=bool(missing_usd),
            outcome=self.outcome,
            images=len(self.done),
        )
