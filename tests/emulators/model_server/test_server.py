import asyncio
import base64
import json
import struct
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import openai
import pytest

from ambrosio.emulators.model_server.payloads import ServerKind
from ambrosio.emulators.model_server.server import (
    BrokenSse,
    Dies,
    EndsUnfinished,
    ErrorObject,
    ErrorStatus,
    FakeModelServer,
    HangsUp,
    Holds,
    Overflow,
    Repeats,
    Says,
    SaysNothing,
    ScriptItem,
    StallsAfter,
    StallsBefore,
)

QUESTION = [{"role": "user", "content": "Which rice with falafel?"}]


@asynccontextmanager
async def open_client(
    server: FakeModelServer, key: str = "unused"
) -> AsyncIterator[openai.AsyncOpenAI]:
    async with (
        server.serving() as base_url,
        openai.AsyncOpenAI(
            base_url=base_url,
            api_key=key,
            max_retries=0,
            http_client=httpx.AsyncClient(verify=False),  # type: ignore[arg-type] # the SDK's escape hatch
        ) as client,
    ):
        yield client


async def create_completion(client: openai.AsyncOpenAI, **more: Any) -> Any:
    wanted = {"model": "stand-in", "messages": QUESTION, "stream": True, **more}
    return await client.chat.completions.create(**wanted)


async def collect_chunks(client: openai.AsyncOpenAI, **more: Any) -> list[Any]:
    async with await create_completion(client, **more) as stream:
        return [chunk async for chunk in stream]


def text_of(chunks: list[Any]) -> str:
    return "".join(c.delta.content or "" for chunk in chunks for c in chunk.choices or ())


def finish_reason_of(chunks: list[Any]) -> str | None:
    reasons = [c.finish_reason for chunk in chunks for c in chunk.choices or ()]
    return next((reason for reason in reasons if reason), None)


def pixels(file: bytes) -> tuple[int, int, bytes]:
    assert file.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", file[16:24])
    length = struct.unpack(">I", file[33:37])[0]
    return width, height, zlib.decompress(file[41 : 41 + length])


async def test_scripted_answers_come_first_and_then_default_ones() -> None:
    server = FakeModelServer()
    server.script(Says("Basmati,  of\ncourse. "), Says("Jasmine."))

    async with open_client(server) as client:
        answers = [text_of(await collect_chunks(client)) for _ in range(3)]

    assert answers[:2] == ["Basmati,  of\ncourse. ", "Jasmine."]
    assert "Canned demo answer" in answers[2]


async def test_a_stream_has_llama_cpps_format() -> None:
    server = FakeModelServer()
    server.script(Says("One two.", cached=3))

    async with open_client(server) as client:
        chunks = await collect_chunks(
            client,
            stream_options={"include_usage": True},
            extra_body={"return_progress": True},
        )

    first, *progress, one, two, closing, counted = chunks
    assert (first.choices[0].delta.role, first.choices[0].delta.content) == ("assistant", None)
    assert progress[-1].prompt_progress == {"total": 4, "cache": 0, "time_ms": 1, "processed": 4}
    assert [one.choices[0].delta.content, two.choices[0].delta.content] == ["One", " two."]
    assert closing.choices[0].finish_reason == "stop"
    assert counted.choices == []
    assert (counted.usage.prompt_tokens, counted.usage.completion_tokens) == (4, 2)
    assert counted.usage.prompt_tokens_details.cached_tokens == 3
    assert counted.timings["predicted_n"] == 2


async def test_llama_sends_usage_only_on_request() -> None:
    async with open_client(FakeModelServer()) as client:
        chunks = await collect_chunks(client)

    assert all(chunk.usage is None for chunk in chunks)
    assert chunks[-1].timings["prompt_n"] == 4


async def test_a_stream_has_togethers_format() -> None:
    server = FakeModelServer(server_kind="together")
    server.script(
        Says("Yes.", finish="eos", cached=2),
        Says("No.", reasoning="Let me see.", usage=False),
    )

    async with open_client(server) as client:
        plain = await collect_chunks(client)
        thinking = await collect_chunks(client)

    assert finish_reason_of(plain) == "eos"
    assert plain[-1].usage.completion_tokens == 1
    assert plain[-1].usage.cached_tokens == 2
    assert thinking[1].choices[0].delta.reasoning == "Let"
    assert thinking[-1].usage is None


