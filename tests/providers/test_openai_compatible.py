"""What servers say and how they fail, and what the router hears of it."""

import asyncio
import json
from dataclasses import replace
from decimal import Decimal

import httpx
import pytest

from ambrosio.config.provider import ProviderConfig
from ambrosio.core import provider_errors
from ambrosio.core.context_window import (
    DEFAULT_WINDOW_TOKENS,
    HOSTED_WINDOW_TOKENS,
    ModelProfile,
    build_context,
)
from ambrosio.core.messages import (
    AnswerFinished,
    AnswerStarted,
    Delta,
    EmptyAnswer,
    FinishReason,
    ModelRef,
    Usage,
)
from ambrosio.core.vv import MAX_CONCISE_TOKENS
from ambrosio.providers.errors import translate_error
from ambrosio.providers.openai_client import ApiError, ConnectionFailed, UnreadableResponse
from ambrosio.providers.openai_compatible import OpenAIProvider
from ambrosio.providers.request import THINKING_TOKENS
from ambrosio.providers.server_facts import ServedModel

from ..support import PATIENCE_SECONDS

BASE = "http://127.0.0.1:9/v1"
QUESTION = build_context("Be kind.", (), "tea?")
CONCISE_QUESTION = build_context("Be kind.", (), "tea?", concise=True)
CLOSING = {"choices": [{"delta": {}, "finish_reason": "stop"}]}


def piece(text, **fields):
    return {"choices": [{"delta": {"content": text, **fields}}]}


def sse(*chunks):
    lines = [each if isinstance(each, str) else json.dumps(each) for each in chunks]
    content = "".join(f"data: {line}\n\n" for line in lines)
    return httpx.Response(200, text=content, headers={"content-type": "text/event-stream"})


def refusal(status, *, headers=None, **error):
    return httpx.Response(status, json={"error": error}, headers=headers)


class Line(httpx.AsyncByteStream):
    """A body that is sent piece by piece; an exception among them breaks the line."""

    def __init__(self, *pieces):
        self._pieces = pieces

    async def __aiter__(self):
        for each in self._pieces:
            if isinstance(each, Exception):
                raise each
            if isinstance(each, asyncio.Event):
                await each.wait()
            else:
                yield each


def sending(*pieces):
    raw = [sse(each).content if isinstance(each, dict) else each for each in pieces]
    return httpx.Response(200, stream=Line(*raw), headers={"content-type": "text/event-stream"})


@pytest.fixture
def chat(server):
    return server.post(f"{BASE}/chat/completions")


@pytest.fixture
async def provider_of():
    async with httpx.AsyncClient(verify=False) as http:  # reading certificates takes a while

        def make(**row):
            return OpenAIProvider("somebody", ProviderConfig(**{"base_url": BASE, **row}), http)

        yield make


@pytest.fixture
def provider(provider_of):
    return provider_of(model="m")


async def heard(provider, context=QUESTION, **given):
    return [part async for part in provider.stream(context, **given)]


async def failure(provider, context=QUESTION, **given):
    with pytest.raises(provider_errors.ProviderError) as caught:
        await heard(provider, context, **given)
    return caught.value


def words(parts):
    return "".join(part.text for part in parts if isinstance(part, Delta))


def thoughts(parts):
    return "".join(part.reasoning for part in parts if isinstance(part, Delta))


def bodies(chat):
    return [json.loads(call.request.content) for call in chat.calls]


ODD_TYPES = '{"error": {"type": [1], "code": {"a": 1}, "param": 5, "message": null}}'


