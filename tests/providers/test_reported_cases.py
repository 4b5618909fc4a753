"""What servers were reported to send, byte by byte: each kind of fault, and its other side."""

import json

import httpx
import pytest
import respx

from ambrosio.config.provider import ProviderConfig
from ambrosio.core import provider_errors
from ambrosio.core.context_window import build_context
from ambrosio.core.messages import AnswerFinished, AnswerStarted, Delta, FinishReason
from ambrosio.providers.openai_compatible import OpenAIProvider

BASE = "http://127.0.0.1:9/v1"
HARMONY = (
    "<|channel|>analysis<|message|>They greet me.<|end|>"
    "<|start|>assistant<|channel|>final<|message|>Good day!"
)
TOKENS_A_MINUTE = (
    "Request too large on tokens per minute (TPM): Limit 6000, Requested 7012,"
    " please reduce your message size and try again."
)
QUESTION = build_context("Be kind.", (), "hello?")
END = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
DONE = b"data: [DONE]\n\n"
EVENTS = {"content-type": "text/event-stream"}


def event(chunk):
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


def pieces(text, size=6, **fields):
    parts = [text[start : start + size] for start in range(0, len(text), size)]
    return b"".join(
        event({"choices": [{"index": 0, "delta": {"content": part, **fields}}]}) for part in parts
    )


def whole(text):
    return pieces(text) + event(END) + DONE


class Body(httpx.AsyncByteStream):
    """Bytes, and perhaps a connection that breaks behind them."""

    def __init__(self, content, *, breaks=False):
        self.content, self.breaks = content, breaks

    async def __aiter__(self):
        yield self.content
        if self.breaks:
            raise httpx.RemoteProtocolError("peer closed connection")


async def ask(content, *, status=200, headers=None, breaks=False, **config):
    """Return the text and the thinking that a person is left with, and the last event."""
    sent = EVENTS if headers is None else headers
    with respx.mock() as router:
        route = router.post(f"{BASE}/chat/completions")
        route.mock(
            side_effect=lambda _: httpx.Response(
                status, headers=sent, stream=Body(content, breaks=breaks)
            )
        )
        async with httpx.AsyncClient(verify=False) as http:
            provider = OpenAIProvider("p", ProviderConfig(base_url=BASE, model="m", **config), http)
            events = [found async for found in provider.stream(QUESTION)]
        calls = route.call_count
    text = thinking = ""
    for found in events:
        if isinstance(found, AnswerStarted):
            text = thinking = ""
        if isinstance(found, Delta):
            text, thinking = text + found.text, thinking + found.reasoning
    assert calls == 1
    assert isinstance(events[-1], AnswerFinished)
    return text, thinking, events[-1]


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("<think>They greet me.</think>Good day!", "Good day!"),
        ("<thinking>\nThey greet me.\n</thinking>\n\nGood day!", "Good day!"),
        ("<thought>They greet me.</thought>Good day!", "Good day!"),
        ("<reasoning>They greet me.</reasoning>Good day!", "Good day!"),
        ("<THINK>They greet me.</THINK>Good day!", "Good day!"),
        ("[THINK]They greet me.[/THINK]Good day!", "Good day!"),
        ("◁think▷They greet me.◁/think▷Good day!", "Good day!"),
        ("<think>One.</think><think>Two.</think>Good day!", "Good day!"),
        ("<think>outer <think>inner</think> outer again</think>Good day!", "Good day!"),
        ("They want H.\n</think>\n\nThe letter is **H**.", "The letter is **H**."),
        ("<|channel>thought\nThey greet me.\n<channel|>Good day!", "Good day!"),
        ("analysisThey greet me.assistantfinalGood day!", "Good day!"),
        (HARMONY, "Good day!"),
        ("Good day!<|im_end|>", "Good day!"),
        ("Good day!</s>", "Good day!"),
        ("Good day!<end_of_turn>", "Good day!"),
        ("Use `<think>` in the prompt.", "Use `<think>` in the prompt."),
        ("```\n<think>\nx\n</think>\n```\nDone.", "```\n<think>\nx\n</think>\n```\nDone."),
        ("Write </think> at the end.", "Write </think> at the end."),
    ],
)
@pytest.mark.parametrize("size", [1, 6, 1000])
async def test_thinking_is_hidden_however_it_is_marked(raw, text, size):
    shown, _, _ = await ask(pieces(raw, size) + event(END) + DONE)

    assert shown == text