@pytest.mark.parametrize(
    ("item", "words", "thoughts"),
    [
        (Says("No.", reasoning="Hm, no."), "No.", "Hm, no."),
        (Says("No.", reasoning="Hm.", think_tags=True), "<think>Hm.</think>No.", ""),
    ],
)
async def test_reasoning_comes_separately_or_in_tags(
    item: ScriptItem, words: str, thoughts: str
) -> None:
    server = FakeModelServer()
    server.script(item)

    async with open_client(server) as client:
        chunks = await collect_chunks(client)

    deltas = [c.delta for chunk in chunks for c in chunk.choices]
    assert text_of(chunks) == words
    assert "".join(getattr(d, "reasoning_content", None) or "" for d in deltas) == thoughts


async def test_max_tokens_are_respected_and_reasoning_counts() -> None:
    server = FakeModelServer()
    server.script(Says("one two three four"), Says("Never said.", reasoning="a b c d"))

    async with open_client(server) as client:
        cut = await collect_chunks(client, max_tokens=2)
        empty = await collect_chunks(client, max_tokens=3)

    assert (text_of(cut), finish_reason_of(cut)) == ("one two", "length")
    assert (text_of(empty), finish_reason_of(empty)) == ("", "length")


async def test_a_looping_model_respects_max_tokens() -> None:
    server = FakeModelServer()
    server.script(Repeats(" rice", 10**9))

    async with open_client(server) as client:
        chunks = await collect_chunks(client, max_tokens=3)

    assert (text_of(chunks), finish_reason_of(chunks)) == (" rice" * 3, "length")


@pytest.mark.parametrize("server_kind", ["llama", "together"])
async def test_an_answer_without_streaming_is_the_same(server_kind: ServerKind) -> None:
    server = FakeModelServer(server_kind=server_kind)
    server.script(Says("Basmati.", reasoning="Long grain."))

    async with open_client(server) as client:
        answer = await create_completion(client, stream=False)

    assert answer.choices[0].message.content == "Basmati."
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.total_tokens == 4 + 3
    key = "reasoning_content" if server_kind == "llama" else "reasoning"
    assert answer.choices[0].message.model_extra[key] == "Long grain."


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (400, openai.BadRequestError),
        (401, openai.AuthenticationError),
        (402, openai.APIStatusError),
        (404, openai.NotFoundError),
        (413, openai.APIStatusError),
        (422, openai.UnprocessableEntityError),
        (429, openai.RateLimitError),
        (500, openai.InternalServerError),
        (503, openai.InternalServerError),
        (529, openai.InternalServerError),
    ],
)
@pytest.mark.parametrize("server_kind", ["llama", "together"])
async def test_each_status_raises_its_error(
    server_kind: ServerKind, code: int, error: type[openai.APIStatusError]
) -> None:
    server = FakeModelServer(server_kind=server_kind)
    server.script(ErrorStatus(code, retry_after=30))

    async with open_client(server) as client:
        with pytest.raises(error) as caught:
            await create_completion(client)

    assert caught.value.status_code == code
    assert caught.value.response.headers["retry-after"] == "30"
    assert isinstance(caught.value.body, dict)
    assert set(caught.value.body) >= {"message", "type", "code"}
    assert (server.served[0].status, server.served[0].state) == (code, "finished")


async def test_an_error_carries_the_scripted_message() -> None:
    server = FakeModelServer()
    server.script(
        ErrorStatus(400, "odd_error", "Something odd."),
        ErrorStatus(502, body="<h1>Bad Gateway</h1>"),
    )

    async with open_client(server) as client:
        with pytest.raises(openai.BadRequestError) as odd:
            await create_completion(client)
        with pytest.raises(openai.InternalServerError) as gateway:
            await create_completion(client)

    assert odd.value.body == {"code": 400, "message": "Something odd.", "type": "odd_error"}
    assert gateway.value.body == "<h1>Bad Gateway</h1>"


async def test_an_overflow_reports_the_token_counts() -> None:
    server = FakeModelServer()
    server.script(Overflow(611, 512))

    async with open_client(server) as client:
        with pytest.raises(openai.BadRequestError) as caught:
            await create_completion(client)

    assert caught.value.type == "exceed_context_size_error"
    assert isinstance(caught.value.body, dict)
    assert (caught.value.body["n_prompt_tokens"], caught.value.body["n_ctx"]) == (611, 512)


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("item", [HangsUp(), Dies(), Dies(after="Half an ans")])
async def test_a_cut_connection_is_a_connection_error(item: ScriptItem, stream: bool) -> None:
    server = FakeModelServer()
    server.script(item)

    async with open_client(server) as client:
        with pytest.raises(openai.APIConnectionError):
            await collect_chunks(client, stream=stream)
        again = await collect_chunks(client)

    assert server.served[0].state == "finished"
    assert text_of(again)