class TestRefusals:
    @pytest.mark.parametrize(
        ("status", "error", "expected"),
        [
            (400, {}, provider_errors.BadRequest),
            (400, {"type": "exceed_context_size_error"}, provider_errors.ContextTooLong),
            (401, {"type": "authentication_error"}, provider_errors.InvalidKey),
            (402, {"type": "credit_limit_error"}, provider_errors.OutOfCredit),
            (403, {}, provider_errors.InvalidKey),
            (404, {}, provider_errors.ModelNotFound),
            (413, {"type": "request_too_large"}, provider_errors.BadRequest),
            (418, {}, provider_errors.BadRequest),
            (422, {}, provider_errors.BadRequest),
            (429, {"type": "rate_limit"}, provider_errors.Overloaded),
            (429, {"code": "insufficient_quota"}, provider_errors.OutOfCredit),
            (500, {}, provider_errors.ServerError),
            (502, {}, provider_errors.ServerError),
            (503, {"type": "unavailable_error"}, provider_errors.Loading),
            (503, {"type": "service_unavailable"}, provider_errors.Overloaded),
            (504, {}, provider_errors.ServerError),
            (529, {}, provider_errors.Overloaded),
        ],
    )
    async def test_each_status_has_its_failure(self, provider, chat, status, error, expected):
        chat.mock(return_value=refusal(status, message="their words", **error))

        failed = await failure(provider)

        assert type(failed) is expected
        assert "somebody" in failed.user_message
        assert "their words" not in failed.user_message

    @pytest.mark.parametrize("status", [301, 400, 403, 429, 500, 503])
    @pytest.mark.parametrize(
        "body", ["", "<html>", "[]", '"x"', '{"error": "words"}', "[[[[", ODD_TYPES]
    )
    async def test_a_refusal_without_a_readable_body_is_one_all_the_same(
        self, provider, chat, status, body
    ):
        chat.mock(return_value=httpx.Response(status, text=body))

        assert isinstance(await failure(provider), provider_errors.ProviderError)

    async def test_a_number_that_is_too_long_to_be_read_is_a_fault(self, provider, chat):
        line = f'data: {{"usage": {"9" * 5000}}}\n\n'
        headers = {"content-type": "text/event-stream"}
        chat.mock(return_value=httpx.Response(200, text=line, headers=headers))

        assert isinstance(await failure(provider), provider_errors.ServerError)

    @pytest.mark.parametrize(
        ("header", "seconds"),
        [
            ({}, None),
            ("7", 7),
            ("0.5", 0.5),
            ("-3", 0),
            ("inf", None),
            ("Wed, 21 Oct 2026 07:28:00 GMT", None),
        ],
    )
    @pytest.mark.parametrize("status", [429, 503])
    async def test_the_rest_that_a_server_asks_for_is_passed_on(
        self, provider, chat, header, seconds, status
    ):
        headers = {"retry-after": header} if header else {}
        chat.mock(return_value=refusal(status, headers=headers))

        assert (await failure(provider)).retry_after_seconds == seconds

    async def test_a_model_that_is_gone_is_named(self, provider, chat):
        chat.mock(return_value=refusal(404))

        failed = await failure(provider, model="old")

        assert "does not have the model old" in failed.user_message

    async def test_an_overflow_tells_how_much_was_too_much(self, provider, chat):
        counts = {"n_prompt_tokens": 611, "n_ctx": 512}
        chat.mock(return_value=refusal(400, type="exceed_context_size_error", **counts))

        failed = await failure(provider)

        assert isinstance(failed, provider_errors.ContextTooLong)
        assert (failed.tokens, failed.limit) == (611, 512)
        assert (await provider.profile()).window == 512

    @pytest.mark.parametrize("wrong", ["abc", None, [1], {}, -0.5])
    async def test_an_overflow_without_numbers_is_estimated(self, provider, chat, wrong):
        counts = {"n_prompt_tokens": wrong, "n_ctx": wrong}
        chat.mock(return_value=refusal(400, type="exceed_context_size_error", **counts))

        failed = await failure(provider)

        assert isinstance(failed, provider_errors.ContextTooLong)
        assert (failed.tokens, failed.limit) == (QUESTION.tokens, DEFAULT_WINDOW_TOKENS)

    @pytest.mark.parametrize("status", [400, 403, 413, 422])
    async def test_a_long_request_that_is_refused_was_too_long(self, provider_of, chat, status):
        chat.mock(return_value=refusal(status))

        failed = await failure(provider_of(context=1000), build_context("", (), "word " * 1000))

        assert isinstance(failed, provider_errors.ContextTooLong)
        assert failed.limit == 1000

    async def test_nothing_is_asked_twice_of_its_own_accord(self, provider, chat):
        chat.mock(return_value=refusal(500))

        await failure(provider)

        assert chat.call_count == 1


