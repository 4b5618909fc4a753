"""The whole bot with a local model that is slow to speak: the phone and both servers."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from ambrosio.core.messages import Chat
from ambrosio.emulators.model_server.server import (
    ErrorStatus,
    FakeModelServer,
    Says,
    StallsAfter,
    StallsBefore,
)

from ..support.running_bot import OWNER, running_bot


@dataclass(frozen=True)
class Waits:
    """Says nothing until it is told to."""

    ready: asyncio.Event

    async def perform(self, mouth):
        await mouth.open()
        await self.ready.wait()
        await mouth.say("Black tea.")
        await mouth.finish()


ROWS = """
[providers.llama]
base_url = "{here}"
model = "stand-in"
server_kind = "llama"

[providers.together]
base_url = "{there}"
model = "openai/gpt-oss-120b"
server_kind = "together"
local = false
input_usd = 0.15
output_usd = 0.6
"""


@pytest.fixture
async def cloud():
    return FakeModelServer(model="openai/gpt-oss-120b", server_kind="together")


@pytest.fixture
def life_with(api, telegram_url, tmp_path, model_url, cloud):
    @asynccontextmanager
    async def start(**given):
        async with cloud.serving() as url:
            (tmp_path / "ambrosio.toml").write_text(ROWS.format(here=model_url, there=url))
            more = {"ambrosio_patience_seconds": 0.05, **given}
            async with running_bot(api, telegram_url, tmp_path, **more) as life:
                yield life
        assert api.violations == []

    return start


def states(server):
    return [served.state for served in server.served]


async def cancelled(server):
    await server.wait_for(lambda: states(server) == ["cancelled"])


async def asked(server):
    await server.wait_for(lambda: server.requests)


@pytest.mark.parametrize("question", ["tea?", "vv tea?"])
async def test_the_cloud_answers_for_a_slow_model_and_says_why(
    anna, model, cloud, life_with, question
):
    model.script(StallsBefore())
    cloud.script(Says("Green tea."))
    async with life_with():
        await anna.say(question)
        answer = await anna.wait_answer()
        await cancelled(model)

    assert answer.text == "Green tea.\n\nvia together · llama is slow"


async def test_the_slow_one_is_stopped_as_soon_as_the_other_speaks(anna, model, cloud, life_with):
    model.script(StallsBefore())
    cloud.script(StallsAfter("Green tea"))
    async with life_with():
        await anna.say("tea?")
        await anna.wait_draft("Green tea")
        await cancelled(model)
        await anna.say("/stop")
        await anna.wait_answer()

    assert states(cloud) == ["cancelled"]


async def test_whoever_was_asked_is_named_and_paid_even_if_the_slow_one_answers(
    anna, model, cloud, life_with
):
    ready = asyncio.Event()
    model.script(Waits(ready))
    cloud.script(StallsBefore())
    async with life_with() as life:
        await anna.say("tea?")
        await asked(cloud)
        ready.set()
        answer = await anna.wait_answer()
        await cancelled(cloud)
        await life.settled()
        visits = {each.provider for each in life.store.chats.visits(Chat(OWNER))}
        accounts = {each.provider: each for each in life.store.ledger.usage(0)}

    assert answer.text == "Black tea."
    assert visits == set(accounts) == {"llama", "together"}
    assert accounts["together"].usd > 0


@pytest.mark.parametrize("failure", [ErrorStatus(401), ErrorStatus(429), ErrorStatus(500)])
async def test_a_second_that_fails_does_not_hurry_the_first(anna, model, cloud, life_with, failure):
    ready = asyncio.Event()
    model.script(Waits(ready))
    cloud.script(failure)
    async with life_with():
        await anna.say("tea?")
        await asked(cloud)
        await cloud.wait_for(lambda: states(cloud) == ["finished"])
        ready.set()
        await anna.wait_text("Black tea.")

    assert len(model.requests) == 1


async def test_a_stop_while_both_are_asked_stops_both(anna, model, cloud, life_with):
    model.script(StallsBefore())
    cloud.script(StallsBefore())
    async with life_with():
        await anna.say("tea?")
        await asked(model)
        await asked(cloud)
        await anna.say("/stop")
        answer = await anna.wait_answer()
        await cancelled(model)
        await cancelled(cloud)

    assert answer.text == "Stopped."