async def test_text_before_a_cut_connection_arrives() -> None:
    server = FakeModelServer()
    server.script(Dies(after="Half an ans"))

    async with open_client(server) as client, await create_completion(client) as stream:
        heard = [await anext(stream) for _ in range(4)]
        with pytest.raises(openai.APIConnectionError):
            await anext(stream)

    assert text_of(heard) == "Half an ans"


async def test_a_stream_may_end_without_a_finish_reason() -> None:
    server = FakeModelServer()
    server.script(EndsUnfinished("To be continued"))

    async with open_client(server) as client:
        chunks = await collect_chunks(client)

    assert text_of(chunks) == "To be continued"
    assert finish_reason_of(chunks) is None


@pytest.mark.parametrize("server_kind", ["llama", "together"])
async def test_a_stream_may_carry_invalid_json_or_an_error(server_kind: ServerKind) -> None:
    server = FakeModelServer(server_kind=server_kind)
    server.script(BrokenSse(after="Half"), ErrorObject("Half", "Out of memory."))

    async with open_client(server) as client:
        with pytest.raises(json.JSONDecodeError):
            await collect_chunks(client)
        with pytest.raises(openai.APIError, match=r"Out of memory\.") as caught:
            await collect_chunks(client)

    assert not isinstance(caught.value, openai.APIStatusError)


async def test_an_answer_may_be_empty_or_loop() -> None:
    server = FakeModelServer()
    server.script(SaysNothing(), Repeats(" rice", 500))

    async with open_client(server) as client:
        empty = await collect_chunks(client)
        looping = await collect_chunks(client)

    assert (text_of(empty), finish_reason_of(empty)) == ("", "stop")
    assert text_of(looping) == " rice" * 500


@pytest.mark.parametrize(
    "item", [StallsBefore(), StallsAfter("One two"), Repeats(" rice", 10**9), Says("a " * 10**5)]
)
@pytest.mark.parametrize("server_kind", ["llama", "together"])
async def test_a_disconnect_is_noticed(server_kind: ServerKind, item: ScriptItem) -> None:
    server = FakeModelServer(server_kind=server_kind)
    server.script(item)

    async with open_client(server) as client:
        async with await create_completion(client):
            await server.wait_for(lambda: isinstance(item, StallsBefore) or server.served[0].words)
        await server.wait_for(lambda: server.served[0].state == "cancelled")

    assert len(server.served[0].words) < 10**5


async def test_llama_does_not_notice_a_disconnect_without_a_stream() -> None:
    server = FakeModelServer()
    enough = asyncio.Event()
    server.script(Holds("One.", enough))

    async with server.serving() as url, httpx.AsyncClient(verify=False) as client:
        request = {"model": "stand-in", "messages": QUESTION}
        leaving = asyncio.create_task(client.post(f"{url}/chat/completions", json=request))
        await server.wait_for(lambda: server.served[0].words)
        leaving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leaving
        enough.set()
        await server.wait_for(lambda: server.served[0].state == "finished")


async def test_an_answer_can_be_held() -> None:
    server = FakeModelServer()
    enough = asyncio.Event()
    server.script(Holds("One two", enough))

    async with open_client(server) as client, await create_completion(client) as stream:
        await server.wait_for(lambda: server.served[0].words == "One two")
        running = server.served[0].state
        enough.set()
        chunks = [chunk async for chunk in stream]

    assert running == "running"
    assert (text_of(chunks), finish_reason_of(chunks)) == ("One two", "stop")
    assert server.served[0].state == "finished"


@pytest.mark.parametrize("stream", [True, False])
async def test_the_server_closes_at_once_with_answers_open(
    stream: bool, caplog: pytest.LogCaptureFixture
) -> None:
    server = FakeModelServer()
    server.script(StallsAfter("One"))

    async with httpx.AsyncClient(verify=False) as client:
        async with server.serving() as url:
            request = {"model": "stand-in", "messages": QUESTION, "stream": stream}
            asking = asyncio.create_task(client.post(f"{url}/chat/completions", json=request))
            await server.wait_for(lambda: server.served[0].words)
        with pytest.raises(httpx.HTTPError):
            await asking
        with pytest.raises(httpx.ConnectError):
            await client.get(f"{url}/models")

    assert server.served[0].state == "cancelled"
    assert not caplog.records