@pytest.mark.parametrize(
    ("escaped", "text"),
    [
        ((r"Well done \ud83c", r"\udf89!"), "Well done 🎉!"),
        ((r"Well \ud83c", " done"), "Well \ufffd done"),
        ((r"\udf89 done",), "\ufffd done"),
        ((r"Well done \ud83c",), "Well done \ufffd"),
        (("Well done 🎉!",), "Well done 🎉!"),
    ],
)
async def test_a_character_cut_in_two_is_whole_again(escaped, text):
    lines = [
        f'data: {{"choices": [{{"delta": {{"content": "{part}"}}}}]}}\n\n'.encode()
        for part in escaped
    ]
    shown, _, _ = await ask(b"".join(lines) + event(END) + DONE)

    assert shown == text
    shown.encode()


@pytest.mark.parametrize(
    ("content", "breaks"),
    [
        (pieces("Rice needs twelve minutes.") + DONE, False),
        (pieces("Rice needs twelve minutes.") + event(END), True),
        (pieces("Rice needs twelve minutes.") + event(END).rstrip(), False),
        (whole("Rice needs twelve minutes."), True),
        (whole("Rice needs twelve minutes."), False),
        (b"data:\n\n: ping\n\n" + whole("Rice needs twelve minutes."), False),
        (b"data: : OPENROUTER PROCESSING\n\n" + whole("Rice needs twelve minutes."), False),
        (b"\xef\xbb\xbf" + whole("Rice needs twelve minutes."), False),
    ],
)
async def test_a_whole_answer_is_never_called_failed(content, breaks):
    text, _, last = await ask(content, breaks=breaks)

    assert (text, last.finish_reason) == ("Rice needs twelve minutes.", FinishReason.STOP)


RICE = "Rice needs twelve minutes."
FIRST, SECOND = pieces(RICE[:11]), pieces(RICE[11:])


def chunk(*choices, **fields):
    return event({"choices": [*choices], **fields})


def choice(index=0, reason=None, **delta):
    return {"index": index, "delta": delta, "finish_reason": reason}


ROLE = chunk(choice(role="assistant", content=None, tool_calls=None, refusal=None))
OTHER = choice(1, content="Boil it.")
MESSAGE = {"message": {"role": "assistant", "content": RICE}, "finish_reason": "stop"}


@pytest.mark.parametrize(
    "content",
    [
        chunk(choice(content=RICE[:11]), OTHER) + SECOND + event(END) + DONE,
        FIRST + chunk(OTHER) + chunk(choice(1, "length")) + SECOND + event(END) + DONE,
        ROLE + FIRST + ROLE + SECOND + ROLE + event(END) + DONE,
        FIRST + event({"choices": None, "usage": {"prompt_tokens": 5}}) + SECOND + event(END),
        ROLE + chunk(MESSAGE),
        FIRST + SECOND + chunk(MESSAGE) + DONE,
        event({}) + chunk(choice(reason="", content=RICE)) + chunk({"finish_reason": "stop"}),
    ],
)
async def test_odd_chunks_neither_add_nor_lose_a_word(content):
    text, _, last = await ask(content)

    assert (text, last.finish_reason) == (RICE, FinishReason.STOP)


@pytest.mark.parametrize(
    "sign",
    [
        b": 30 s\n\n",
        b"retry: 3000\n\n",
        b"event: ping\n\n",
        b"event: ping\ndata:\n\n",
        b"id: 7\n\n",
        b"data\n\n",
        b"data: ping\n\n",
        b"data: null\n\n",
        b"data: [PING]\n\n",
        b"event: ping\ndata: {}\n\n",
        b"\n \n\n",
    ],
)
@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"])
async def test_signs_of_life_are_no_part_of_the_answer(sign, line_end):
    content = sign + FIRST + sign * 2 + SECOND + sign + event(END) + sign + DONE + sign
    text, _, last = await ask(content.replace(b"\n", line_end))

    assert (text, last.finish_reason) == (RICE, FinishReason.STOP)


async def test_a_whole_completion_behind_a_sign_of_life_is_read():
    text, _, _ = await ask(b": still at work\n\n" + json.dumps({"choices": [MESSAGE]}).encode())

    assert text == RICE


