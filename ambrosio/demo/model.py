"""Which model answers in the demo.

What `--model` names, since whoever types it means it; else what is set up, as `ambrosio run` would
have it; else a llama.cpp server that is there anyway; else a model that is offered; else the
stand-in, which needs nothing and knows nothing.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from ..config.provider import ProviderConfig
from ..config.settings import Settings
from ..core.errors import DemoFailed, ProviderError
from ..emulators.model_server.server import FakeModelServer
from ..llama.discovery import find_server
from ..llama.download import REFERENCE
from ..providers.openai_compatible import OpenAIProvider

STAND_IN = "stand-in"
# About as fast as a small model on a good machine.
TOKENS_PER_SECOND = 40.0
NO_MODEL = (
    "Nobody thinks here yet: set `LLAMA_GGUF` or `TOGETHER_API_KEY` in `.env` and start the demo "
    "again, and a real model answers."
)
# Where a server of our own will be, nobody knows before it runs.
LATER = "http://127.0.0.1/v1"
SET_UP = "It is the one that is set up here."


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """Who answers: `name` for the page, and what the bot's process is given for it.

    One that was asked for is `alone`: whatever else is set up to answer does not count.
    """

    name: str
    hint: str
    settings: Mapping[str, str] = field(default_factory=dict)
    alone: bool = False


@asynccontextmanager
async def choose_model(
    settings: Settings, wish: str, *, offer: Callable[[], str]
) -> AsyncIterator[ModelChoice]:
    """Find who answers; a stand-in lives as long as the block.

    Args:
        given: what is set up.
        wish: what `--model` names, "" for nothing.
        offer: gives a model where nothing is set up, "" for none.
    """
    if wish and wish != STAND_IN:
        yield _local(wish)
    elif not wish and (name := await _set_up(settings)):
        yield ModelChoice(name, SET_UP)
    elif not wish and (offered := offer()):
        yield _local(offered)
    else:
        async with _standing_in(asked_for=bool(wish)) as mind:
            yield mind


def _local(wish: str) -> ModelChoice:
    file = Path(wish).expanduser().absolute()
    if not file.exists() and (file.suffix == ".gguf" or not REFERENCE.fullmatch(wish)):
        raise DemoFailed(
            f"There is no model `{wish}`.",
            "Name a .gguf file, or `owner/repo:QUANT` at Hugging Face.",
        )
    source = str(file) if file.exists() else wish
    return ModelChoice(file.name, "It runs on this machine.", {"LLAMA_GGUF": source}, alone=True)


async def _set_up(settings: Settings) -> str:
    """Name the model that is asked first, as its provider and its id; "" if there is none."""
    # As the bot does, without a proxy: this is at home.
    async with httpx.AsyncClient(trust_env=False) as http:
        there = LATER if settings.llama_gguf else settings.llama_base_url or await find_server(http)
        rows = settings.provider_configs(llama_base_url=there)
    if not rows:
        return ""
    first = next((name for name in settings.ambrosio_route if name in rows), next(iter(rows)))
    if first == "llama" and settings.llama_gguf:
        return f"llama/{Path(settings.llama_gguf).name}"
    model = rows[first].model or await _served(first, rows[first])
    return f"{first}/{model}" if model else first


async def _served(name: str, row: ProviderConfig) -> str:
    async with httpx.AsyncClient(trust_env=not row.is_local) as http:
        try:
            served = await OpenAIProvider(name, row, http).models()
        except ProviderError:
            return ""
    return served[0].id if served else ""


@asynccontextmanager
async def _standing_in(*, asked_for: bool) -> AsyncIterator[ModelChoice]:
    """Run both kinds of server: one that chats at home, and one outside that draws as well."""
    home = FakeModelServer(STAND_IN, pace=TOKENS_PER_SECOND)
    outside = FakeModelServer(STAND_IN, "together", api_key=STAND_IN, pace=TOKENS_PER_SECOND)
    async with AsyncExitStack() as serving:
        settings = {
            "AMBROSIO_ROUTE": "llama,together",
            "LLAMA_BASE_URL": await serving.enter_async_context(home.serving()),
            "LLAMA_MODEL": STAND_IN,
            "TOGETHER_BASE_URL": await serving.enter_async_context(outside.serving()),
            "TOGETHER_API_KEY": STAND_IN,
            "TOGETHER_MODEL": STAND_IN,
            "TOGETHER_IMAGE_MODEL": outside.image_model,
        }
        yield ModelChoice(STAND_IN, NO_MODEL, settings, alone=asked_for)
