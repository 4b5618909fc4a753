"""What a server is sent of a picture, and how it is known whether it wants any."""

import json

import httpx
import pytest

from ambrosio.config.provider import ProviderConfig
from ambrosio.core.context_window import ModelProfile, build_context
from ambrosio.core.messages import PicturePart
from ambrosio.core.provider_errors import Unreachable
from ambrosio.providers.openai_compatible import OpenAIProvider
from ambrosio.providers.request import GONE_PICTURE

BASE = "http://127.0.0.1:9/v1"
ROOT = "http://127.0.0.1:9"
JPEG = PicturePart("aa", 640, 480)
GONE = PicturePart("bb", 640, 480)
DONE = 'data: {"choices": [{"delta": {"content": "A cat."}, "finish_reason": "stop"}]}\n\n'


@pytest.fixture
async def provider_of():
    async with httpx.AsyncClient(verify=False) as http:

        def make(**row):
            config = ProviderConfig(**{"base_url": BASE, **row})
            files = {"aa": b"\xff\xd8 \xff\xd9"}
            return OpenAIProvider(
                "somebody", config, http, read_picture=lambda name: files.get(name, b"")
            )

        yield make


async def test_a_picture_goes_along_as_data_before_the_words(provider_of, server):
    """Never as an address: Telegram's holds the bot's token, and servers fetch any."""
    chat = server.post(f"{BASE}/chat/completions").mock(
        return_value=httpx.Response(200, text=DONE, headers={"content-type": "text/event-stream"})
    )
    profile = ModelProfile(vision=True)
    words = "what is https://example.com/cat.jpg?"
    asked = build_context("Be kind.", (), words, pictures=(JPEG, GONE), profile=profile)
    async for _ in provider_of(model="m", vision=True).stream(asked):
        pass
    sent = chat.calls[0].request
    system, question = json.loads(sent.content)["messages"]

    assert int(sent.headers["content-length"]) == len(sent.content)
    assert sent.headers["content-type"] == "application/json"
    assert "transfer-encoding" not in sent.headers
    assert json.loads(sent.content)["stream"] is True
    assert system["content"] == "Be kind."
    assert question["content"] == [
        {"type": "image_url", "image_url": {"url": "data:image/jpeg;base64,/9gg/9k="}},
        {"type": "text", "text": GONE_PICTURE},
        {"type": "text", "text": words},
    ]


@pytest.mark.parametrize(
    ("row", "props", "listing", "sees"),
    [
        ({"vision": True}, None, None, True),
        ({"vision": False, "model": "gpt-5"}, None, None, False),
        ({"server_kind": "llama"}, {"vision": True, "audio": False}, None, True),
        ({"server_kind": "llama"}, {"vision": False}, None, False),
        ({"model": "m"}, None, {"id": "m", "input_modalities": ["text", "image"]}, True),
        ({"model": "gpt-5"}, None, {"id": "gpt-5", "input_modalities": ["text"]}, False),
        ({"model": "gemma3:4b"}, None, {"id": "gemma3:4b"}, True),
        ({"model": "m"}, None, {"id": "m"}, False),
        ({"server_kind": "llama", "model": "qwen3-vl:8b"}, None, {"id": "qwen3-vl:8b"}, True),
    ],
    ids=str,
)
async def test_the_settings_then_the_server_then_the_name_tell(
    provider_of, server, row, props, listing, sees
):
    fields = {"default_generation_settings": {"n_ctx": 2048}, "modalities": props}
    server.get(f"{ROOT}/props").mock(
        return_value=httpx.Response(200 if props else 404, json=fields)
    )
    served = [
        {"id": listing["id"]} | ({"architecture": listing} if "input_modalities" in listing else {})
        for listing in ([listing] if listing else [])
    ]
    server.get(f"{BASE}/models").mock(return_value=httpx.Response(200, json={"data": served}))
    provider = provider_of(**row)

    assert [await provider.sees(), await provider.sees()] == [sees, sees]
    assert (await provider.profile()).vision == sees


@pytest.mark.parametrize(
    ("model", "sees"),
    [
        ("gpt-4o-mini", True),
        ("claude-sonnet-5", True),
        ("google/gemini-3-flash", True),
        ("qwen2.5vl:7b", True),
        ("Qwen2.5-VL-7B", True),
        ("unsloth/Qwen3.5-4B-GGUF", True),
        ("llava:13b", True),
        ("llama3.2-vision", True),
        ("gemma-3n-e4b", False),
        ("gemma-2-9b", False),
        ("gpt-oss-120b", False),
        ("gpt-3.5-turbo", False),
        ("deepseek-v4", False),
        ("mixtral-8x7b", False),
        ("o4-mini", True),
        ("pro4-mini", False),
    ],
)
async def test_a_family_of_models_is_known_by_its_name(provider_of, server, model, sees):
    server.get(f"{BASE}/models").mock(return_value=httpx.Response(200, json={"data": []}))

    assert await provider_of(model=model).sees() is sees


async def test_a_server_that_is_away_is_asked_again(provider_of, server):
    listing = httpx.Response(200, json={"data": []})
    server.get(f"{BASE}/models").mock(side_effect=[httpx.ConnectError("no"), listing])
    provider = provider_of(model="llava")

    with pytest.raises(Unreachable):
        await provider.sees()
    assert await provider.sees()


async def test_other_models_that_see_are_those_with_a_price_or_told_of(provider_of, server):
    ids = ["m", "Qwen/Qwen3.5-9B", "who/knows"]
    eye = {"id": "an/eye", "architecture": {"input_modalities": ["image"]}}
    listing = [{"id": model} for model in ids]
    server.get(f"{BASE}/models").mock(
        side_effect=[
            httpx.Response(200, json={"data": [*listing, eye]}),
            httpx.Response(200, json={"data": [eye]}),
            httpx.ConnectError("no"),
        ]
    )
    provider = provider_of(model="m")

    assert await provider.models_that_see() == ["Qwen/Qwen3.5-9B"]
    assert await provider.models_that_see() == ["an/eye"]
    assert await provider.models_that_see() == []
