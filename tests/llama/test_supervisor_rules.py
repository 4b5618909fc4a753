"""How a llama.cpp server is spoken to: its slots, its models, its template, and its memory."""

import asyncio
import json

import httpx
import pytest

from ambrosio.config.provider import ProviderConfig
from ambrosio.core import provider_errors
from ambrosio.core.context_window import PastTurn, build_context
from ambrosio.core.messages import AnswerStarted, Delta
from ambrosio.llama import discovery
from ambrosio.llama.supervisor import _child_environment
from ambrosio.providers.openai_compatible import OpenAIProvider

from ..support import PATIENCE_SECONDS

ROOT = "http://127.0.0.1:9"
PAST = tuple(PastTurn(number, "rice " * 40, "tea " * 40) for number in range(1, 60))


def sse(*chunks):
    content = "".join(f"data: {json.dumps(each)}\n\n" for each in chunks)
    return httpx.Response(200, text=content, headers={"content-type": "text/event-stream"})


def says(text):
    words = {"choices": [{"delta": {"content": text}}]}
    return sse(words, {"choices": [{"delta": {}, "finish_reason": "stop"}]})


def remembers(cached, total):
    progress = {"total": total, "cache": cached, "processed": cached}
    return sse({"choices": [], "prompt_progress": progress}, {"choices": []})


def endless(answer):
    """Let an answer go on for ever."""

    class Body(httpx.AsyncByteStream):
        async def __aiter__(self):
            yield answer.content
            await asyncio.Event().wait()

    return httpx.Response(200, stream=Body(), headers={"content-type": "text/event-stream"})


def props(window=4096, slots=1, **caps):
    found = {"default_generation_settings": {"n_ctx": window}, "total_slots": slots}
    return httpx.Response(200, json={**found, "chat_template_caps": caps})


@pytest.fixture
def chat(server):
    return server.post(f"{ROOT}/v1/chat/completions")


@pytest.fixture
async def provider_of():
    async with httpx.AsyncClient(verify=False) as http:  # reading certificates takes a while

        def make(**row):
            fields = {"base_url": f"{ROOT}/v1", "server_kind": "llama", **row}
            return OpenAIProvider("llama", ProviderConfig(**fields), http)

        yield make


async def heard(provider, context=None, **given):
    context = context or build_context("Be kind.", (), "tea?")
    return [part async for part in provider.stream(context, **given)]


def bodies(chat):
    return [json.loads(call.request.content) for call in chat.calls]


async def test_each_model_of_a_router_has_its_own_window(provider_of, server):
    windows = {"small": 2048, "large": 32_768}
    server.get(f"{ROOT}/props").mock(
        side_effect=lambda request: props(windows[request.url.params["model"]])
    )
    provider = provider_of(model="small")

    assert (await provider.profile()).window == 2048
    assert (await provider.profile("large")).window == 32_768


async def test_a_chat_keeps_its_slot(provider_of, server, chat):
    server.get(f"{ROOT}/props").mock(return_value=props(slots=4))
    chat.mock(side_effect=lambda _: says("Hi."))
    provider = provider_of()
    await provider.profile()
    for name in ("anna", "bella", "anna"):
        await heard(provider, chat_key=name)

    first, second, third = (body["id_slot"] for body in bodies(chat))
    assert first == third != second


async def test_a_server_with_one_slot_is_not_told_which(provider_of, server, chat):
    server.get(f"{ROOT}/props").mock(return_value=props(slots=1))
    chat.mock(side_effect=lambda _: says("Hi."))
    provider = provider_of()
    await provider.profile()
    await heard(provider, chat_key="anna")

    assert "id_slot" not in bodies(chat)[0]


async def test_an_answer_that_is_left_gives_its_slot_back(provider_of, server, chat):
    server.get(f"{ROOT}/props").mock(return_value=props(slots=1))
    chat.mock(side_effect=lambda _: says("Hi."))
    provider = provider_of()
    await provider.profile()
    left = provider.stream(build_context("Be kind.", (), "tea?"), chat_key="anna")
    assert isinstance(await anext(left), AnswerStarted)
    await left.aclose()

    async with asyncio.timeout(PATIENCE_SECONDS):
        assert any(isinstance(part, Delta) for part in await heard(provider, chat_key="bella"))


async def test_a_template_without_a_system_role_is_known_from_the_properties(provider_of, server):
    server.get(f"{ROOT}/props").mock(return_value=props(supports_system_role=False))

    assert not (await provider_of().profile()).system_role


async def test_a_template_without_a_system_role_is_learnt_from_a_refusal(provider_of, server, chat):
    server.get(f"{ROOT}/props").mock(return_value=props())

    def strict(request):
        roles = [line["role"] for line in json.loads(request.content)["messages"]]
        return httpx.Response(400, json={"error": {}}) if "system" in roles else says("Hi.")

    chat.mock(side_effect=strict)
    provider = provider_of()
    before = await provider.profile()
    await heard(provider)

    assert before.system_role
    assert not (await provider.profile()).system_role
    assert bodies(chat)[-1]["messages"] == [{"role": "user", "content": "Be kind.\n\ntea?"}]


@pytest.mark.parametrize("kind", [provider_errors.Loading, provider_errors.Unreachable])
async def test_while_it_cannot_be_asked_no_window_is_guessed(provider_of, server, kind):
    answer = (
        {"return_value": httpx.Response(503, json={"error": {"type": "unavailable_error"}})}
        if kind is provider_errors.Loading
        else {"side_effect": httpx.ConnectError("no")}
    )
    server.get(f"{ROOT}/props").mock(**answer)

    with pytest.raises(kind):
        await provider_of().profile()