@pytest.mark.parametrize(
    ("end", "breaks"),
    [
        (b"data:[DONE]\n\n", False),
        (b"data: [DONE]", True),
        (b"data: [DONE]\r\n", True),
        (event(END).rstrip(), True),
        (event(END).rstrip() + b"\n", True),
        (event(END) + b"\n\n\n", True),
        (event(END) + b"<html>504 Gateway Time-out</html>\n\n", False),
        (event(END) + b'data: {"cho', True),
        (event(END) + b"\xff\xfe\n\n", False),
        (event(END) + event({"choices": "none"}), False),
        (event(END) + event({"error": {"message": "gone", "code": 500}}), False),
        (DONE + event({"error": {"message": "gone", "code": 500}}), True),
        (DONE + DONE, False),
    ],
)
async def test_nothing_behind_its_end_makes_an_answer_fail(end, breaks):
    text, _, last = await ask(FIRST + SECOND + end, breaks=breaks)

    assert (text, last.finish_reason) == (RICE, FinishReason.STOP)


@pytest.mark.parametrize("cut", [b"", b'data: {"cho', b"data: {}", b"da", b"data: [DO"])
async def test_a_connection_that_breaks_before_the_end_is_a_fault(cut):
    with pytest.raises(provider_errors.ServerError):
        await ask(FIRST + cut, breaks=True)


async def test_an_answer_that_was_cut_is_still_a_fault():
    with pytest.raises(provider_errors.ServerError):
        await ask(pieces("Rice needs twelve minutes."))


@pytest.mark.parametrize(
    "headers",
    [
        {"content-type": "text/event-stream; charset=ISO-8859-1"},
        {"content-type": "text/plain"},
        {"content-type": "application/json"},
        {},
    ],
)
async def test_a_good_stream_is_read_whatever_the_headers_say(headers):
    text, _, _ = await ask(whole("Grüße aus Köln"), headers=headers)

    assert text == "Grüße aus Köln"


@pytest.mark.parametrize(
    ("reason", "finish_reason"),
    [
        ("stop", FinishReason.STOP),
        ("eos", FinishReason.STOP),
        ("end_turn", FinishReason.STOP),
        ("length", FinishReason.LENGTH),
        ("max_tokens", FinishReason.LENGTH),
        ("MAX_TOKENS", FinishReason.LENGTH),
        ("content_filter", FinishReason.FILTER),
        ("SAFETY", FinishReason.FILTER),
        ("error", FinishReason.SERVER),
        ("abort", FinishReason.SERVER),
    ],
)
async def test_how_an_answer_ended_is_known(reason, finish_reason):
    ending = {"choices": [{"delta": {}, "finish_reason": reason}]}
    _, _, last = await ask(pieces("First take the rice") + event(ending) + DONE)

    assert last.finish_reason is finish_reason


async def test_content_may_be_a_list_of_blocks():
    thinking = [{"type": "thinking", "thinking": [{"type": "text", "text": "They greet me."}]}]
    said = [{"type": "text", "text": "Good day!"}]
    chunks = [{"choices": [{"delta": {"content": blocks}}]} for blocks in (thinking, said)]
    text, hidden, _ = await ask(b"".join(map(event, chunks)) + event(END) + DONE)

    assert (text, hidden) == ("Good day!", "They greet me.")