HTTPX_ERRORS = [
    kind("it broke")
    for kind in vars(httpx).values()
    if isinstance(kind, type)
    and issubclass(kind, httpx.HTTPError | httpx.InvalidURL)
    and not issubclass(kind, httpx.HTTPStatusError)
]


class TestTheLine:
    @pytest.mark.parametrize("error", [httpx.ConnectError("no"), httpx.ConnectTimeout("late")])
    async def test_a_server_that_is_not_there_cannot_be_reached(self, provider, chat, error):
        chat.mock(side_effect=error)

        assert type(await failure(provider)) is provider_errors.Unreachable

    @pytest.mark.parametrize("error", HTTPX_ERRORS, ids=lambda each: type(each).__name__)
    async def test_no_error_of_the_line_gets_past_before_a_word(self, provider, chat, error):
        chat.mock(side_effect=error)

        assert isinstance(
            await failure(provider), provider_errors.Unreachable | provider_errors.ServerError
        )

    @pytest.mark.parametrize(
        "error",
        [*HTTPX_ERRORS, httpx.StreamError("it broke")],
        ids=lambda each: type(each).__name__,
    )
    async def test_no_error_of_the_line_gets_past_after_a_word(self, provider, chat, error):
        chat.mock(return_value=sending(piece("Te"), error))

        assert type(await failure(provider)) is provider_errors.ServerError

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"data: {broken\n\n",
            b"data: \xff\xfe\n\n",
            b"data: " + b"[" * 100_000 + b"\n\n",
            b'data: {"error": {"message": "no", "code": 500}}\n\n',
            b'data: {"error": "no"}\n\n',
            b'{"error": {"message": "no"}}',
        ],
    )
    @pytest.mark.parametrize("begun", [False, True])
    async def test_what_is_no_answer_is_a_fault(self, provider, chat, body, begun):
        before = sse(piece("Te")).content if begun else b""
        chat.mock(return_value=sending(before, body))

        assert type(await failure(provider)) is provider_errors.ServerError

    async def test_an_answer_without_a_finish_was_cut(self, provider, chat):
        chat.mock(return_value=sse(piece("Green te")))
        stream = provider.stream(QUESTION)

        said = [await anext(stream), await anext(stream)]

        assert words(said) == "Green te"
        with pytest.raises(provider_errors.ServerError):
            await anext(stream)

    @pytest.mark.parametrize("said", ["", " \n", "<think>Hm.</think>", "<think>Hm."])
    async def test_success_without_a_word_is_an_empty_answer(self, provider, chat, said):
        chat.mock(return_value=sse(piece(said), CLOSING))

        assert type(await failure(provider)) is provider_errors.NoText

    async def test_no_first_word_in_time_is_told(self, provider_of, chat):
        chat.mock(return_value=sending(asyncio.Event()))

        async with asyncio.timeout(PATIENCE_SECONDS):
            failed = await failure(
                provider_of(first_token_timeout_seconds=0.01, chunk_timeout_seconds=600)
            )

        assert type(failed) is provider_errors.TimedOut

    async def test_silence_between_the_words_is_told(self, provider_of, chat):
        chat.mock(return_value=sending(piece("Te"), asyncio.Event()))

        async with asyncio.timeout(PATIENCE_SECONDS):
            failed = await failure(
                provider_of(first_token_timeout_seconds=600, chunk_timeout_seconds=0.01)
            )

        assert type(failed) is provider_errors.TimedOut

    async def test_progress_is_a_sign_of_life_and_no_first_word(self, provider_of, chat):
        progress = {"choices": [{"delta": {"content": None}}], "prompt_progress": {"total": 9}}
        chat.mock(return_value=sending(progress, piece("Tea"), CLOSING))

        parts = await heard(provider_of(first_token_timeout_seconds=600, chunk_timeout_seconds=0.5))

        assert words(parts) == "Tea"

    @pytest.mark.parametrize("status", [0, *range(300, 600)])
    def test_no_refusal_stays_untranslated(self, status):
        refused = ApiError(status, json.loads(ODD_TYPES))

        assert isinstance(translate_error(refused, "p", model="m"), provider_errors.ProviderError)

    @pytest.mark.parametrize("error", [ConnectionFailed(), UnreadableResponse()])
    def test_no_failed_request_stays_untranslated(self, error):
        assert isinstance(translate_error(error, "p", model="m"), provider_errors.ProviderError)

    @pytest.mark.parametrize(
        ("status", "body", "detail"),
        [
            (400, {"error": {"message": "top_k must be an integer."}}, "top_k must be an integer"),
            (422, {"detail": "extra field top_k"}, "extra field top_k"),
            (403, {"error": {"code": "region_blocked"}}, "region_blocked"),
            (502, "<title>Bad gateway</title>", "a web page: Bad gateway"),
            (401, None, ""),
            (400, {"error": {"message": "bad input: 'my rash'"}}, "bad input: '…'"),
        ],
    )
    def test_a_refusal_keeps_the_servers_own_words_for_the_log(self, status, body, detail):
        failed = translate_error(ApiError(status, body), "p", model="m", said="my rash")

        assert failed.detail == f"HTTP {status}" + (f": {detail}" if detail else "")
        assert detail not in failed.user_message or not detail

    def test_an_error_within_an_answer_may_quote_it(self):
        error = ApiError(0, {"message": "CUDA error: out of memory after jasmin rice"})

        failed = translate_error(error, "p", model="m", said="")

        assert failed.detail == "in the stream: CUDA error: out of memory after …"

    async def test_no_connection_says_why(self, provider_of):
        failed = await failure(provider_of(base_url="http://127.0.0.1:9/v1"))

        assert failed.log_text == "somebody cannot be reached (Connection refused)"


