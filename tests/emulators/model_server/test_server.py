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
async def a_client(
    server: FakeModelServer, key: str = "unused"
) -> AsyncIterator[openai.AsyncOpenAI]:
    async with (
        server.serving() as base_url,
        openai.AsyncOpenAI(
            base_url=base_url,
            api_key=key,
            max_retries=0,
            http_client=httpx.AsyncClient(),  # type: ignore[arg-type] # the SDK's escape hatch
        ) as client,
    ):
        yield client


async def a_stream(client: openai.AsyncOpenAI, **more: Any) -> Any:
    wanted = {"model": "stand-in", "messages": QUESTION, "stream": True, **more}
    return await client.chat.completions.create(**wanted)


async def the_chunks(client: openai.AsyncOpenAI, **more: Any) -> list[Any]:
    async with await a_stream(client, **more) as stream:
        return [chunk async for chunk in stream]


def the_words(chunks: list[Any]) -> str:
    return "".join(c.delta.content or "" for chunk in chunks for c in chunk.choices or ())


def the_reason(chunks: list[Any]) -> str | None:
    reasons = [c.finish_reason for chunk in chunks for c in chunk.choices or ()]
    return next((reason for reason in reasons if reason), None)


def pixels(file: bytes) -> tuple[int, int, bytes]:
    assert file.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", file[16:24])
    length = struct.unpack(">I", file[33:37])[0]
    return width, height, zlib.decompress(file[41 : 41 + length])


async def test_the_script_is_answered_in_order_and_then_the_default_manner() -> None:
    server = FakeModelServer()
    server.script(Says("Basmati,  of\ncourse. "), Says("Jasmine."))

    async with a_client(server) as client:
        answers = [the_words(await the_chunks(client)) for _ in range(3)]

    assert answers[:2] == ["Basmati,  of\ncourse. ", "Jasmine."]
    assert "stand-in" in answers[2]


