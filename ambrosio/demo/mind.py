"""Which model answers in the demo.

What `--model` names; else what is set up; else a llama.cpp server that is there anyway; else the
stand-in, which needs nothing and knows nothing.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from ..errors import ProviderError
from ..llama.find import find
from ..providers import OpenAIProvider
from ..settings import ProviderRow, Settings
from .standin import ModelServer

STAND_IN = "stand-in"
# About as fast as a small model on a good machine.
TOKENS_PER_SECOND = 40.0
NO_MODEL = (
    "Nobody thinks here yet: set `LLAMA_GGUF` or `TOGETHER_API_KEY` in `.env` and start the demo "
    "again, and a real model answers."
)


@dataclass(frozen=True, slots=True)
class Mind:
    """Who answers: `name` for the page, and what the bot's process is given for it.

    One that was asked for is `alone`: whatever else is set up to answer does not count.
    """

    name: str
    hint: str
    given: Mapping[str, str] = field(default_factory=dict)
    alone: bool = False


@asynccontextmanager
async def thinking(given: Settings, wish: str) -> AsyncIterator[Mind]:
    """Find who answers; a stand-in lives as long as the block."""
    wish = wish or given.llama_gguf
    if wish and wish != STAND_IN:
        yield _local(wish)
    elif not wish and (rows := await _rows(given)):
        yield Mind(await _name(given, rows), "It is the one that is set up here.")
    else:
        async with _standing_in(asked_for=bool(wish)) as mind:
            yield mind


def _local(wish: str) -> Mind:
    file = Path(wish).absolute()
    source = str(file) if file.exists() else wish
    return Mind(file.name, "It runs on this machine.", {"LLAMA_GGUF": source}, alone=True)


async def _rows(given: Settings) -> dict[str, ProviderRow]:
    async with httpx.AsyncClient() as http:
        return given.rows(llama_base_url=given.llama_base_url or await find(http))


async def _name(given: Settings, rows: Mapping[str, ProviderRow]) -> str:
    """Name the model that is asked first, as its provider and its id."""
    first = next((name for name in given.ambrosio_route if name in rows), next(iter(rows)))
    model = rows[first].model
    if not model:
        async with httpx.AsyncClient() as http:
            try:
                served = await OpenAIProvider(first, rows[first], http).models()
            except ProviderError:
                served = []
        model = served[0].id if served else ""
    return f"{first}/{model}" if model else first


@asynccontextmanager
async def _standing_in(*, asked_for: bool) -> AsyncIterator[Mind]:
    """Run both kinds of server: one that chats at home, and one outside that draws as well."""
    home = ModelServer(STAND_IN, pace=TOKENS_PER_SECOND)
    outside = ModelServer(STAND_IN, "together", api_key=STAND_IN, pace=TOKENS_PER_SECOND)
    async with AsyncExitStack() as serving:
        given = {
            "AMBROSIO_ROUTE": "llama,together",
            "LLAMA_BASE_URL": await serving.enter_async_context(home.serving()),
            "LLAMA_MODEL": STAND_IN,
            "TOGETHER_BASE_URL": await serving.enter_async_context(outside.serving()),
            "TOGETHER_API_KEY": STAND_IN,
            "TOGETHER_MODEL": STAND_IN,
            "TOGETHER_IMAGE_MODEL": outside.image_model,
        }
        yield Mind(STAND_IN, NO_MODEL, given, alone=asked_for)
