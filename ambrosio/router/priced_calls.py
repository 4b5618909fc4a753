"""Asking one provider after the other for something whose price is known beforehand.

What `transcripts` and `speech` share: who may be asked (privacy, budget, health, order), the call
in the ledger at its whole cost before it is made, and whom to ask next. A provider that fails is
not charged, unless it has only been too slow.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import ClassVar, Generic, Protocol, TypeVar

from ..core.costs import CallOutcome, Expense
from ..core.errors import BudgetSpent, NoProvider
from ..core.provider_errors import (
    AllProvidersFailed,
    Loading,
    LocalOnlyFailed,
    OverBudget,
    ProviderError,
    TimedOut,
)
from .budget import Budget
from .health import ProviderHealth, retry_pause
from .policy import Candidate

log = logging.getLogger(__name__)


class PricedClient(Protocol):
    """One ability of one provider."""

    name: str
    local: bool

    @property
    def model(self) -> str:
        """The model that has it."""
        ...

    async def is_able(self) -> bool:
        """Whether the provider has the ability at all."""
        ...

    def max_cost(self, user_id: int, amount: float) -> Expense:
        """Return what so much of it costs."""
        ...


Client = TypeVar("Client", bound=PricedClient)
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class PricedRequest:
    """Who asks for how much; `amount` is in the unit of the price, `local_only` as everywhere."""

    amount: float
    user_id: int = 0
    local_only: bool = False


class PricedCalls(Generic[Client]):
    """Asks clients of one kind.

    Args:
        clients: by the name of the provider.
        route: names in the order in which to ask; those without a client are ignored.
        now: the clock.
        budget: limits the costs, and records them.
        sleep: waits between two rounds.
        nobody: the failure if no provider has the ability.
        nobody_local: the failure if none that is local has it, for a local-only request.
    """

    def __init__(
        self,
        clients: Mapping[str, Client],
        route: tuple[str, ...],
        *,
        now: Callable[[], float],
        budget: Budget,
        sleep: Callable[[float], Awaitable[None]],
        nobody: type[NoProvider],
        nobody_local: type[NoProvider],
    ) -> None:
        self.health: Mapping[str, ProviderHealth] = {name: ProviderHealth() for name in clients}
        self.clients = [clients[name] for name in dict.fromkeys(route) if name in clients]
        self._now, self._sleep, self._budget = now, sleep, budget
        self._nobody, self._nobody_local = nobody, nobody_local

    async def able(self, *, local_only: bool = False) -> list[Client]:
        """List who has the ability, in order, whatever their health and the budget."""
        near = [client for client in self.clients if client.local or not local_only]
        able = await asyncio.gather(*(client.is_able() for client in near))
        return [client for client, is_able in zip(near, able, strict=True) if is_able]

    async def allowed(self, request: PricedRequest) -> list[Client]:
        """List who may be asked, in order, or raise `NoProvider`."""
        able = await self.able(local_only=request.local_only)
        if not able:
            raise self._nobody_local if request.local_only else self._nobody
        allowed = [client for client in able if self._is_allowed(client, request)]
        if not allowed:
            raise BudgetSpent
        now = self._now()
        awake = [client for client in allowed if self.health[client.name].breaker.closed(now)]
        return awake or allowed

    async def ask(
        self,
        request: PricedRequest,
        call: Callable[[Client], Awaitable[Result]],
        *,
        on_loading: Callable[[str], None] = lambda _: None,
    ) -> Result:
        """Have one of the providers make a call, or raise.

        Args:
            request: how much of what, and for whom.
            call: asks one provider, within `in_ledger` for each request that it makes.
            on_loading: called with a line for the person while a provider loads its model.

        Raises:
            NoProvider: none has the ability; `BudgetSpent` if there is too little money for any.
            AllProvidersFailed: every one of them failed.
        """
        rounds = loads = 0
        while True:
            causes: list[ProviderError] = []
            for client in await self.allowed(request):
                try:
                    with self._watched(client):
                        return await call(client)
                except ProviderError as exc:
                    level = logging.DEBUG if isinstance(exc, Loading) else logging.WARNING
                    log.log(level, "%s", exc)
                    causes.append(exc)
            rounds += 1
            loading = [cause for cause in causes if isinstance(cause, Loading)]
            loads += bool(loading)
            seconds = retry_pause(causes, rounds, loads)
            if seconds is None:
                raise (LocalOnlyFailed if request.local_only else AllProvidersFailed)(causes)
            for cause in loading:
                on_loading(cause.note)
            await self._sleep(seconds)

    @contextmanager
    def in_ledger(self, client: Client, request: PricedRequest, amount: float) -> Iterator[None]:
        """Enter one request to a provider at its cost, and settle it; raises `OverBudget`."""
        cost = client.max_cost(request.user_id, amount)
        if not self._is_allowed(client, replace(request, amount=amount)):
            # Another call has spent the money since the list was made.
            raise OverBudget(client.name)
        call_id, outcome, charged = self._budget.reserve(cost), "stopped", True
        try:
            yield
            outcome = "done"
        except ProviderError as exc:
            outcome, charged = "failed", isinstance(exc, TimedOut)
            raise
        finally:
            self._budget.settle(call_id, _settled(cost, outcome, charged=charged))

    def _is_allowed(self, client: Client, request: PricedRequest) -> bool:
        """Ask the one rule of privacy and money."""
        charge = client.max_cost(request.user_id, request.amount).charge
        candidate = Candidate(client.name, bool(charge), client.local, charge)
        return bool(
            self._budget.allowed_providers(
                [candidate], user_id=request.user_id, local_only=request.local_only
            )
        )

    @contextmanager
    def _watched(self, client: Client) -> Iterator[None]:
        """Record in its health how a provider does."""
        health = self.health[client.name]
        health.breaker.on_request(self._now())
        try:
            yield
        except ProviderError as exc:
            health.on_failure(exc, now=self._now())
            raise
        else:
            health.on_success()
        finally:
            health.breaker.on_abandon()


class PricedRouter(Generic[Client]):
    """Asks one provider after the other for one ability; what for, its subclasses say.

    Args:
        clients: by the name of the provider.
        route: names in the order in which to ask.
        now: the clock.
        budget: limits the costs, and records them.
        sleep: waits between two rounds.
    """

    nobody: ClassVar[type[NoProvider]]
    nobody_local: ClassVar[type[NoProvider]]

    def __init__(
        self,
        clients: Mapping[str, Client],
        route: tuple[str, ...],
        *,
        now: Callable[[], float],
        budget: Budget | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.calls = PricedCalls(
            clients,
            route,
            now=now,
            budget=budget or Budget(now=now),
            sleep=sleep,
            nobody=self.nobody,
            nobody_local=self.nobody_local,
        )


def _settled(cost: Expense, outcome: str, *, charged: bool) -> Expense:
    outcomes: Mapping[str, CallOutcome] = {"done": "done", "failed": "failed"}
    settled = replace(cost, outcome=outcomes.get(outcome, "stopped"))
    nothing = Decimal(0)
    return settled if charged else replace(settled, usd=nothing, charged_usd=nothing)
