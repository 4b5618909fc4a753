"""The system prompt is there before the first question."""

from functools import partial

import httpx
import pytest

from ambrosio.providers import OpenAIProvider
from ambrosio.settings import Settings
from ambrosio.warming import warm, warming

SYSTEM = "You are a butler."


@pytest.fixture
async def provider(model_url):
    row = Settings().rows(llama_base_url=model_url)["llama"]
    async with httpx.AsyncClient() as http:
        yield OpenAIProvider("llama", row, http)


async def test_a_server_reads_the_system_prompt_and_says_nothing(model, provider):
    await warm(provider, SYSTEM)

    (asked,) = model.requests
    assert asked.messages == (("system", SYSTEM), ("user", ""))
    assert asked.max_tokens == 0


async def test_one_that_loads_is_waited_for(model, provider, clock):
    model.loading = True

    async def sleep(seconds):
        model.loading = False
        await clock.sleep(seconds)

    await warm(provider, SYSTEM, sleep=sleep)

    assert len(model.requests) == 1


async def test_one_that_fails_harms_nobody(model, provider):
    model.api_key = "another"
    await warm(provider, SYSTEM)

    assert len(model.requests) == 1


async def test_it_is_done_beside_everything_else(model, provider):
    async with warming([provider], SYSTEM):
        await model.wait_for(lambda: model.requests)


async def test_whoever_asks_first_is_not_made_to_wait_for_it(model, provider, monkeypatch):
    manner = provider.manner

    async def slow(model=""):
        provider._asked += 1
        return await manner(model)

    monkeypatch.setattr(provider, "manner", partial(slow))
    await warm(provider, SYSTEM)

    assert model.requests == []