async def test_a_message_in_place_of_a_delta_is_read():
    message = {"role": "assistant", "content": "Good day!"}
    chunk = {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
    text, _, _ = await ask(event(chunk) + DONE)

    assert text == "Good day!"


def refuse(body, status=400, kind="application/json"):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return {"content": content, "status": status, "headers": {"content-type": kind}}


VLLM = "This model's maximum context length is 4096 tokens, but the request has more"


@pytest.mark.parametrize(
    ("sent", "limit"),
    [
        (refuse({"error": {"type": "exceed_context_size_error", "n_ctx": 4096}}), 4096),
        (refuse({"error": {"message": VLLM, "type": "BadRequestError", "code": 400}}), 4096),
        (refuse({"object": "error", "message": VLLM, "type": "BadRequestError"}), 4096),
        (refuse({"error": {"message": "too long", "code": "context_length_exceeded"}}), 32768),
        (refuse({"error": "The prompt has more tokens than the context length"}), 32768),
        (
            refuse({"error": {"message": "inputs and max_new_tokens must be at most 4096"}}, 422),
            4096,
        ),
        (
            refuse({"error": {"message": "the request exceeds the available context size"}}, 500),
            32768,
        ),
        (
            {"content": event({"error": {"type": "exceed_context_size_error", "n_ctx": 4096}})},
            4096,
        ),
    ],
)
async def test_an_overflow_is_recognised_from_every_server(sent, limit):
    with pytest.raises(provider_errors.ContextTooLong) as raised:
        await ask(**sent, context=32768)

    assert raised.value.limit == limit


@pytest.mark.parametrize(
    ("message", "limit"),
    [
        ("`inputs` tokens + `max_new_tokens` must be <= 4097. Given: 9000 `inputs` tokens", 4097),
        ("The length of the prompt must be at most 8192", 8192),
        ("The request must be at most 8,192 tokens", 8192),
        ("This model's maximum context length is 16,384 tokens. However, you requested", 16384),
        ("This model's maximum prompt length is 131072 but the request contains", 131072),
        ("request (9000 tokens) exceeds the available context size (4096 tokens)", 4096),
        ("the model is loaded with context length of only 4096 tokens", 4096),
        ("Prompt contains 9 tokens, too large for model with 32000 maximum context length", 32000),
        ("prompt is too long: 210000 tokens > 200000 maximum", 200000),
        ("input token count (9) exceeds the maximum number of tokens allowed (1048576)", 1048576),
        ("This exceeds the model's context window of 2048", 2048),
        ("This exceeds the model's maximum context length", 32768),
    ],
)
async def test_the_window_is_read_from_the_words_of_a_refusal(message, limit):
    with pytest.raises(provider_errors.ContextTooLong) as raised:
        await ask(**refuse({"error": {"message": message}}), context=32768)

    assert raised.value.limit == limit


@pytest.mark.parametrize(
    "message",
    [
        "steps must be at most 4",
        "n must be <= 10",
        "width must be at most 1440",
        "`max_tokens` must be at most 4096",
        "max_tokens must be at most 4096 tokens",
        "'max_completion_tokens' must be <= 16384 tokens",
        "prompt strength must be at most 1",
        "top_logprobs must be at most 20",
        "guidance_scale must be at most 100",
    ],
)
async def test_another_limit_is_no_overflow(message):
    with pytest.raises(provider_errors.BadRequest) as raised:
        await ask(**refuse({"error": {"message": message}}), context=32768)

    assert type(raised.value) is provider_errors.BadRequest


@pytest.mark.parametrize(
    ("sent", "kind"),
    [
        (
            refuse(b"<html><title>Just a moment...</title></html>", 403, "text/html"),
            provider_errors.Blocked,
        ),
        (refuse(b"<!doctype html><form>Log in</form>", 200, "text/html"), provider_errors.Blocked),
        (refuse(b"<html>502 Bad Gateway</html>", 502, "text/html"), provider_errors.ServerError),
        (refuse({"error": {"message": "Invalid key"}}, 401), provider_errors.InvalidKey),
        (refuse({"error": {"message": "Not allowed"}}, 403), provider_errors.InvalidKey),
        (refuse({"error": {"message": "Pay first"}}, 402), provider_errors.OutOfCredit),
        (
            refuse({"error": {"type": "exceeded_current_quota_error"}}, 429),
            provider_errors.OutOfCredit,
        ),
        (
            refuse({"error": {"message": "No credit left", "code": 402}}, 200),
            provider_errors.OutOfCredit,
        ),
        (refuse({"error": {"message": "Too many", "code": 429}}, 200), provider_errors.Overloaded),
        (
            {"content": event({"error": {"message": "Too many", "code": 429}})},
            provider_errors.Overloaded,
        ),
        (refuse({"error": {"code": "rate_limit_exceeded"}}, 413), provider_errors.Overloaded),
        (
            refuse({"error": {"message": TOKENS_A_MINUTE, "type": "tokens"}}, 429),
            provider_errors.Overloaded,
        ),
        (refuse({"error": {"message": TOKENS_A_MINUTE}}, 429), provider_errors.Overloaded),
        (refuse({"message": TOKENS_A_MINUTE}, 429), provider_errors.Overloaded),
        (refuse({"error": TOKENS_A_MINUTE}, 429), provider_errors.Overloaded),
        (refuse({"detail": TOKENS_A_MINUTE}, 429), provider_errors.Overloaded),
        (refuse(b"429 Too Many Requests", 429, "text/plain"), provider_errors.Overloaded),
        (
            refuse(b"<html><h1>404 Not Found</h1></html>", 404, "text/html"),
            provider_errors.WrongAddress,
        ),
        (refuse({"error": {"message": "Request timed out"}}, 408), provider_errors.ServerError),
        (refuse({"error": {"message": "Conflict"}}, 409), provider_errors.ServerError),
        (refuse({"detail": "Not Found"}, 404), provider_errors.WrongAddress),
        (
            refuse({"error": {"message": "File Not Found", "code": 404}}, 404),
            provider_errors.WrongAddress,
        ),
        (refuse({"error": {"message": "model x not found"}}, 404), provider_errors.ModelNotFound),
        (
            refuse({"error": "Unexpected endpoint or method. (POST /chat/completions)"}, 200),
            provider_errors.WrongAddress,
        ),
        (refuse(b"", 302, "text/html"), provider_errors.WrongAddress),
        (refuse({"id": None, "choices": None}, 200), provider_errors.ServerError),
        (refuse({"error": {"message": "no", "param": "top_k"}}, 400), provider_errors.BadRequest),
    ],
)
async def test_a_refusal_means_what_its_body_says(sent, kind):
    with pytest.raises(provider_errors.ProviderError) as raised:
        await ask(**sent)

    assert type(raised.value) is kind


async def test_a_whole_completion_in_place_of_a_stream_is_read():
    message = {"role": "assistant", "content": "Good day!"}
    body = {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
    text, _, _ = await ask(**refuse(body, 200))

    assert text == "Good day!"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (
            {"error": {"message": "Unknown argument: stream_options", "param": "stream_options"}},
            400,
        ),
        ({"detail": [{"type": "extra_forbidden", "loc": ["body", "stream_options"]}]}, 422),
        ({"error": {"message": "Unrecognized request argument supplied: stream_options"}}, 400),
        ({"error": {"message": "Unsupported parameter: 'stream_options'"}}, 400),
    ],
)
async def test_a_parameter_that_a_server_refuses_is_left_out_and_stays_out(body, status):
    def respond(request):
        sent.append(json.loads(request.content))
        if "stream_options" in sent[-1]:
            return httpx.Response(status, json=body)
        return httpx.Response(200, content=whole("Good day!"), headers=EVENTS)

    sent: list[dict[str, object]] = []
    events: list[object] = []
    with respx.mock() as router:
        router.post(f"{BASE}/chat/completions").mock(side_effect=respond)
        async with httpx.AsyncClient(verify=False) as http:
            provider = OpenAIProvider("p", ProviderConfig(base_url=BASE, model="m"), http)
            for _ in range(2):
                events = [found async for found in provider.stream(QUESTION)]

    assert isinstance(events[-1], AnswerFinished)
    assert ["stream_options" in request for request in sent] == [True, False, False]