class TestAnAnswer:
    async def test_it_begins_grows_and_ends(self, provider, chat):
        usage = {
            "prompt_tokens": 30,
            "completion_tokens": 5,
            "prompt_tokens_details": {"cached_tokens": 20},
            "completion_tokens_details": {"reasoning_tokens": 2},
        }
        counted = {"choices": [], "usage": usage}
        chat.mock(return_value=sse(piece("Te"), piece("a."), CLOSING, counted, "[DONE]"))

        parts = await heard(provider)

        ref = ModelRef("somebody", "m")
        ended = AnswerFinished(ref, FinishReason.STOP, Usage(30, 5, cached=20))
        assert parts == [AnswerStarted(ref), Delta("Te"), Delta("a."), ended]

    @pytest.mark.parametrize(
        ("reason", "finish"),
        [("stop", FinishReason.STOP), ("eos", FinishReason.STOP), ("length", FinishReason.LENGTH)],
    )
    async def test_why_it_ended_is_told(self, provider, chat, reason, finish):
        chat.mock(return_value=sse(piece("Tea"), {"choices": [{"finish_reason": reason}]}))

        assert (await heard(provider))[-1].finish_reason is finish

    @pytest.mark.parametrize(
        "odd",
        [
            {"choices": []},
            {"choices": None},
            {"id": "no choices"},
            {"choices": [{"index": 0}]},
            {"choices": [{"delta": None}]},
            {"choices": [{"delta": {}}]},
            {"choices": [{"delta": {"role": "assistant", "content": None}}]},
            {"choices": [], "usage": None},
            {"choices": [], "usage": {}},
            {"choices": [], "timings": {"prompt_n": 5}},
            {"choices": [], "usage": 5},
            {"choices": [], "usage": {"prompt_tokens": "many"}},
            {"choices": [], "usage": {"prompt_tokens_details": 5}},
            {"choices": [], "usage": {"prompt_tokens": -5, "completion_tokens": 2**80}},
            {"choices": [], "prompt_progress": {"total": "x"}},
        ],
    )
    async def test_chunks_without_words_are_passed_over(self, provider, chat, odd):
        chat.mock(return_value=sse(odd, piece("Te"), odd, piece("a"), CLOSING, odd))

        assert words(await heard(provider)) == "Tea"

    @pytest.mark.parametrize(
        "nonsense",
        [
            "5",
            "[1]",
            '"words"',
            {"choices": [None]},
            {"choices": "words"},
            {"choices": [{"delta": {"content": 5}}]},
            {"choices": [{"delta": {"content": {"text": "Tea"}}}]},
        ],
    )
    async def test_chunks_of_nonsense_are_a_fault(self, provider, chat, nonsense):
        chat.mock(return_value=sse(piece("Te"), nonsense, CLOSING))

        assert type(await failure(provider)) is provider_errors.ServerError

    @pytest.mark.parametrize(
        "chunks",
        [
            [piece("", reasoning="Hm, "), piece("", reasoning="leaves."), piece("Tea.")],
            [piece(None, reasoning_content="Hm, leaves."), piece("Tea.")],
            [piece("<think>Hm, "), piece("leaves.</th"), piece("ink>\n\nTea.")],
        ],
    )
    async def test_thoughts_are_never_the_answer(self, provider, chat, chunks):
        chat.mock(return_value=sse(*chunks, CLOSING))

        parts = await heard(provider)

        assert (words(parts), thoughts(parts)) == ("Tea.", "Hm, leaves.")

    async def test_flat_counts_of_cached_tokens_are_read(self, provider, chat):
        usage = {"prompt_tokens": 30, "completion_tokens": 5, "cached_tokens": 12}
        chat.mock(return_value=sse(piece("Tea"), {**CLOSING, "usage": usage}))

        assert (await heard(provider))[-1].usage == Usage(30, 5, cached=12)

    async def test_a_server_with_one_model_says_its_name(self, provider_of, chat):
        named = {**piece("Tea"), "model": "qwen.gguf"}
        chat.mock(return_value=sse(named, CLOSING))

        parts = await heard(provider_of())

        assert parts[0] == AnswerStarted(ModelRef("somebody", "qwen.gguf"))
        assert bodies(chat)[0]["model"] == "default"