async def test_the_server_can_restart_on_its_port() -> None:
    server = FakeModelServer()

    async with httpx.AsyncClient(verify=False) as client:
        async with server.serving() as url:
            await client.get(f"{url}/models")
        async with server.serving(httpx.URL(url).port or 0) as again:
            answer = await client.get(f"{again}/models")

    assert again == url
    assert answer.status_code == 200


async def test_one_slot_answers_one_request_at_a_time() -> None:
    server = FakeModelServer(slots=1)
    enough = asyncio.Event()
    server.script(Holds("First.", enough), Says("Second."))

    async with open_client(server) as client:
        first = asyncio.create_task(collect_chunks(client))
        await server.wait_for(lambda: server.served[0].words)
        second = asyncio.create_task(collect_chunks(client))
        await server.wait_for(lambda: server.served[1].state == "waiting")
        said_meanwhile = server.served[1].words
        enough.set()
        answers = [text_of(await first), text_of(await second)]

    assert said_meanwhile == ""
    assert answers == ["First.", "Second."]


async def test_a_slot_is_freed_when_its_client_disconnects() -> None:
    server = FakeModelServer(slots=1)
    server.script(StallsBefore(), Says("Second."))

    async with open_client(server) as client:
        async with await create_completion(client):
            pass
        second = await collect_chunks(client)

    assert text_of(second) == "Second."


async def test_requests_are_recorded() -> None:
    server = FakeModelServer()
    parts = [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}},
    ]
    messages = [{"role": "system", "content": "Be short."}, {"role": "user", "content": parts}]

    async with open_client(server, "s3cret") as client:
        await collect_chunks(
            client, messages=messages, max_tokens=9, temperature=0, extra_body={"top_k": 1}
        )

    request = server.requests[0]
    assert request.messages == (("system", "Be short."), ("user", "What is this?"))
    assert (request.model, request.max_tokens, request.temperature) == ("stand-in", 9, 0)
    assert (request.stream, request.extras, request.image_count) == (True, {"top_k": 1}, 1)
    assert request.headers["authorization"] == "Bearer s3cret"
    assert request.question == "What is this?"


async def test_an_answer_may_depend_on_the_request() -> None:
    server = FakeModelServer()
    server.answer = lambda request: Says(request.question.upper())

    async with open_client(server) as client:
        chunks = await collect_chunks(client)

    assert text_of(chunks) == "WHICH RICE WITH FALAFEL?"


async def test_a_wait_that_times_out_shows_the_requests() -> None:
    server = FakeModelServer()
    server.script(Says("Basmati."))

    async with open_client(server) as client:
        await collect_chunks(client)
        with pytest.raises(AssertionError, match=r"Basmati\."):
            await server.wait_for(lambda: server.served[7].words, deadline=0)


@pytest.mark.parametrize(
    ("rules", "roles", "refused"),
    [
        ({"alternate": True}, "sua", True),
        ({"alternate": True}, "suau", False),
        ({"alternate": True}, "uu", True),
        ({"alternate": True}, "au", True),
        ({"alternate": False}, "uu", False),
        ({"system_role": False}, "su", True),
        ({"system_role": False}, "u", False),
        ({"refuses": {"temperature"}}, "u", True),
        ({"refuses": {"top_p"}}, "u", False),
        ({"window": 1}, "uu", True),
        ({"window": 2}, "uu", False),
    ],
)
@pytest.mark.parametrize("server_kind", ["llama", "together"])
async def test_a_strict_server_refuses(
    server_kind: ServerKind, rules: dict[str, Any], roles: str, refused: bool
) -> None:
    names = {"s": "system", "u": "user", "a": "assistant"}
    server = FakeModelServer(server_kind=server_kind, **rules)
    server.script(Says("Fine."))
    messages = [{"role": names[role], "content": "word"} for role in roles]

    async with open_client(server) as client:
        if refused:
            with pytest.raises(openai.BadRequestError):
                await create_completion(client, messages=messages, temperature=0)
        else:
            chunks = await collect_chunks(client, messages=messages, temperature=0)
            assert text_of(chunks) == "Fine."


async def test_a_refused_parameter_is_named() -> None:
    server = FakeModelServer(server_kind="together", refuses={"temperature"})

    async with open_client(server) as client:
        with pytest.raises(openai.BadRequestError, match="temperature") as caught:
            await create_completion(client, temperature=0.5)

    assert (caught.value.type, caught.value.param) == ("invalid_request_error", "temperature")