@pytest.mark.parametrize(
    ("second", "deltas"),
    [
        ("They want H.\n</think>\nThe **H**.", "The **H**."),
        ("More\nthan one line.\n\n</think>\n\nYes.", "Yes."),
        ("Hm.\n</thinking>\nNo.", "No."),
        ("No thinking this time.", "No thinking this time."),
        ("<think>Marked.</think>Good day!", "Good day!"),
    ],
)
@pytest.mark.parametrize("size", [1, 6, 1000])
async def test_thinking_that_the_template_opens_is_in_the_first_draft_at_most(second, deltas, size):
    answers = [pieces(text, size) + event(END) + DONE for text in ("Hm.\n</think>\nOne.", second)]
    with respx.mock() as router:
        router.post(f"{BASE}/chat/completions").mock(
            side_effect=[
                httpx.Response(200, headers=EVENTS, stream=Body(content)) for content in answers
            ]
        )
        async with httpx.AsyncClient(verify=False) as http:
            provider = OpenAIProvider("p", ProviderConfig(base_url=BASE, model="m"), http)
            _ = [found async for found in provider.stream(QUESTION)]
            events = [found async for found in provider.stream(QUESTION)]

    # Every piece of text that was ever shown, whatever was taken back.
    assert "".join(found.text for found in events if isinstance(found, Delta)) == deltas