async def test_a_llama_stream_has_its_shape() -> None:
    server = FakeModelServer()
    server.script(Says("One two.", cached=3))

    async with a_client(server) as client:
        chunks = await the_chunks(
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


async def test_llama_gives_no_usage_that_was_not_asked_for() -> None:
    async with a_client(FakeModelServer()) as client:
        chunks = await the_chunks(client)

    assert all(chunk.usage is None for chunk in chunks)
    assert chunks[-1].timings["prompt_n"] == 4


async def test_a_together_stream_has_its_shape() -> None:
    server = FakeModelServer(server_kind="together")
    server.script(
        Says("Yes.", finish="eos", cached=2),
        Says("No.", reasoning="Let me see.", usage=False),
    )

    async with a_client(server) as client:
        plain = await the_chunks(client)
        thinking = await the_chunks(client)

    assert the_reason(plain) == "eos"
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
async def test_thoughts_come_apart_or_in_tags(item: ScriptItem, words: str, thoughts: str) -> None:
    server = FakeModelServer()
    server.script(item)

    async with a_client(server) as client:
        chunks = await the_chunks(client)

    deltas = [c.delta for chunk in chunks for c in chunk.choices]
    assert the_words(chunks) == words
    assert "".join(getattr(d, "reasoning_content", None) or "" for d in deltas) == thoughts


async def test_max_tokens_are_kept_and_thoughts_use_them_up() -> None:
    server = FakeModelServer()
    server.script(Says("one two three four"), Says("Never said.", reasoning="a b c d"))

    async with a_client(server) as client:
        cut = await the_chunks(client, max_tokens=2)
        empty = await the_chunks(client, max_tokens=3)

    assert (the_words(cut), the_reason(cut)) == ("one two", "length")
    assert (the_words(empty), the_reason(empty)) == ("", "length")


async def test_even_a_model_that_has_lost_its_way_keeps_max_tokens() -> None:
    server = FakeModelServer()
    server.script(Repeats(" rice", 10**9))

    async with a_client(server) as client:
        chunks = await the_chunks(client, max_tokens=3)

    assert (the_words(chunks), the_reason(chunks)) == (" rice" * 3, "length")


@pytest.mark.parametrize("server_kind", ["llama", "together"])
async def test_an_answer_in_one_piece_is_the_same(server_kind: ServerKind) -> None:
    server = FakeModelServer(server_kind=server_kind)
    server.script(Says("Basmati.", reasoning="Long grain."))

    async with a_client(server) as client:
        answer = await a_stream(client, stream=False)

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
async def test_a_status_is_the_error_it_stands_for(
    server_kind: ServerKind, code: int, error: type[openai.APIStatusError]
) -> None:
    server = FakeModelServer(server_kind=server_kind)
    server.script(ErrorStatus(code, retry_after=30))

    async with a_client(server) as client:
        with pytest.raises(error) as caught:
            await a_stream(client)

    assert caught.value.status_code == code
    assert caught.value.response.headers["retry-after"] == "30"
    assert isinstance(caught.value.body, dict)
    assert set(caught.value.body) >= {"message", "type", "code"}
    assert (server.served[0].status, server.served[0].state) == (code, "finished")


async def test_a_status_says_what_it_was_given() -> None:
    server = FakeModelServer()
    server.script(
        ErrorStatus(400, "odd_error", "Something odd."),
        ErrorStatus(502, body="<h1>Bad Gateway</h1>"),
    )

    async with a_client(server) as client:
        with pytest.raises(openai.BadRequestError) as odd:
            await a_stream(client)
        with pytest.raises(openai.InternalServerError) as gateway:
            await a_stream(client)

    assert odd.value.body == {"code": 400, "message": "Something odd.", "type": "odd_error"}
    assert gateway.value.body == "<h1>Bad Gateway</h1>"


async def test_an_overflow_gives_the_numbers() -> None:
    server = FakeModelServer()
    server.script(Overflow(611, 512))

    async with a_client(server) as client:
        with pytest.raises(openai.BadRequestError) as caught:
            await a_stream(client)

    assert caught.value.type == "exceed_context_size_error"
    assert isinstance(caught.value.body, dict)
    assert (caught.value.body["n_prompt_tokens"], caught.value.body["n_ctx"]) == (611, 512)


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("item", [HangsUp(), Dies(), Dies(after="Half an ans")])
async def test_a_broken_connection_is_one(item: ScriptItem, stream: bool) -> None:
    server = FakeModelServer()
    server.script(item)

    async with a_client(server) as client:
        with pytest.raises(openai.APIConnectionError):
            await the_chunks(client, stream=stream)
        again = await the_chunks(client)

    assert server.served[0].state == "finished"
    assert the_words(again)


async def test_words_before_the_end_of_the_connection_arrive() -> None:
    server = FakeModelServer()
    server.script(Dies(after="Half an ans"))

    async with a_client(server) as client, await a_stream(client) as stream:
        heard = [await anext(stream) for _ in range(4)]
        with pytest.raises(openai.APIConnectionError):
            await anext(stream)

    assert the_words(heard) == "Half an ans"


async def test_a_stream_may_end_without_a_reason() -> None:
    server = FakeModelServer()
    server.script(EndsUnfinished("To be continued"))

    async with a_client(server) as client:
        chunks = await the_chunks(client)

    assert the_words(chunks) == "To be continued"
    assert the_reason(chunks) is None


@pytest.mark.parametrize("server_kind", ["llama", "together"])
async def test_a_stream_may_carry_rubbish_or_an_error(server_kind: ServerKind) -> None:
    server = FakeModelServer(server_kind=server_kind)
    server.script(BrokenSse(after="Half"), ErrorObject("Half", "Out of memory."))

    async with a_client(server) as client:
        with pytest.raises(json.JSONDecodeError):
            await the_chunks(client)
        with pytest.raises(openai.APIError, match=r"Out of memory\.") as caught:
            await the_chunks(client)

    assert not isinstance(caught.value, openai.APIStatusError)


async def test_an_answer_may_be_empty_or_never_end() -> None:
    server = FakeModelServer()
    server.script(SaysNothing(), Repeats(" rice", 500))

    async with a_client(server) as client:
        empty = await the_chunks(client)
        mad = await the_chunks(client)

    assert (the_words(empty), the_reason(empty)) == ("", "stop")
    assert the_words(mad) == " rice" * 500


@pytest.mark.parametrize(
    "item", [StallsBefore(), StallsAfter("One two"), Repeats(" rice", 10**9), Says("a " * 10**5)]
)
@pytest.mark.parametrize("server_kind", ["llama", "together"])
async def test_a_client_that_leaves_is_noticed(server_kind: ServerKind, item: ScriptItem) -> None:
    server = FakeModelServer(server_kind=server_kind)
    server.script(item)

    async with a_client(server) as client:
        async with await a_stream(client):
            await server.wait_for(lambda: isinstance(item, StallsBefore) or server.served[0].words)
        await server.wait_for(lambda: server.served[0].state == "cancelled", deadline=1)

    assert len(server.served[0].words) < 10**5


async def test_llama_does_not_notice_who_leaves_without_having_asked_for_a_stream() -> None:
    server = FakeModelServer()
    enough = asyncio.Event()
    server.script(Holds("One.", enough))

    async with server.serving() as url, httpx.AsyncClient() as client:
        asked = {"model": "stand-in", "messages": QUESTION}
        leaving = asyncio.create_task(client.post(f"{url}/chat/completions", json=asked))
        await server.wait_for(lambda: server.served[0].words)
        leaving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leaving
        enough.set()
        await server.wait_for(lambda: server.served[0].state == "finished")


async def test_an_answer_can_be_held_back() -> None:
    server = FakeModelServer()
    enough = asyncio.Event()
    server.script(Holds("One two", enough))

    async with a_client(server) as client, await a_stream(client) as stream:
        await server.wait_for(lambda: server.served[0].words == "One two")
        running = server.served[0].state
        enough.set()
        chunks = [chunk async for chunk in stream]

    assert running == "running"
    assert (the_words(chunks), the_reason(chunks)) == ("One two", "stop")
    assert server.served[0].state == "finished"


@pytest.mark.parametrize("stream", [True, False])
async def test_the_server_closes_at_once_with_answers_open(
    stream: bool, caplog: pytest.LogCaptureFixture
) -> None:
    server = FakeModelServer()
    server.script(StallsAfter("One"))

    async with httpx.AsyncClient() as client:
        async with server.serving() as url:
            asked = {"model": "stand-in", "messages": QUESTION, "stream": stream}
            asking = asyncio.create_task(client.post(f"{url}/chat/completions", json=asked))
            await server.wait_for(lambda: server.served[0].words)
        with pytest.raises(httpx.HTTPError):
            await asking
        with pytest.raises(httpx.ConnectError):
            await client.get(f"{url}/models")

    assert server.served[0].state == "cancelled"
    assert not caplog.records


async def test_the_server_comes_back_on_its_port() -> None:
    server = FakeModelServer()

    async with httpx.AsyncClient() as client:
        async with server.serving() as url:
            await client.get(f"{url}/models")
        async with server.serving(httpx.URL(url).port or 0) as again:
            answer = await client.get(f"{again}/models")

    assert again == url
    assert answer.status_code == 200


async def test_one_slot_answers_one_after_another() -> None:
    server = FakeModelServer(slots=1)
    enough = asyncio.Event()
    server.script(Holds("First.", enough), Says("Second."))

    async with a_client(server) as client:
        first = asyncio.create_task(the_chunks(client))
        await server.wait_for(lambda: server.served[0].words)
        second = asyncio.create_task(the_chunks(client))
        await server.wait_for(lambda: server.served[1].state == "waiting")
        said_meanwhile = server.served[1].words
        enough.set()
        answers = [the_words(await first), the_words(await second)]

    assert said_meanwhile == ""
    assert answers == ["First.", "Second."]


async def test_a_slot_is_free_again_when_its_client_leaves() -> None:
    server = FakeModelServer(slots=1)
    server.script(StallsBefore(), Says("Second."))

    async with a_client(server) as client:
        async with await a_stream(client):
            pass
        second = await the_chunks(client)

    assert the_words(second) == "Second."


async def test_what_was_asked_is_written_down() -> None:
    server = FakeModelServer()
    parts = [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}},
    ]
    messages = [{"role": "system", "content": "Be short."}, {"role": "user", "content": parts}]

    async with a_client(server, "s3cret") as client:
        await the_chunks(
            client, messages=messages, max_tokens=9, temperature=0, extra_body={"top_k": 1}
        )

    asked = server.requests[0]
    assert asked.messages == (("system", "Be short."), ("user", "What is this?"))
    assert (asked.model, asked.max_tokens, asked.temperature) == ("stand-in", 9, 0)
    assert (asked.stream, asked.extras, asked.pictures) == (True, {"top_k": 1}, 1)
    assert asked.headers["authorization"] == "Bearer s3cret"
    assert asked.question == "What is this?"


