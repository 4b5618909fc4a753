"""A local model that is slow to speak, and somebody else who is asked as well."""

import asyncio
from contextlib import aclosing
from dataclasses import replace

import pytest

from ambrosio.core import provider_errors
from ambrosio.core.context_window import PastTurn
from ambrosio.core.messages import AnswerStarted, Delta, RequestSent, StatusNote
from ambrosio.router import CompletionRequest, Router

from ..support import PATIENCE_SECONDS
from ..support.fake_provider import FakeProvider

QUESTION = CompletionRequest("Be kind.", (), "tea?")
PATIENCE = 0.02


class Silent(FakeProvider):
    """Says nothing, or only why, until it is released."""

    def __init__(self, name, *script, note="", **given):
        super().__init__(name, *script, **given)
        self.note = note
        self.asked_now, self.released = asyncio.Event(), asyncio.Event()

    async def stream(self, *args, **given):
        async with self._opened():
            self.asked_now.set()
            if self.note:
                yield StatusNote(self.note)
            await self.released.wait()
            async for part in super().stream(*args, **given):
                yield part


def router(*providers, patience=PATIENCE):
    named = {provider.name: provider for provider in providers}
    now = asyncio.get_running_loop().time
    return Router(named, tuple(named), now=now, patience_seconds=patience)


async def heard(router, ask=QUESTION):
    async with asyncio.timeout(PATIENCE_SECONDS), aclosing(router.stream(ask)) as parts:
        return [part async for part in parts]


def words(parts):
    return "".join(part.text for part in parts if isinstance(part, Delta))


async def test_whoever_speaks_first_answers_and_the_other_is_stopped():
    slow, quick = Silent("slow", local=True), FakeProvider("quick")
    parts = await heard(router(slow, quick))

    assert words(parts) == "quick"
    assert [part.ref.provider for part in parts if isinstance(part, RequestSent)] == [
        "slow",
        "quick",
    ]
    assert slow.open == 0


async def test_the_slow_one_answers_if_it_speaks_first_after_all():
    slow, other = Silent("slow", local=True), Silent("other")

    async def release():
        await other.asked_now.wait()
        slow.released.set()

    async with asyncio.TaskGroup() as group:
        group.create_task(release())
        parts = await heard(router(slow, other))

    assert words(parts) == "slow"
    assert other.open == 0


async def test_a_note_is_no_word():
    parts = await heard(router(Silent("slow", note="Reading… 3 %", local=True), FakeProvider("b")))

    assert StatusNote("Reading… 3 %") in parts
    assert words(parts) == "b"


async def test_whoever_reads_who_answered_learns_why():
    parts = await heard(router(Silent("slow", local=True), FakeProvider("quick")))

    (begun,) = [part for part in parts if isinstance(part, AnswerStarted)]
    assert begun.skipped_providers == ("slow is slow",)


@pytest.mark.parametrize(
    ("ask", "local", "patience"),
    [
        (QUESTION, True, 0),
        (QUESTION, False, PATIENCE),
        (replace(QUESTION, local_only=True), True, PATIENCE),
        (replace(QUESTION, history=(PastTurn(1, "a", "b", local_only=True),)), True, PATIENCE),
        (replace(QUESTION, single_provider=True), True, PATIENCE),
    ],
)
async def test_nobody_else_is_asked_when_that_is_not_wished(ask, local, patience):
    slow, other = Silent("slow", local=local), FakeProvider("other", local=local)
    waiting = asyncio.create_task(heard(router(slow, other, patience=patience), ask))
    await slow.asked_now.wait()
    await asyncio.sleep(PATIENCE * 3)
    slow.released.set()

    assert words(await waiting) == "slow"
    assert other.asked == []


async def test_when_the_slow_one_fails_the_other_goes_on():
    slow, other = Silent("slow", provider_errors.ServerError("slow"), local=True), Silent("other")

    async def release():
        await other.asked_now.wait()
        slow.released.set()
        while slow.open:  # noqa: ASYNC110
            await asyncio.sleep(0)
        other.released.set()

    async with asyncio.TaskGroup() as group:
        group.create_task(release())
        parts = await heard(router(slow, other))

    assert words(parts) == "other"


async def test_when_both_fail_both_are_named():
    slow = Silent("slow", provider_errors.OutOfCredit("slow"), local=True)
    other = FakeProvider("other", provider_errors.InvalidKey("other"))

    async def release():
        while not other.asked:  # noqa: ASYNC110
            await asyncio.sleep(0)
        slow.released.set()

    async with asyncio.TaskGroup() as group:
        group.create_task(release())
        with pytest.raises(provider_errors.AllProvidersFailed) as raised:
            await heard(router(slow, other))

    assert {cause.provider for cause in raised.value.causes} == {"slow", "other"}


async def test_a_stop_ends_both():
    slow, other = Silent("slow", local=True), Silent("other")
    waiting = asyncio.create_task(heard(router(slow, other)))
    await other.asked_now.wait()
    waiting.cancel()
    await asyncio.wait({waiting})

    assert (slow.open, other.open) == (0, 0)
