"""What servers tell of the senses of their models, each in its own way."""

import json
from typing import Any

import httpx
import pytest

from ambrosio.config.provider import ProviderConfig
from ambrosio.providers.openai_compatible import OpenAIProvider
from ambrosio.providers.server_facts import ServedModel, parse_models
from ambrosio.providers.speech import Speaker

BASE, ROOT = "http://127.0.0.1:9/v1", "http://127.0.0.1:9"
MULTI = {"input_modalities": ["text", "image", "audio"], "output_modalities": ["text"]}
BLIND = {"input_modalities": ["text"]}
VOXTRAL = {"completion_chat": True, "vision": False, "audio": True, "audio_transcription": True}
OLD_MISTRAL = {"completion_chat": True, "vision": True, "fine_tuning": False}
EMBEDDING = {"completion_chat": False, "vision": False}

TOLD = {
    "OpenAI says nothing": ({"owned_by": "openai"}, ServedModel("m")),
    "llama.cpp": (
        {"architecture": MULTI, "meta": {"n_ctx": 4096}},
        ServedModel("m", "chat", 4096, sees=True, hears=True),
    ),
    "OpenRouter, a blind model": (
        {"architecture": BLIND, "context_length": 32_768},
        ServedModel("m", "chat", 32_768, sees=False, hears=False),
    ),
    "vLLM": ({"max_model_len": 8192, "owned_by": "vllm"}, ServedModel("m", context=8192)),
    "together, transcripts": (
        {"type": "transcribe"},
        ServedModel("m", "transcribe", transcribes=True),
    ),
    "together, speech": ({"type": "audio"}, ServedModel("m", "audio", speaks=True)),
    "together, chat": (
        {"type": "chat", "context_length": 131_072},
        ServedModel("m", "chat", 131_072),
    ),
    "Mistral, Voxtral": (
        {"capabilities": VOXTRAL, "max_context_length": 16_384},
        ServedModel("m", "chat", 16_384, sees=False, hears=True, transcribes=True),
    ),
    "Mistral, before it had sound": ({"capabilities": OLD_MISTRAL}, ServedModel("m", sees=True)),
    "Mistral, an embedding": ({"capabilities": EMBEDDING}, ServedModel("m", "other", sees=False)),
    "a server of Whisper": (
        {"task": "automatic-speech-recognition", "language": ["en"]},
        ServedModel("m", "transcribe", transcribes=True),
    ),
    "a server of Kokoro": (
        {"task": "text-to-speech", "voices": [{"name": "af_heart"}, {"name": "af_sky"}]},
        ServedModel("m", "audio", speaks=True, voice="af_heart"),
    ),
    "a server of Kokoro, older": (
        {"task": "text-to-speech", "voices": ["af_heart"]},
        ServedModel("m", "audio", speaks=True, voice="af_heart"),
    ),
    "nonsense": (
        {"architecture": "x86", "capabilities": ["vision"], "meta": 3, "type": None, "task": {}},
        ServedModel("m"),
    ),
    "more nonsense": (
        {"architecture": {"input_modalities": "audio"}, "capabilities": {"vision": "yes"}},
        ServedModel("m"),
    ),
    "nonsense for voices": ({"voices": [3, {"name": {}}, ""]}, ServedModel("m")),
}


@pytest.mark.parametrize(("told", "read"), TOLD.values(), ids=TOLD)
def test_each_server_tells_in_its_own_way(told, read):
    assert parse_models({"data": [{"id": "m", **told}]}) == [read]
    assert parse_models([{"id": "m", **told}]) == [read]


HEARING = {
    "as configured": ({"transcription_model": "whisper"}, None, {}, True),
    "llama.cpp by its properties": ({"server_kind": "llama"}, {"audio": True}, {}, True),
    "llama.cpp that does not": ({"server_kind": "llama"}, {"audio": False}, MULTI, False),
    "llama.cpp that only lists": ({"server_kind": "llama"}, None, {"architecture": MULTI}, True),
    "one that hears in conversations": ({"model": "m"}, None, {"architecture": MULTI}, False),
    "Voxtral": ({"model": "m"}, None, {"capabilities": VOXTRAL}, True),
    "beside Voxtral": ({"model": "another"}, None, {"capabilities": VOXTRAL}, False),
    "a server of Whisper": ({"model": "m"}, None, {"task": "automatic-speech-recognition"}, True),
    "nobody says": ({"model": "m"}, None, {}, False),
}


@pytest.mark.parametrize(("row", "modalities", "listing", "hears"), HEARING.values(), ids=HEARING)
async def test_the_settings_then_the_server_say_who_transcribes(
    server, row, modalities, listing, hears
):
    properties = {"default_generation_settings": {"n_ctx": 2048}, "modalities": modalities}
    server.get(f"{ROOT}/props").mock(
        return_value=httpx.Response(200 if modalities else 404, json=properties)
    )
    models = server.get(f"{BASE}/models").mock(
        return_value=httpx.Response(200, json={"data": [{"id": "m", **listing}]})
    )
    async with httpx.AsyncClient(verify=False) as http:
        provider = OpenAIProvider("somebody", ProviderConfig(base_url=BASE, **row), http)

        assert [await provider.hears(), await provider.hears()] == [hears, hears]
    assert models.call_count <= 1