async def test_an_answer_may_depend_on_the_request() -> None:
    server = FakeModelServer()
    server.answer = lambda asked: Says(asked.question.upper())

    async with a_client(server) as client:
        chunks = await the_chunks(client)

    assert the_words(chunks) == "WHICH RICE WITH FALAFEL?"


async def test_waiting_in_vain_tells_what_was_seen() -> None:
    server = FakeModelServer()
    server.script(Says("Basmati."))

    async with a_client(server) as client:
        await the_chunks(client)
        with pytest.raises(AssertionError, match=r"Basmati\."):
            await server.wait_for(lambda: server.served[7].words, deadline=0)


@pytest.mark.parametrize(
    ("terms", "roles", "refused"),
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
    server_kind: ServerKind, terms: dict[str, Any], roles: str, refused: bool
) -> None:
    names = {"s": "system", "u": "user", "a": "assistant"}
    server = FakeModelServer(server_kind=server_kind, **terms)
    server.script(Says("Fine."))
    messages = [{"role": names[role], "content": "word"} for role in roles]

    async with a_client(server) as client:
        if refused:
            with pytest.raises(openai.BadRequestError):
                await a_stream(client, messages=messages, temperature=0)
        else:
            chunks = await the_chunks(client, messages=messages, temperature=0)
            assert the_words(chunks) == "Fine."


