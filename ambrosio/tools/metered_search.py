"""A web search that is counted, capped by the day, paid from the budget, and kept for an hour."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

from ..core.costs import Expense, day_start
from ..core.errors import SearchFailed
from ..core.messages import ModelRef
from ..router.budget import Budget
from ..router.policy import Candidate
from .search_engines import SearchEngine, SearchReply

KEEP_SECONDS = 3600.0
MAX_KEPT = 100


class MeteredSearch:
    """Searches with one engine, for everybody.

    Args:
        engine: the server that is asked.
        budget: pays for it, and keeps the ledger.
        searches_since: counts the searches in the ledger since a moment (Unix seconds).
        max_per_day: how many there may be in a day (UTC), of all people together.
        now: the clock.
    """

    def __init__(
        self,
        engine: SearchEngine,
        *,
        budget: Budget,
        searches_since: Callable[[float], int],
        max_per_day: int,
        now: Callable[[], float],
    ) -> None:
        self._engine, self._budget, self._now = engine, budget, now
        self._searches_since, self._max_per_day = searches_since, max_per_day
        # When each query was answered, and how.
        self._kept: dict[str, tuple[float, SearchReply]] = {}

    @property
    def name(self) -> str:
        """The name of the engine."""
        return self._engine.name

    async def search(self, query: str, *, user_id: int) -> SearchReply:
        """Search, or raise `SearchFailed`."""
        key = " ".join(query.casefold().split())
        if (kept := self._kept.get(key)) and self._now() - kept[0] < KEEP_SECONDS:
            return kept[1]
        self._check(user_id)
        reply = await self._paid(query, user_id)
        self._kept[key] = (self._now(), reply)
        while len(self._kept) > MAX_KEPT:
            del self._kept[next(iter(self._kept))]
        return reply

    def _check(self, user_id: int) -> None:
        """Raise `SearchFailed` if a limit is reached."""
        if self._searches_since(day_start(self._now())) >= self._max_per_day:
            raise SearchFailed(f"the limit of {self._max_per_day:,} searches a day is reached")
        asked = Candidate(self.name, paid=bool(self._engine.usd), max_cost_usd=self._engine.usd)
        if not self._budget.allowed_providers([asked], user_id=user_id, local_only=False):
            raise SearchFailed("the month's budget does not cover it")

    async def _paid(self, query: str, user_id: int) -> SearchReply:
        ref = ModelRef(self.name, "")
        expense = Expense(user_id, ref, None, self._engine.usd, kind="search", outcome="stopped")
        call_id = self._budget.reserve(expense)
        try:
            reply = await self._engine.search(query)
            expense = replace(expense, outcome="done")
        except SearchFailed:
            expense = replace(expense, usd=Decimal(0), outcome="failed")
            raise
        finally:
            self._budget.settle(call_id, expense)
        return reply
