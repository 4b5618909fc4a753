"""Which model answers in the demo.

In this order: the model named by `--model`; the one configured, as `ambrosio run` would pick it; a
running llama.cpp server; a model the user accepts to download; else the stand-in, which sends
canned answers.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from ..config.network import remote_client, trusted_certificates
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
    "No model is set up yet. Set `LLAMA_GGUF` or `TOGETHER_API_KEY` in `.env` and restart the demo "
    "to get real answers."
)
# The address of a server that we start ourselves is known only once it runs.
MANAGED_URL = "http://127.0.0.1/v1"
CONFIGURED = "This is the model configured here."


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """The model that answers: its `name` for the page, and the settings the bot needs for it.

    With `exclusive`, the bot ignores any other model that is configured.
    """

    name: str
    hint: str
    settings: Mapping[str, str] = field(default_factory=dict)
    exclusive: bool = False


@asynccontextmanager
async def choose_model(
    settings: Settings, requested: str, *, offer: Callable[[], str]
) -> AsyncIterator[ModelChoice]:
    """Choose the model, or raise `DemoFailed`; a stand-in is served while the block runs.

    Args:
        settings: The user's settings.
        requested: The model named by `--model`, "" for none.
        offer: Returns a model to use where none is configured, "" for none.
    """
    if requested and requested != STAND_IN:
        yield _local_model(requested)
    elif not requested and (name := await _configured_model(settings)):
        yield ModelChoice(name, CONFIGURED)
    elif not requested and (accepted := offer()):
        yield _local_model(accepted)
    else:
        async with _run_fake_servers(exclusive=bool(requested)) as choice:
            yield choice


def _local_model(reference: str) -> ModelChoice:
    file = Path(reference).expanduser().absolute()
    if not file.exists() and (file.suffix == ".gguf" or not REFERENCE.fullmatch(reference)):
        raise DemoFailed(
            f"There is no model `{reference}`.",
            "Name a .gguf file, or `owner/repo:QUANT` on Hugging Face.",
        )
    source = str(file) if file.exists() else reference
    return ModelChoice(
        file.name, "It runs on this machine.", {"LLAMA_GGUF": source}, exclusive=True
    )


async def _configured_model(settings: Settings) -> str:
    """Return the model that is asked first, as provider and model id; "" if there is none."""
    # Without a proxy, as in the bot: these servers are local.
    async with httpx.AsyncClient(trust_env=False) as http:
        managed = MANAGED_URL if settings.llama_gguf else None
        url = managed or settings.llama_base_url or await find_server(http)
        configs = settings.provider_configs(llama_base_url=url)
    if not configs:
        return ""
    route = settings.ambrosio_route
    first = next((name for name in route if name in configs), next(iter(configs)))
    if first == "llama" and settings.llama_gguf:
        return f"llama/{Path(settings.llama_gguf).name}"
    model = configs[first].model or await _first_served_model(first, configs[first])
    return f"{first}/{model}" if model else first


async def _first_served_model(name: str, config: ProviderConfig) -> str:
    client = (
        httpx.AsyncClient(trust_env=False)
        if config.is_local
        else remote_client(trusted_certificates())
    )
    async with client as http:
        try:
            models = await OpenAIProvider(name, config, http).models()
        except ProviderError:
            return ""
    return models[0].id if models else ""


@asynccontextmanager
async def _run_fake_servers(*, exclusive: bool) -> AsyncIterator[ModelChoice]:
    """Run both kinds of server: a local one for chat, and a remote one that draws as well."""
    local = FakeModelServer(STAND_IN, pace=TOKENS_PER_SECOND)
    remote = FakeModelServer(STAND_IN, "together", api_key=STAND_IN, pace=TOKENS_PER_SECOND)
    async with AsyncExitStack() as stack:
        settings = {
            "AMBROSIO_ROUTE": "llama,together",
            "LLAMA_BASE_URL": await stack.enter_async_context(local.serving()),
            "LLAMA_MODEL": STAND_IN,
            "TOGETHER_BASE_URL": await stack.enter_async_context(remote.serving()),
            "TOGETHER_API_KEY": STAND_IN,
            "TOGETHER_MODEL": STAND_IN,
            "TOGETHER_IMAGE_MODEL": remote.image_model,
        }
        yield ModelChoice(STAND_IN, NO_MODEL, settings, exclusive=exclusive)
