"""Which model of a server reads aloud, and with which voice, as far as the server tells.

together.ai and servers for speech (speaches) say in `/v1/models` what a model does; others
(Kokoro-FastAPI) list their voices at `/v1/audio/voices`. llama.cpp does not speak.
"""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .foreign_values import first_name
from .openai_client import ConnectionFailed, RequestFailed
from .openai_compatible import OpenAIProvider
from .server_facts import ServedModel

VOICES_SECONDS = 3.0
# Where a server lists voices and does not say which of its models has them.
SPEECH_NAME = re.compile(r"tts|kokoro|piper|orpheus|speech|voice", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class FoundSpeech:
    """A model that reads aloud, "" if there is none, and a voice of it, "" if none is known."""

    model: str = ""
    voice: str = ""


async def find_speech(provider: OpenAIProvider) -> FoundSpeech:
    """Find the model of a server that reads aloud, or raise `ProviderError`.

    It is the one in the settings, or, of a local server, the first: another model of a hosted one
    would cost money that nobody has agreed to.
    """
    config = provider.config
    if config.server_kind == "llama":
        return FoundSpeech(config.speech_model)
    served = await provider.models()
    if config.speech_model:
        own = [model for model in served if model.id == config.speech_model]
        return await _with_voice(provider, own or [ServedModel(config.speech_model)])
    able = [model for model in served if model.speaks]
    able.sort(key=lambda model: model.id != config.model)
    if not provider.local:
        able = [model for model in able if model.id == config.model]
    if able or not provider.local:
        return await _with_voice(provider, able)
    named = [model for model in served if SPEECH_NAME.search(model.id) and model.speaks is None]
    voice = await _ask_for_voice(provider) if named else ""
    return FoundSpeech(named[0].id, voice) if voice else FoundSpeech()


async def _with_voice(provider: OpenAIProvider, models: Sequence[ServedModel]) -> FoundSpeech:
    if not models:
        return FoundSpeech()
    model = models[0]
    voice = model.voice or (await _ask_for_voice(provider) if provider.local else "")
    return FoundSpeech(model.id, voice)


async def _ask_for_voice(provider: OpenAIProvider) -> str:
    """Return the first voice that a server lists; "" if it lists none."""
    try:
        async with asyncio.timeout(VOICES_SECONDS):
            told: Any = await provider.client.get("/audio/voices")
    except (TimeoutError, ConnectionFailed, RequestFailed):
        return ""
    if isinstance(told, dict):
        told = told.get("voices") or told.get("data")
    return first_name(told)