async def test_a_refused_parameter_is_named() -> None:
    server = FakeModelServer(server_kind="together", refuses={"temperature"})

    async with a_client(server) as client:
        with pytest.raises(openai.BadRequestError, match="temperature") as caught:
            await a_stream(client, temperature=0.5)

    assert (caught.value.type, caught.value.param) == ("invalid_request_error", "temperature")


async def test_llama_without_eyes_gives_500_for_a_picture() -> None:
    server = FakeModelServer(vision=False)
    parts = [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}]

    async with a_client(server) as client:
        with pytest.raises(openai.InternalServerError, match="not supported"):
            await a_stream(client, messages=[{"role": "user", "content": parts}])


async def test_a_key_is_wanted_everywhere_but_for_health() -> None:
    server = FakeModelServer(api_key="right")

    async with a_client(server, "wrong") as client:
        with pytest.raises(openai.AuthenticationError):
            await a_stream(client)
        with pytest.raises(openai.AuthenticationError):
            await client.models.list()
        health = await client.get("/../health", cast_to=httpx.Response)

    assert health.status_code == 200
    async with a_client(server, "right") as client:
        assert the_words(await the_chunks(client))


async def test_a_loading_llama_says_so() -> None:
    server = FakeModelServer(loading=True)

    async with server.serving() as url, httpx.AsyncClient() as client:
        answers = [await client.get(httpx.URL(url).join(p)) for p in ("/health", "/v1/models")]
        server.loading = False
        loaded = await client.get(httpx.URL(url).join("/health"))

    error = {"message": "Loading model", "type": "unavailable_error", "code": 503}
    assert [(a.status_code, a.json()) for a in answers] == [(503, {"error": error})] * 2
    assert loaded.json() == {"status": "ok"}


async def test_llama_describes_itself() -> None:
    server = FakeModelServer("tiny", window=512, slots=1, vision=False)

    async with a_client(server) as client:
        models = await client.models.list()
        props = (await client.get("/../props", cast_to=httpx.Response)).json()

    assert [model.id for model in models.data] == ["tiny"]
    assert (models.data[0].model_extra or {})["meta"]["n_ctx"] == 512
    assert props["default_generation_settings"]["n_ctx"] == 512
    assert (props["total_slots"], props["modalities"]["vision"]) == (1, False)
    assert props["is_sleeping"] is False


async def test_together_lists_its_models_in_a_bare_array() -> None:
    server = FakeModelServer(server_kind="together")

    async with server.serving() as url, httpx.AsyncClient() as client:
        models = (await client.get(f"{url}/models?serverless")).json()

    assert [(model["id"], model["type"]) for model in models] == [
        ("stand-in", "chat"),
        ("stand-in-painter", "image"),
    ]
    assert models[0]["context_length"] == 8192
    assert models[0]["pricing"]["output"] == 0.6


async def test_a_model_can_be_retired_at_together() -> None:
    server = FakeModelServer(server_kind="together")
    del server.models["stand-in"]

    async with a_client(server) as client:
        with pytest.raises(openai.NotFoundError, match="stand-in"):
            await a_stream(client)


@pytest.mark.parametrize(
    ("server_kind", "path", "message"),
    [
        ("llama", "/v1/images/generations", "File Not Found"),
        ("llama", "/nowhere", "File Not Found"),
        ("together", "/props", "There is nothing at this address."),
    ],
)
async def test_there_is_nothing_elsewhere(server_kind: ServerKind, path: str, message: str) -> None:
    server = FakeModelServer(server_kind=server_kind)

    async with server.serving() as url, httpx.AsyncClient() as client:
        answer = await client.post(httpx.URL(url).join(path), json={})

    assert (answer.status_code, answer.json()["error"]["message"]) == (404, message)


async def test_a_body_that_is_no_json_is_refused() -> None:
    async with FakeModelServer().serving() as url, httpx.AsyncClient() as client:
        answer = await client.post(f"{url}/chat/completions", content=b"{")

    assert answer.status_code == 400