async def test_llama_without_vision_returns_500_for_an_image() -> None:
    server = FakeModelServer(vision=False)
    parts = [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}]

    async with open_client(server) as client:
        with pytest.raises(openai.InternalServerError, match="not supported"):
            await create_completion(client, messages=[{"role": "user", "content": parts}])


async def test_the_api_key_is_required_except_for_health() -> None:
    server = FakeModelServer(api_key="right")

    async with open_client(server, "wrong") as client:
        with pytest.raises(openai.AuthenticationError):
            await create_completion(client)
        with pytest.raises(openai.AuthenticationError):
            await client.models.list()
        health = await client.get("/../health", cast_to=httpx.Response)

    assert health.status_code == 200
    async with open_client(server, "right") as client:
        assert text_of(await collect_chunks(client))


async def test_a_loading_llama_returns_503() -> None:
    server = FakeModelServer(loading=True)

    async with server.serving() as url, httpx.AsyncClient(verify=False) as client:
        answers = [await client.get(httpx.URL(url).join(p)) for p in ("/health", "/v1/models")]
        server.loading = False
        loaded = await client.get(httpx.URL(url).join("/health"))

    error = {"message": "Loading model", "type": "unavailable_error", "code": 503}
    assert [(a.status_code, a.json()) for a in answers] == [(503, {"error": error})] * 2
    assert loaded.json() == {"status": "ok"}


async def test_llama_describes_itself() -> None:
    server = FakeModelServer("tiny", window=512, slots=1, vision=False)

    async with open_client(server) as client:
        models = await client.models.list()
        props = (await client.get("/../props", cast_to=httpx.Response)).json()

    assert [model.id for model in models.data] == ["tiny"]
    assert (models.data[0].model_extra or {})["meta"]["n_ctx"] == 512
    assert props["default_generation_settings"]["n_ctx"] == 512
    assert (props["total_slots"], props["modalities"]["vision"]) == (1, False)
    assert props["is_sleeping"] is False


async def test_together_lists_its_models_in_a_bare_array() -> None:
    server = FakeModelServer(server_kind="together")

    async with server.serving() as url, httpx.AsyncClient(verify=False) as client:
        models = (await client.get(f"{url}/models?serverless")).json()

    assert [(model["id"], model["type"]) for model in models] == [
        ("stand-in", "chat"),
        ("stand-in-images", "image"),
        ("openai/whisper-large-v3", "transcribe"),
        ("hexgrad/Kokoro-82M", "audio"),
    ]
    assert models[0]["context_length"] == 8192
    assert models[0]["pricing"]["output"] == 0.6


async def test_a_model_can_be_retired_at_together() -> None:
    server = FakeModelServer(server_kind="together")
    del server.models["stand-in"]

    async with open_client(server) as client:
        with pytest.raises(openai.NotFoundError, match="stand-in"):
            await create_completion(client)


@pytest.mark.parametrize(
    ("server_kind", "path", "message"),
    [
        ("llama", "/v1/images/generations", "File Not Found"),
        ("llama", "/nowhere", "File Not Found"),
        ("together", "/props", "There is nothing at this address."),
    ],
)
async def test_unknown_paths_return_404(server_kind: ServerKind, path: str, message: str) -> None:
    server = FakeModelServer(server_kind=server_kind)

    async with server.serving() as url, httpx.AsyncClient(verify=False) as client:
        answer = await client.post(httpx.URL(url).join(path), json={})

    assert (answer.status_code, answer.json()["error"]["message"]) == (404, message)


async def test_a_body_that_is_not_json_is_refused() -> None:
    async with FakeModelServer().serving() as url, httpx.AsyncClient(verify=False) as client:
        answer = await client.post(f"{url}/chat/completions", content=b"{")

    assert answer.status_code == 400


async def generate_images(client: openai.AsyncOpenAI, **more: Any) -> Any:
    wanted = {"response_format": "base64", **more}
    return await client.images.generate(
        model="stand-in-images", prompt="a bowl of rice", n=2, extra_body=wanted
    )


