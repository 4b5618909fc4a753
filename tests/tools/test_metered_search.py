"""Searches are counted, capped and paid, and the same one is not made twice in an hour."""

from contextlib import nullcontext
from decimal import Decimal

import pytest

from ambrosio.core.errors import SearchFailed
from ambrosio.router.budget import Budget
from ambrosio.store import Store
from ambrosio.tools.metered_search import KEEP_SECONDS, MAX_KEPT, MeteredSearch
from ambrosio.tools.search_engines import SearchReply, SearchResult

REPLY = SearchReply((SearchResult("Rice", "https://x.example/", "dear"),))


class Engine:
    name = "Probe"

    def __init__(self, usd="0"):
        self.usd, self.queries, self.failure = Decimal(usd), [], None

    async def search(self, query):
        self.queries.append(query)
        if self.failure:
            raise self.failure
        return REPLY


def metered(engine, store, clock, *, ceiling=None, max_per_day=100):
    budget = Budget(
        now=clock, ledger=store.ledger, ceiling=None if ceiling is None else Decimal(ceiling)
    )
    return MeteredSearch(
        engine,
        budget=budget,
        searches_since=lambda since: store.ledger.count("search", since),
        max_per_day=max_per_day,
        now=clock,
    )


async def test_the_same_search_is_made_once_an_hour(store, clock):
    engine = Engine()
    search = metered(engine, store, clock)

    for query in ("Basmati rice", "basmati  RICE", "Basmati rice"):
        assert await search.search(query, user_id=7) is REPLY
    clock.pass_seconds(KEEP_SECONDS)
    await search.search("basmati rice", user_id=7)

    assert engine.queries == ["Basmati rice", "basmati rice"]


async def test_what_is_kept_has_a_limit(store, clock):
    search = metered(Engine(), store, clock, max_per_day=1000)

    for number in range(MAX_KEPT + 5):
        await search.search(f"{number}", user_id=7)

    assert len(search._kept) == MAX_KEPT


async def test_a_day_has_a_limit_that_outlives_the_process(tmp_path, clock):
    with Store(tmp_path / "a.db", now=clock) as store:
        search = metered(Engine(), store, clock, max_per_day=2)
        await search.search("one", user_id=7)
        await search.search("two", user_id=8)
    with Store(tmp_path / "a.db", now=clock) as store:
        search = metered(Engine(), store, clock, max_per_day=2)
        with pytest.raises(SearchFailed, match="the limit of 2 searches a day is reached"):
            await search.search("three", user_id=7)
        clock.pass_seconds(86_400)
        assert await search.search("next day", user_id=7) is REPLY


@pytest.mark.parametrize(
    ("usd", "ceiling", "asked"),
    [
        ("0.005", None, 1),
        ("0.005", "1", 1),
        ("0.005", "0.001", 0),
        ("0.005", "0", 0),
        ("0", "0", 1),
    ],
)
async def test_a_search_that_costs_needs_a_budget(store, clock, usd, ceiling, asked):
    engine = Engine(usd)
    search = metered(engine, store, clock, ceiling=ceiling)

    with nullcontext() if asked else pytest.raises(SearchFailed, match="budget does not cover it"):
        await search.search("rice", user_id=7)
    assert len(engine.queries) == asked
    assert store.ledger.spent(0) == (Decimal(usd) if asked else 0)


async def test_a_search_that_failed_is_counted_and_costs_nothing(store, clock):
    engine = Engine("0.005")
    engine.failure = SearchFailed("its server answered 500")
    search = metered(engine, store, clock)

    for _ in range(2):
        with pytest.raises(SearchFailed):
            await search.search("rice", user_id=7)

    assert store.ledger.count("search", 0) == 2
    assert store.ledger.spent(0) == 0
