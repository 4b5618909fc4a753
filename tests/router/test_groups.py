"""Equal servers share the work, and nobody is told of it."""

import asyncio
from collections import Counter
from contextlib import aclosing
from dataclasses import replace

import pytest

from ambrosio.core.messages import AnswerStarted
from ambrosio.core.provider_errors import ServerError
from ambrosio.router import CompletionRequest, Router
from ambrosio.router.groups import share_work

from ..support.fake_provider import FakeProvider

QUESTION = CompletionRequest("Be kind.", (), "tea?", chat_key="chat 1")
GROUPS = {"a": "g", "b": "g", "c": "g", "x": "other", "y": "other", "alone": ""}


@pytest.mark.parametrize(
    ("names", "under_way", "expected"),
    [
        # Each group keeps the places of its members, whoever else is between them.
        (["a", "cloud", "b"], {"a": 1}, ["b", "cloud", "a"]),
        (["cloud", "a", "b"], {"a": 2, "b": 1}, ["cloud", "b", "a"]),
        (["a", "x", "b", "y"], {"a": 1, "x": 1}, ["b", "y", "a", "x"]),
        (["a", "b", "c"], {"a": 2, "b": 1, "c": 0}, ["c", "b", "a"]),
        # Those without a group stay where they are.
        (["alone", "cloud"], {"alone": 9}, ["alone", "cloud"]),
        (["a"], {"a": 5}, ["a"]),
        ([], {}, []),
    ],
)
def test_the_least_busy_of_a_group_comes_first(names, under_way, expected):
    assert share_work(names, GROUPS, under_way, "any") == expected


def test_conversations_spread_and_keep_to_their_own():
    firsts = {key: share_work("abc", GROUPS, {}, key)[0] for key in map(str, range(300))}

    assert min(Counter(firsts.values()).values()) > 70
    # Where one server is gone, only its own conversations move.
    for key, first in firsts.items():
        assert first == "c" or share_work("ab", GROUPS, {}, key)[0] == first


@pytest.fixture
def router_of(clock):
    def make(*providers):
        names = tuple(provider.name for provider in providers)
        by_name = dict(zip(names, providers, strict=True))
        return Router(by_name, names, now=clock, groups=GROUPS, sleep=clock.sleep)

    return make


async def answered_by(router, request):
    async with aclosing(router.stream(request)) as events:
        async for event in events:
            if isinstance(event, AnswerStarted):
                yield event


async def test_six_questions_at_once_go_to_three_servers(router_of):
    router, started = router_of(*map(FakeProvider, "abc")), Counter[str]()
    streams = [
        answered_by(router, replace(QUESTION, chat_key=f"chat {number}")) for number in range(6)
    ]
    for stream in streams:
        started[(await anext(stream)).ref.provider] += 1
    for stream in streams:
        await stream.aclose()

    assert started == {"a": 2, "b": 2, "c": 2}
    await asyncio.sleep(0)
    assert [health.under_way for health in router.health.providers.values()] == [0, 0, 0]


async def test_who_fails_is_replaced_by_an_equal_and_who_is_only_busy_is_not_named(router_of):
    broken = FakeProvider("a", ServerError("a"), ServerError("a"), ServerError("a"))
    router = router_of(broken, FakeProvider("b"), FakeProvider("cloud"))
    skipped = set()
    for number in range(12):
        request = replace(QUESTION, chat_key=f"chat {number}")
        async for event in answered_by(router, request):
            assert event.ref.provider == "b"
            skipped |= set(event.skipped_providers)

    assert skipped == {str(ServerError("a"))}


async def test_a_choice_is_kept_however_busy_it_is(router_of):
    router = router_of(*map(FakeProvider, "abc"))
    router.health.providers["b"].under_way = 9

    async for event in answered_by(router, replace(QUESTION, model="b")):
        assert event.ref.provider == "b"