class TestWhatIsSent:
    @pytest.mark.parametrize(
        ("row", "concise", "expected"),
        [
            ({"server_kind": "openai"}, False, {"stream_options": {"include_usage": True}}),
            (
                {"server_kind": "llama"},
                False,
                {"stream_options": {"include_usage": True}, "return_progress": True},
            ),
            ({"server_kind": "together"}, False, {}),
            (
                {"server_kind": "together"},
                True,
                {"temperature": 0, "max_tokens": MAX_CONCISE_TOKENS},
            ),
            (
                {"server_kind": "llama", "thinking": "template"},
                True,
                {
                    "stream_options": {"include_usage": True},
                    "return_progress": True,
                    "temperature": 0,
                    "max_tokens": MAX_CONCISE_TOKENS,
                    "chat_template_kwargs": {"enable_thinking": False},
                },
            ),
            (
                {"server_kind": "together", "thinking": "reasoning"},
                True,
                {
                    "temperature": 0,
                    "max_tokens": MAX_CONCISE_TOKENS,
                    "reasoning": {"enabled": False},
                },
            ),
            (
                {"server_kind": "together", "thinking": "effort"},
                True,
                {
                    "temperature": 0,
                    "max_tokens": MAX_CONCISE_TOKENS + THINKING_TOKENS,
                    "reasoning_effort": "low",
                },
            ),
            ({"server_kind": "together", "extra_body": {"top_k": 3}}, False, {"top_k": 3}),
        ],
    )
    async def test_nothing_goes_along_that_nobody_asked_for(
        self, provider_of, chat, row, concise, expected
    ):
        chat.mock(return_value=sse(piece("Tea"), CLOSING))

        await heard(provider_of(model="m", **row), concise=concise)

        lines = [
            {"role": "system", "content": "Be kind."},
            {"role": "user", "content": "tea?"},
        ]
        assert bodies(chat) == [{"model": "m", "messages": lines, "stream": True, **expected}]

    async def test_the_key_goes_along(self, provider_of, chat):
        chat.mock(return_value=sse(piece("Tea"), CLOSING))

        await heard(provider_of(api_key="sk-1"))

        assert chat.calls[0].request.headers["authorization"] == "Bearer sk-1"

    async def test_another_model_is_spoken_to_in_its_own_manner(self, provider_of, chat):
        chat.mock(return_value=sse(piece("Tea"), CLOSING))
        provider = provider_of(model="m", server_kind="together")

        await heard(provider, model="openai/gpt-oss-120b", concise=True)

        assert bodies(chat)[0]["model"] == "openai/gpt-oss-120b"
        assert bodies(chat)[0]["reasoning_effort"] == "low"

    async def test_refused_options_are_left_out_and_learnt(self, provider_of, chat):
        chat.side_effect = [refusal(400), *[sse(piece("Tea"), CLOSING)] * 2]
        provider = provider_of(model="m", server_kind="together", thinking="reasoning")

        await heard(provider, concise=True)
        await heard(provider, concise=True)

        first, second, third = (sorted(body) for body in bodies(chat))
        assert first == ["max_tokens", "messages", "model", "reasoning", "stream", "temperature"]
        assert second == third == ["max_tokens", "messages", "model", "stream"]

    async def test_a_refused_limit_is_left_out_and_learnt_too(self, provider_of, chat):
        chat.side_effect = [refusal(400), refusal(400), *[sse(piece("Tea"), CLOSING)] * 2]
        provider = provider_of(model="m", server_kind="together")

        await heard(provider, concise=True)
        await heard(provider, concise=True)

        assert ["max_tokens" in body for body in bodies(chat)] == [True, True, False, False]

    async def test_what_an_answer_may_take_is_sent_as_long_as_it_is_taken(self, provider, chat):
        chat.side_effect = [refusal(400), *[sse(piece("Tea"), CLOSING)] * 2]
        context = replace(QUESTION, max_tokens=8192)

        await heard(provider, context)
        await heard(provider, context)

        assert [body.get("max_tokens") for body in bodies(chat)] == [8192, None, None]

    async def test_a_request_that_is_wrong_in_any_case_teaches_nothing(self, provider, chat):
        chat.side_effect = [*[refusal(400)] * 3, sse(piece("Tea"), CLOSING)]

        failed = await failure(provider, concise=True)
        await heard(provider, concise=True)

        assert type(failed) is provider_errors.BadRequest
        assert bodies(chat)[3] == bodies(chat)[0]

    async def test_a_concise_answer_ends_where_it_is_complete(self, provider, chat):
        chat.mock(return_value=sse(piece("Tea."), piece("\n\n"), piece("Because"), piece(" …")))

        parts = await heard(provider, CONCISE_QUESTION, concise=True)

        assert words(parts) == "Tea."
        assert isinstance(parts[-1], AnswerFinished)
        assert parts[-1].finish_reason == "stop"

    @pytest.mark.parametrize("error", [{}, {"param": "stop"}])
    async def test_refused_stop_sequences_are_left_out_and_the_answer_still_ends(
        self, provider, chat, error
    ):
        long = sse(piece("Tea.\n\nBecause"), CLOSING)
        chat.side_effect = [refusal(400, **error), long, long]

        answers = [await heard(provider, CONCISE_QUESTION, concise=True) for _ in range(2)]

        assert ["stop" in body for body in bodies(chat)] == [True, False, False]
        assert ["temperature" in body for body in bodies(chat)] == [True, True, True]
        assert [words(parts) for parts in answers] == ["Tea.", "Tea."]

    async def test_an_ordinary_request_that_is_refused_is_not_sent_again(self, provider, chat):
        chat.mock(return_value=refusal(400))

        await failure(provider)

        assert chat.call_count == 1

    async def test_an_answer_eaten_by_thoughts_is_asked_for_without_a_limit(self, provider, chat):
        eaten = sse(piece("", reasoning="Hm …"), {"choices": [{"finish_reason": "length"}]})
        chat.side_effect = [eaten, sse(piece("Tea"), CLOSING)]

        parts = await heard(provider, concise=True)

        assert ["max_tokens" in body for body in bodies(chat)] == [True, False]
        assert bodies(chat)[1]["temperature"] == 0
        assert [part for part in parts if isinstance(part, AnswerStarted)] == [parts[0], parts[3]]
        assert parts[2] == EmptyAnswer(None)
        assert words(parts) == "Tea"