async def test_before_a_cut_the_chat_is_fetched_back(provider_of, chat):
    cut = build_context("Be kind.", PAST, "and coffee?")
    chat.mock(side_effect=[remembers(3990, 4000), says("Hi.")])
    await heard(provider_of(cache_reuse=True), cut)

    recall, question = bodies(chat)
    assert recall["max_tokens"] == 0
    assert len(recall["messages"]) == 2 * len(PAST) + 2
    assert len(question["messages"]) == len(cut.messages) < len(recall["messages"])


async def test_one_that_has_forgotten_the_chat_is_not_made_to_read_it_all(provider_of, chat):
    chat.mock(side_effect=[endless(remembers(40, 4000)), says("Hi.")])
    async with asyncio.timeout(PATIENCE_SECONDS):
        parts = await heard(
            provider_of(cache_reuse=True), build_context("Be kind.", PAST, "and coffee?")
        )

    assert any(isinstance(part, Delta) for part in parts)


async def test_a_fetching_back_that_fails_does_not_cost_the_answer(provider_of, chat):
    chat.mock(side_effect=[httpx.Response(500), says("Hi.")])
    parts = await heard(
        provider_of(cache_reuse=True), build_context("Be kind.", PAST, "and coffee?")
    )

    assert any(isinstance(part, Delta) for part in parts)


async def test_a_server_that_does_not_move_is_not_bothered(provider_of, chat):
    chat.mock(side_effect=[says("Hi.")])
    await heard(provider_of(), build_context("Be kind.", PAST, "and coffee?"))

    assert chat.call_count == 1


async def test_stop_words_go_out_with_every_question(provider_of, chat):
    chat.mock(side_effect=[says("Hi.")])
    await heard(provider_of(extra_body={"stop": ["<|im_end|>"]}))

    assert bodies(chat)[0]["stop"] == ["<|im_end|>"]


@pytest.mark.parametrize(
    ("first", "second", "found"),
    [
        (httpx.Response(200, json={"status": "ok"}), None, f"{discovery.USUAL_ADDRESSES[0]}/v1"),
        (httpx.Response(503, json={"error": {}}), None, f"{discovery.USUAL_ADDRESSES[0]}/v1"),
        (None, httpx.Response(200, json={"status": "ok"}), f"{discovery.USUAL_ADDRESSES[1]}/v1"),
        (None, httpx.Response(200, html="<h1>It works!</h1>"), None),
        (None, httpx.Response(404, json={}), None),
        (None, None, None),
    ],
)
async def test_a_server_on_a_usual_port_is_found_even_while_it_loads(server, first, second, found):
    for address, answer in zip(discovery.USUAL_ADDRESSES, (first, second), strict=True):
        given = {"return_value": answer} if answer else {"side_effect": httpx.ConnectError("no")}
        server.get(f"{address}/health").mock(**given)

    for address in discovery.OTHER_ADDRESSES:
        server.get(f"{address}/v1/models").mock(side_effect=httpx.ConnectError("no"))
    async with httpx.AsyncClient(verify=False) as http:  # reading certificates takes a while
        assert await discovery.find_server(http) == found


@pytest.mark.parametrize(
    ("ollama", "lm_studio", "found", "model"),
    [
        ({"data": [{"id": "qwen3:4b"}, {"id": "gemma"}]}, None, 0, "qwen3:4b"),
        ({"data": None}, {"data": [{"id": "text-embedding-x"}, {"id": "lfm"}]}, 1, "lfm"),
        ({"data": []}, None, None, ""),
        ({"error": "x"}, [], None, ""),
        (None, None, None, ""),
    ],
)
async def test_ollama_and_lm_studio_are_found_if_they_have_a_model(
    server, ollama, lm_studio, found, model
):
    for address in discovery.USUAL_ADDRESSES:
        server.get(f"{address}/health").mock(side_effect=httpx.ConnectError("no"))
    for address, listing in zip(discovery.OTHER_ADDRESSES, (ollama, lm_studio), strict=True):
        route = server.get(f"{address}/v1/models")
        if listing is None:
            route.mock(side_effect=httpx.ReadTimeout("no"))
        else:
            route.respond(json=listing)
    expected = None if found is None else f"{discovery.OTHER_ADDRESSES[found]}/v1"

    async with httpx.AsyncClient(verify=False) as http:
        url = await discovery.find_server(http)
        assert url == expected
        assert await discovery.default_model(http, url or "") == model


async def test_a_model_chosen_of_a_router_is_the_one_that_is_asked(provider_of, server, chat):
    served = [{"id": "small", "meta": {"n_ctx": 2048}}, {"id": "large"}]
    server.get(f"{ROOT}/v1/models").respond(json={"data": served})
    chat.mock(side_effect=lambda _: says("Hi."))
    provider = provider_of(model="small")
    names = [each.id for each in await provider.models()]
    await heard(provider, model=names[1])

    assert [body["model"] for body in bodies(chat)] == ["large"]


@pytest.mark.parametrize(("set_by_owner", "spins"), [({}, "1000"), ({"GOMP_SPINCOUNT": "7"}, "7")])
def test_the_child_gives_the_processor_back_and_knows_no_secret(set_by_owner, spins):
    given = {"PATH": "/bin", "TELEGRAM_BOT_TOKEN": "1:a", "LLAMA_API_KEY": "k", **set_by_owner}

    assert _child_environment(given) == {"PATH": "/bin", "GOMP_SPINCOUNT": spins}