async def test_images_have_the_requested_size_and_depend_on_the_seed() -> None:
    server = FakeModelServer(server_kind="together")

    async with open_client(server) as client:
        one = await generate_images(client, width=200, height=120, seed=1, steps=4)
        same = await generate_images(client, width=200, height=120, seed=1)
        other = await generate_images(client, width=200, height=120, seed=9)

    files = [base64.b64decode(result.b64_json) for result in one.data]
    width, height, lines = pixels(files[0])
    assert (width, height, len(lines)) == (200, 120, 120 * (1 + 3 * 200))
    assert len(set(files)) == 2
    assert one.data[0].b64_json == same.data[0].b64_json != other.data[0].b64_json
    assert (server.image_requests[0].steps, server.image_requests[0].n) == (4, 2)


async def test_downloading_an_image_needs_a_user_agent() -> None:
    async with (
        open_client(FakeModelServer(server_kind="together")) as client,
        httpx.AsyncClient(verify=False) as web,
    ):
        result = await generate_images(client, response_format="url")
        blank = await web.get(result.data[1].url, headers={"user-agent": ""})
        named = await web.get(result.data[1].url)

    assert blank.status_code == 403
    assert named.headers["content-type"] == "image/png"
    assert pixels(named.content)[:2] == (1024, 1024)


@pytest.mark.parametrize(
    "wrong", [{"n": 5}, {"width": 9000}, {"response_format": "b64_json"}, {"prompt": ""}]
)
async def test_an_invalid_image_request_is_refused(wrong: dict[str, Any]) -> None:
    async with open_client(FakeModelServer(server_kind="together")) as client:
        with pytest.raises(openai.BadRequestError):
            await generate_images(client, **wrong)


async def test_a_refused_image_parameter_is_named() -> None:
    server = FakeModelServer(server_kind="together", refuses={"steps"})

    async with open_client(server) as client:
        with pytest.raises(openai.BadRequestError, match="Parameter 'steps' is not supported"):
            await generate_images(client, steps=4)
        result = await generate_images(client)

    assert len(result.data) == 2


async def test_image_requests_can_fail_by_script() -> None:
    server = FakeModelServer(server_kind="together")
    server.image_script(ErrorStatus(429), Dies(), HangsUp(), SaysNothing())

    async with open_client(server) as client:
        with pytest.raises(openai.RateLimitError):
            await generate_images(client)
        with pytest.raises(openai.APIConnectionError):
            await generate_images(client)
        with pytest.raises(openai.APIConnectionError):
            await generate_images(client)
        empty = await generate_images(client)
        result = await generate_images(client)

    assert (empty.data, len(result.data)) == ([], 2)


async def test_drawing_stops_when_the_client_disconnects() -> None:
    server = FakeModelServer(server_kind="together")
    server.image_script(StallsBefore())

    async with open_client(server) as client:
        drawing = asyncio.create_task(generate_images(client))
        await server.wait_for(lambda: server.image_served)
        drawing.cancel()
        await server.wait_for(lambda: server.image_served[0].state == "cancelled")


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("vv jasmin or basmati rice with falafel?", "Basmati."),
        ("Vv: a cat or a dog?", "Dog."),
        ("vv capital of France", "(stand-in) No model here to answer: capital of France"),
        ("vv", "(stand-in) Yes?"),
    ],
)
async def test_vv_is_answered_in_one_line(question: str, answer: str) -> None:
    async with open_client(FakeModelServer()) as client:
        chunks = await collect_chunks(client, messages=[{"role": "user", "content": question}])

    assert text_of(chunks) == answer


@pytest.mark.parametrize(
    ("question", "held"),
    [
        ("Show me a table", "|---|---|---|\n| Basmati"),
        ("Show me your formatting", "\\frac"),
        ("Write some code", "```python"),
        ("Tell me a long story", "**Sunday**"),
        ("Which rice?", "“Which rice?”"),
        ("jasmin or basmati rice with falafel?", "Rinse 150 g of basmati"),
        ("vvery long", "**Monday**"),
    ],
)
async def test_default_answers_show_formatting_and_say_they_are_canned(
    question: str, held: str
) -> None:
    async with open_client(FakeModelServer()) as client:
        chunks = await collect_chunks(client, messages=[{"role": "user", "content": question}])

    assert held in text_of(chunks)
    assert "Canned demo answer" in text_of(chunks)


async def test_default_answers_say_only_once_that_they_are_canned() -> None:
    async with open_client(FakeModelServer()) as client:
        messages = [{"role": "user", "content": "Show me a table"}]
        first = text_of(await collect_chunks(client, messages=messages))
        messages += [{"role": "assistant", "content": first}, *messages]
        second = text_of(await collect_chunks(client, messages=messages))

    assert "Canned demo answer" in first
    assert second == first.partition("\n\n_(Canned")[0]
