"""The openai SDK with our own HTTP client: what goes out, what comes in, how it fails."""

import asyncio
import json

import httpx
import pytest
import respx

from ambrosio.providers.openai_client import ApiClient, ApiError

from ..support import PATIENCE_SECONDS

BASE = "http://127.0.0.1:9/v1"
EVENTS = {"content-type": "text/event-stream"}
TEA = b'data: {"said": "tea"}\n\n'


class Body(httpx.AsyncByteStream):
    """What is sent block by block; it notes that it was closed."""

    def __init__(self, *blocks, endless=False, breaks=False):
        self.blocks, self.endless, self.breaks = iter(blocks), endless, breaks
        self.blocks_read, self.closed = 0, False

    async def __aiter__(self):
        for block in self.blocks:
            self.blocks_read += 1
            yield block
        if self.breaks:
            raise httpx.RemoteProtocolError("peer closed connection")
        if self.endless:
            await asyncio.Event().wait()

    async def aclose(self):
        self.closed = True


@pytest.fixture
def chat():
    with respx.mock() as router:
        yield router.post(f"{BASE}/chat/completions")


@pytest.fixture
async def client():
    async with httpx.AsyncClient(verify=False) as http:  # reading certificates takes a while
        yield ApiClient(http, BASE, key="secret", connect_timeout_seconds=1)


async def chunks(client):
    found = []
    async with asyncio.timeout(PATIENCE_SECONDS), client.stream_chat({"model": "m"}) as stream:
        while (chunk := await stream.next_chunk()) is not None:
            found.append(chunk)
    return found


@pytest.mark.parametrize(
    "blocks",
    [
        (TEA,),
        (b"data:", b' {"said":', b' "tea"}\n', b"\n"),
        (TEA.replace(b"\n", b"\r\n"),),
        (b": still here\n\n", TEA, b"data: [DONE]\n\n"),
        (b"event: word\nid: 1\n", TEA),
        (b"data:\n\n", TEA),
        (b"\xef\xbb\xbf" + TEA,),
        (TEA.rstrip(),),
    ],
)
async def test_a_stream_is_read_however_it_is_cut(client, chat, blocks):
    chat.respond(200, headers=EVENTS, stream=Body(*blocks))

    assert await chunks(client) == [{"said": "tea"}]


@pytest.mark.parametrize("mark", ["\u2028", "\u0085", "\x0b", "\x1c", "é"])
async def test_what_unicode_takes_for_the_end_of_a_line_is_none(client, chat, mark):
    line = json.dumps({"said": f"a{mark}b"}, ensure_ascii=False).encode()
    chat.respond(200, headers=EVENTS, stream=Body(b"data: " + line + b"\n\n"))

    assert await chunks(client) == [{"said": f"a{mark}b"}]


async def test_behind_the_last_word_the_line_is_read_to_its_end_for_the_next_question(client, chat):
    body = Body(TEA, b"data: [DONE]\n\n", b"\n", b"\n")
    chat.respond(200, headers=EVENTS, stream=body)
    await chunks(client)

    assert (body.blocks_read, body.closed) == (4, True)


async def test_a_server_that_hangs_up_without_a_goodbye_has_said_all(client, chat):
    body = Body(TEA, b"data: [DONE]\n\n", breaks=True)
    chat.respond(200, headers=EVENTS, stream=body)

    assert await chunks(client) == [{"said": "tea"}]


async def test_a_server_that_does_not_hang_up_is_not_waited_for(client, chat):
    body = Body(TEA, b"data: [DONE]\n\n", endless=True)
    chat.respond(200, headers=EVENTS, stream=body)

    assert await chunks(client) == [{"said": "tea"}]
    assert body.closed


async def test_whoever_leaves_closes_the_line(client, chat):
    body = Body(TEA, TEA, endless=True)
    chat.respond(200, headers=EVENTS, stream=body)
    async with client.stream_chat({}) as stream:
        await stream.next_chunk()

    assert body.closed


@pytest.mark.parametrize("line", [b'{"error": {"code": 7, "type": "odd"}}', b"[1]", b"7"])
async def test_a_failure_in_the_middle_is_a_refusal(client, chat, line):
    chat.respond(200, headers=EVENTS, stream=Body(TEA, b"data: " + line + b"\n\n"))
    with pytest.raises(ApiError) as raised:
        await chunks(client)

    assert raised.value.status == 0


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"error": {"type": "t", "code": 400}}, ("t", "400")),
        ({"type": "t"}, ("t", "")),
        ({"error": {"type": ["t"], "code": None}}, ("", "")),
        ({"error": "no"}, ("", "")),
        ("no", ("", "")),
    ],
)
async def test_a_refusal_tells_why_as_far_as_that_can_be_read(client, chat, body, told):
    chat.respond(429, json=body, headers={"retry-after": "3"})
    with pytest.raises(ApiError) as raised:
        await chunks(client)

    refused = raised.value
    assert (refused.status, refused.retry_after) == (429, "3")
    assert (refused.field("type"), refused.field("code")) == told


async def test_nobody_is_led_elsewhere(client, chat):
    chat.respond(307, headers={"location": "http://example.org/v1/chat/completions"})

    with pytest.raises(ApiError):
        await chunks(client)


async def test_a_server_learns_the_key_and_nothing_of_the_machine(client, chat):
    chat.respond(200, headers=EVENTS, stream=Body(TEA))
    await chunks(client)

    sent = chat.calls[0].request
    assert sent.headers["authorization"] == "Bearer secret"
    assert sent.headers["user-agent"].startswith("ambrosio/")
    assert json.loads(sent.content) == {"model": "m", "stream": True}
    assert not [name for name in sent.headers if name.startswith("x-")]