async def a_picture(client: openai.AsyncOpenAI, **more: Any) -> Any:
    wanted = {"response_format": "base64", **more}
    return await client.images.generate(
        model="stand-in-painter", prompt="a bowl of rice", n=2, extra_body=wanted
    )


async def test_pictures_have_the_size_asked_for_and_depend_on_the_seed() -> None:
    server = FakeModelServer(server_kind="together")

    async with a_client(server) as client:
        one = await a_picture(client, width=200, height=120, seed=1, steps=4)
        same = await a_picture(client, width=200, height=120, seed=1)
        other = await a_picture(client, width=200, height=120, seed=9)

    files = [base64.b64decode(drawn.b64_json) for drawn in one.data]
    width, height, lines = pixels(files[0])
    assert (width, height, len(lines)) == (200, 120, 120 * (1 + 3 * 200))
    assert len(set(files)) == 2
    assert one.data[0].b64_json == same.data[0].b64_json != other.data[0].b64_json
    assert (server.image_requests[0].steps, server.image_requests[0].n) == (4, 2)


async def test_a_picture_can_be_fetched_by_those_who_say_who_they_are() -> None:
    async with (
        a_client(FakeModelServer(server_kind="together")) as client,
        httpx.AsyncClient() as web,
    ):
        drawn = await a_picture(client, response_format="url")
        blank = await web.get(drawn.data[1].url, headers={"user-agent": ""})
        named = await web.get(drawn.data[1].url)

    assert blank.status_code == 403
    assert named.headers["content-type"] == "image/png"
    assert pixels(named.content)[:2] == (1024, 1024)


@pytest.mark.parametrize(
    "wrong", [{"n": 5}, {"width": 9000}, {"response_format": "b64_json"}, {"prompt": ""}]
)
async def test_a_picture_that_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    async with a_client(FakeModelServer(server_kind="together")) as client:
        with pytest.raises(openai.BadRequestError):
            await a_picture(client, **wrong)


async def test_a_refused_parameter_of_a_picture_is_named() -> None:
    server = FakeModelServer(server_kind="together", refuses={"steps"})

    async with a_client(server) as client:
        with pytest.raises(openai.BadRequestError, match="Parameter 'steps' is not supported"):
            await a_picture(client, steps=4)
        drawn = await a_picture(client)

    assert len(drawn.data) == 2


async def test_a_picture_can_fail_by_script() -> None:
    server = FakeModelServer(server_kind="together")
    server.image_script(ErrorStatus(429), Dies(), HangsUp(), SaysNothing())

    async with a_client(server) as client:
        with pytest.raises(openai.RateLimitError):
            await a_picture(client)
        with pytest.raises(openai.APIConnectionError):
            await a_picture(client)
        with pytest.raises(openai.APIConnectionError):
            await a_picture(client)
        empty = await a_picture(client)
        drawn = await a_picture(client)

    assert (empty.data, len(drawn.data)) == ([], 2)


async def test_a_picture_is_given_up_when_its_client_leaves() -> None:
    server = FakeModelServer(server_kind="together")
    server.image_script(StallsBefore())

    async with a_client(server) as client:
        drawing = asyncio.create_task(a_picture(client))
        await server.wait_for(lambda: server.image_served)
        drawing.cancel()
        await server.wait_for(lambda: server.image_served[0].state == "cancelled")


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("vv jasmin or basmati rice with falafel?", "Basmati."),
        ("Vv: a cat or a dog?", "Dog."),
        ("vv capital of France", "(stand-in) No model here knows: capital of France"),
        ("vv", "(stand-in) Yes?"),
    ],
)
async def test_vv_is_answered_in_one_line(question: str, answer: str) -> None:
    async with a_client(FakeModelServer()) as client:
        chunks = await the_chunks(client, messages=[{"role": "user", "content": question}])

    assert the_words(chunks) == answer


@pytest.mark.parametrize(
    ("question", "held"),
    [
        ("Show me a table", "|---|"),
        ("Show me a table", "\\frac"),
        ("Write some code", "```python"),
        ("Tell me a long story", "**Sunday**"),
        ("Which rice?", "“Which rice?”"),
        ("Which rice?", "`LLAMA_GGUF`"),
        ("vvery long", "**Monday**"),
    ],
)
async def test_the_stand_in_shows_what_it_can_and_says_what_it_is(question: str, held: str) -> None:
    async with a_client(FakeModelServer()) as client:
        chunks = await the_chunks(client, messages=[{"role": "user", "content": question}])

    assert held in the_words(chunks)
    assert "I am a stand-in" in the_words(chunks)
