"""Whom the rice test asks: the configured providers, and SmolLM2 where there is none."""

import asyncio
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import httpx

from ..app import App, is_model_configured
from ..core.provider_errors import Loading, NotRunning
from ..llama.supervisor import LlamaServer
from ..llama.toy_model import find_toy
from ..providers.openai_compatible import OpenAIProvider

TOY = "smollm2"
POLL_SECONDS = 0.2


@asynccontextmanager
async def rice_providers(
    app: App, wanted: Sequence[str]
) -> AsyncIterator[Mapping[str, OpenAIProvider]]:
    """Yield the providers once those that we run have loaded their models.

    SmolLM2, the model of the demo, is one of them if it is `wanted` or nothing else is set up, and
    its package is installed.
    """
    toy = find_toy()
    configured = await is_model_configured(app.settings)
    if toy and (TOY in wanted or not configured):
        if not configured:
            print("no model is set up; SmolLM2, the demo's small model, answers", file=sys.stderr)
        async with _running_toy(app, toy) as provider:
            await _wait_until_loaded(provider)
            yield {**(app.providers if configured else {}), TOY: provider}
        return
    for provider in app.providers.values():
        await _wait_until_loaded(provider)
    yield app.providers


@asynccontextmanager
async def _running_toy(app: App, file: Path) -> AsyncIterator[OpenAIProvider]:
    """Run SmolLM2 beside whatever else is configured."""
    settings = app.settings
    folder = settings.ambrosio_data_dir / "rice"
    server = LlamaServer(str(file), folder, now=asyncio.get_running_loop().time)
    server.acquire()
    address = server.address
    row = settings.provider_configs(llama_base_url=address.url, llama_api_key=address.key)["llama"]
    # What the settings say of a model is not about this one.
    row = row.model_copy(update={"model": "", "context": 0})
    async with httpx.AsyncClient(trust_env=False) as http:
        ready = partial(server.ensure_ready, TOY)
        provider = OpenAIProvider(TOY, row, http, ensure_ready=ready)
        async with server.running(ready=partial(asyncio.sleep, 0)):
            yield provider


async def _wait_until_loaded(provider: OpenAIProvider) -> None:
    """Wait for a model that we run, so that no answer's time has the loading in it."""
    told = False
    while True:
        try:
            provider.ensure_ready()
        except Loading as exc:
            if not told:
                print(exc.note, file=sys.stderr)
            told = True
        except NotRunning:
            # The first question fails with the reason.
            return
        else:
            return
        await asyncio.sleep(POLL_SECONDS)