async def test_a_server_that_is_away_is_asked_again_whether_it_hears(server):
    listing = {"data": [{"id": "m", "capabilities": VOXTRAL}]}
    server.get(f"{BASE}/models").mock(
        side_effect=[httpx.ConnectError("no"), httpx.Response(200, json=listing)]
    )
    async with httpx.AsyncClient(verify=False) as http:
        provider = OpenAIProvider("somebody", ProviderConfig(base_url=BASE, model="m"), http)

        assert [await provider.hears(), await provider.hears()] == [False, True]


REMOTE = {"base_url": "https://api.example/v1", "local": False}
SPEECH, CHAT, SILENT = {"id": "kokoro", "task": "text-to-speech"}, {"id": "m"}, {"id": "tts-1"}
WITH_VOICES = {**SPEECH, "voices": ["af_heart"]}
# The row, what the server lists, its voices (None: it has no such page), and who speaks how.
SPEAKING: dict[str, tuple[Any, ...]] = {
    "as configured": ({"speech_model": "x"}, [CHAT], None, "x", "alloy"),
    "as configured, with a voice that is there": (
        {"speech_model": "kokoro"},
        [CHAT, WITH_VOICES],
        None,
        "kokoro",
        "af_heart",
    ),
    "as configured, voices on their own page": (
        {"speech_model": "x"},
        [CHAT],
        {"voices": ["am_adam"]},
        "x",
        "am_adam",
    ),
    "all as configured": (
        {"speech_model": "kokoro", "speech_voice": "af_sky"},
        [WITH_VOICES],
        None,
        "kokoro",
        "af_sky",
    ),
    "the server says": ({"model": "m"}, [CHAT, WITH_VOICES], None, "kokoro", "af_heart"),
    "the server says, without voices": ({"model": "m"}, [CHAT, SPEECH], None, "kokoro", "alloy"),
    "its own model": ({"model": "b"}, [SPEECH, {**SPEECH, "id": "b"}], None, "b", "alloy"),
    "only voices": ({"model": "m"}, [CHAT, SILENT], {"voices": [{"id": "af"}]}, "tts-1", "af"),
    "a bare list of voices": ({}, [SILENT], ["af"], "tts-1", "af"),
    "voices of no model": ({"model": "m"}, [CHAT], {"voices": ["af"]}, "", ""),
    "no voices": ({"model": "m"}, [CHAT, SILENT], {"voices": []}, "", ""),
    "nobody says": ({"model": "m"}, [CHAT], None, "", ""),
    "another model elsewhere": ({**REMOTE, "model": "m"}, [CHAT, WITH_VOICES], None, "", ""),
    "its own model elsewhere": (
        {**REMOTE, "model": "kokoro"},
        [WITH_VOICES],
        None,
        "kokoro",
        "af_heart",
    ),
    "llama.cpp": ({"server_kind": "llama"}, [SPEECH], {"voices": ["af"]}, "", ""),
}


@pytest.mark.parametrize(
    ("row", "listing", "voices", "model", "voice"), SPEAKING.values(), ids=SPEAKING
)
async def test_the_settings_then_the_server_say_who_reads_aloud(
    server, row, listing, voices, model, voice
):
    config = ProviderConfig(**{"base_url": BASE, **row})
    models = server.get(f"{config.base_url}/models").mock(
        return_value=httpx.Response(200, json={"data": listing})
    )
    server.get(f"{config.base_url}/audio/voices").mock(
        return_value=httpx.Response(404 if voices is None else 200, json=voices)
    )
    spoken = server.post(f"{config.base_url}/audio/speech").mock(
        return_value=httpx.Response(200, content=b"ID3 sound")
    )
    async with httpx.AsyncClient(verify=False) as http:
        speaker = Speaker(OpenAIProvider("somebody", config, http))

        assert [await speaker.is_able(), await speaker.is_able()] == [bool(model)] * 2
        assert speaker.model == model
        if model:
            await speaker.speak("Rice.")
            sent = json.loads(spoken.calls[0].request.content)
            assert (sent["model"], sent["voice"]) == (model, voice)
    assert models.call_count <= 1


async def test_a_server_that_is_away_is_asked_again_whether_it_reads_aloud(server):
    server.get(f"{BASE}/models").mock(
        side_effect=[httpx.ConnectError("no"), httpx.Response(200, json=[WITH_VOICES])]
    )
    async with httpx.AsyncClient(verify=False) as http:
        speaker = Speaker(OpenAIProvider("somebody", ProviderConfig(base_url=BASE), http))

        assert [await speaker.is_able(), await speaker.is_able()] == [False, True]
