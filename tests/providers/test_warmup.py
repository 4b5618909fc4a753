"""The system prompt is there before the first question."""

import asyncio
from functools import partial

import httpx
import pytest
import respx

from ambrosio.config.settings import Settings, load
from ambrosio.core.context_window import build_context
from ambrosio.core.messages import Delta, StatusNote
from ambrosio.providers.openai_compatible import OpenAIProvider
from ambrosio.providers.warmup import warm_up, warming_up

from ..support import PATIENCE_SECONDS

SYSTEM = "You are a butler."
EVENTS = {"content-type": "text/event-stream"}


@pytest.fixture
async def provider(model_url):
    row = Settings().provider_configs(llama_base_url=model_url)["llama"]
    async with httpx.AsyncClient(verify=False) as http:
        yield OpenAIProvider("llama", row, http)


async def test_a_server_reads_the_system_prompt_and_says_nothing(model, provider):
    await warm_up(provider, SYSTEM)

    (asked,) = model.requests
    assert asked.messages == (("system", SYSTEM), ("user", ""))
    assert asked.max_tokens == 0


async def test_one_that_loads_is_waited_for(model, provider, clock):
    model.loading = True

    async def sleep(seconds):
        model.loading = False
        await clock.sleep(seconds)

    await warm_up(provider, SYSTEM, sleep=sleep)

    assert len(model.requests) == 1


async def test_one_that_fails_harms_nobody(model, provider):
    model.api_key = "another"
    await warm_up(provider, SYSTEM)

    assert len(model.requests) == 1


async def test_it_is_done_beside_everything_else(model, provider):
    async with warming_up([provider], SYSTEM):
        await model.wait_for(lambda: model.requests)


async def test_a_server_with_cache_reuse_is_still_warmed_up(model, model_url, tmp_path):
    (tmp_path / "ambrosio.toml").write_text(
        f'[providers.cluster]\nbase_url = "{model_url}"\nserver_kind = "llama"\n'
        "cache_reuse = true\n",
        "utf-8",
    )
    config = load(tmp_path).provider_configs(llama_base_url=None)["cluster"]

    async with (
        httpx.AsyncClient(verify=False) as http,
        warming_up([OpenAIProvider("cluster", config, http)], SYSTEM),
    ):
        await model.wait_for(lambda: model.requests)


async def test_a_server_of_our_own_is_left_to_its_supervisor(model, model_url):
    config = Settings().provider_configs(llama_base_url=model_url, llama_api_key="our-key")

    async with httpx.AsyncClient(verify=False) as http:
        provider = OpenAIProvider("llama", config["llama"], http)
        async with warming_up([provider], SYSTEM):
            await asyncio.sleep(0)

    assert model.requests == []


async def test_whoever_asks_first_is_not_made_to_wait_for_it(model, provider, monkeypatch):
    manner = provider.profile

    async def slow(model=""):
        provider._requests += 1
        return await manner(model)

    monkeypatch.setattr(provider, "profile", partial(slow))
    await warm_up(provider, SYSTEM)

    assert model.requests == []


class Reading(httpx.AsyncByteStream):
    """A server that reads a prompt without end, and says after each piece how far it is."""

    def __init__(self):
        self.begun, self.left = asyncio.Event(), False

    async def __aiter__(self):
        while True:
            yield b'data: {"choices": [], "prompt_progress": {"total": 9}}\n\n'
            self.begun.set()
            await asyncio.sleep(0)

    async def aclose(self):
        self.left = True


@respx.mock
async def test_a_question_that_comes_meanwhile_takes_its_place():
    props = {"default_generation_settings": {"n_ctx": 4096}, "total_slots": 1}
    respx.get("http://127.0.0.1:9/props").respond(json=props)
    said = b'data: {"choices": [{"delta": {"content": "Tea."}, "finish_reason": "stop"}]}\n\n'
    reading = Reading()
    respx.post("http://127.0.0.1:9/v1/chat/completions").mock(
        side_effect=[
            httpx.Response(200, headers=EVENTS, stream=reading),
            httpx.Response(200, headers=EVENTS, content=said),
        ]
    )
    row = Settings().provider_configs(llama_base_url="http://127.0.0.1:9/v1")["llama"]
    async with (
        httpx.AsyncClient(verify=False) as http,  # reading certificates takes a while
        asyncio.timeout(PATIENCE_SECONDS),
        asyncio.TaskGroup() as group,
    ):
        provider = OpenAIProvider("llama", row, http)
        group.create_task(warm_up(provider, SYSTEM))
        await reading.begun.wait()
        parts = [part async for part in provider.stream(build_context(SYSTEM, (), "tea?"))]

    assert any(isinstance(part, Delta) for part in parts)
    assert not any(isinstance(part, StatusNote) for part in parts)
    assert reading.left