class TestWhatIsServed:
    @pytest.mark.parametrize("wrap", [lambda items: items, lambda items: {"data": items}])
    async def test_models_come_bare_or_wrapped(self, provider, server, wrap):
        items = [
            {"id": "a", "type": "chat", "context_length": 1000},
            {"id": "b", "meta": {"n_ctx": 512}},
            {"id": "c", "type": "image", "context_length": None, "meta": None},
            {"no id": True},
            "nonsense",
        ]
        server.get(f"{BASE}/models").mock(return_value=httpx.Response(200, json=wrap(items)))

        served = [
            ServedModel("a", "chat", 1000),
            ServedModel("b", "chat", 512),
            ServedModel("c", "image", 0),
        ]
        assert await provider.models() == served

    @pytest.mark.parametrize("body", ["", "5", "null", "[", '{"data": 5}', "{}", "<html>"])
    @pytest.mark.parametrize("kind", ["application/json", "text/html"])
    async def test_a_list_that_is_none_is_a_fault(self, provider, server, body, kind):
        answer = httpx.Response(200, text=body, headers={"content-type": kind})
        server.get(f"{BASE}/models").mock(return_value=answer)

        with pytest.raises(provider_errors.ServerError):
            await provider.models()

    @pytest.mark.parametrize(
        "item", [{"meta": 5}, {"context_length": "x"}, {"meta": {"n_ctx": []}}]
    )
    async def test_numbers_that_are_none_are_not_known(self, provider, server, item):
        answer = httpx.Response(200, json=[{"id": "a", **item}])
        server.get(f"{BASE}/models").mock(return_value=answer)

        assert await provider.models() == [ServedModel("a")]

    async def test_together_is_asked_only_for_what_can_be_called(self, provider_of, server):
        answer = httpx.Response(200, json=[])
        route = server.get(f"{BASE}/models?serverless").mock(return_value=answer)

        await provider_of(server_kind="together").models()

        assert route.called

    async def test_a_llama_server_says_how_large_its_window_is(self, provider_of, server):
        props = {"default_generation_settings": {"n_ctx": 2048}}
        route = server.get("http://127.0.0.1:9/props").mock(
            side_effect=[refusal(503), httpx.Response(200, json=props)]
        )
        provider = provider_of(server_kind="llama", system_role=False)

        manners = [await provider.profile() for _ in range(3)]

        assert [each.window for each in manners] == [DEFAULT_WINDOW_TOKENS, 2048, 2048]
        assert manners[2] == ModelProfile(2048, system_role=False)
        assert route.call_count == 2

    @pytest.mark.parametrize(
        ("row", "window"),
        [
            ({}, DEFAULT_WINDOW_TOKENS),
            ({"local": False}, HOSTED_WINDOW_TOKENS),
            ({"base_url": "https://api.openai.com/v1"}, HOSTED_WINDOW_TOKENS),
            ({"base_url": "https://api.openai.com/v1", "context": 8192}, 8192),
            ({"base_url": "https://api.openai.com/v1", "context": 200_000}, 200_000),
            ({"context": 16_384}, 16_384),
        ],
    )
    async def test_what_nobody_has_told_is_guessed_by_the_place(self, provider_of, row, window):
        assert (await provider_of(model="m", **row).profile()).window == window

    @pytest.mark.parametrize(
        ("said", "tokens", "window"),
        [
            ("This model's maximum context length is 16384 tokens.", 30_000, 16_384),
            ("prompt is too long: 30000 tokens > 20000 maximum", 30_000, 20_000),
            ("the request exceeds the available context size", 30_000, 30_000),
            # A refusal of a short question must not leave room for nothing.
            ("the request exceeds the available context size", 10, DEFAULT_WINDOW_TOKENS),
        ],
    )
    @pytest.mark.parametrize("context", [0, 100_000])
    async def test_the_window_of_a_hosted_model_is_learnt_from_its_refusal(
        self, provider_of, chat, said, tokens, window, context
    ):
        chat.mock(return_value=refusal(400, message=said))
        provider = provider_of(model="m", local=False, context=context)

        failed = await failure(provider, replace(QUESTION, tokens=tokens))

        assert isinstance(failed, provider_errors.ContextTooLong)
        assert (await provider.profile()).window == window

    @pytest.mark.parametrize("props", ["5", "[]", "{}", "null", '"x"', "<html>"])
    async def test_a_window_that_cannot_be_read_is_guessed(self, provider_of, server, props):
        answer = httpx.Response(200, text=props, headers={"content-type": "application/json"})
        server.get("http://127.0.0.1:9/props").mock(return_value=answer)

        assert (await provider_of(server_kind="llama").profile()).window == DEFAULT_WINDOW_TOKENS

    async def test_health_of_a_llama_server_is_its_own_word(self, provider_of, server):
        server.get("http://127.0.0.1:9/health").mock(
            return_value=refusal(503, type="unavailable_error")
        )

        with pytest.raises(provider_errors.Loading):
            await provider_of(server_kind="llama").health()

    @pytest.mark.parametrize("page", ["404 page not found", '{"error": "Unexpected endpoint"}'])
    async def test_ollama_has_no_page_for_its_health(self, provider_of, server, page):
        server.get("http://127.0.0.1:9/health").respond(404, text=page)
        listing = server.get("http://127.0.0.1:9/v1/models").respond(json={"data": [{"id": "q"}]})

        await provider_of(server_kind="llama").health()

        assert listing.called


class TestPrices:
    @pytest.mark.parametrize(
        ("row", "paid", "price", "known"),
        [
            ({}, False, "0", True),
            ({"local": False}, True, "0.000021", False),
            ({"local": False, "input_usd": "0", "output_usd": "0"}, False, "0", True),
            ({"local": False, "input_usd": "2", "output_usd": "4"}, True, "0.000008", True),
            ({"local": False, "input_usd": "2"}, True, "0.000019", False),
        ],
    )
    async def test_what_a_call_costs(self, provider_of, row, paid, price, known):
        provider = provider_of(**row)

        tariff = provider.pricing()

        assert provider.paid is paid
        assert provider.pricing("openai/gpt-oss-120b").free is provider.local
        assert tariff.known is known
        assert tariff.cost(Usage(2, 1)) == Decimal(price)
