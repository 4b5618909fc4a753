"""A request, a stream of JSON, a refusal: HTTP as model servers speak it."""

import asyncio
import json

import httpx
import pytest
import respx

from ambrosio.providers.http import Refused, Wire

BASE = "http://127.0.0.1:9/v1"
EVENTS = {"content-type": "text/event-stream"}
TEA = b'data: {"said": "tea"}\n\n'


class Body(httpx.AsyncByteStream):
    """What is sent block by block; it notes that it was closed."""

    def __init__(self, *blocks, endless=False, breaks=False):
        self.blocks, self.endless, self.breaks = blocks, endless, breaks
        self.read_prompt, self.closed = 0, False

    async def __aiter__(self):
        for block in self.blocks:
            self.read_prompt += 1
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
        yield router.post(f"{BASE}/chat")


@pytest.fixture
async def wire():
    async with httpx.AsyncClient(verify=False) as http:  # reading certificates takes a while
        yield Wire(http, BASE, key="secret", connect_seconds=1)


async def pieces(wire):
    async with asyncio.timeout(5), wire.stream("/chat", {"model": "m"}) as stream:
        return [piece async for piece in stream]


@pytest.mark.parametrize(
    "blocks",
    [
        (TEA,),
        (b"data:", b' {"said":', b' "tea"}\n', b"\n"),
        (TEA.replace(b"\n", b"\r\n"),),
        (b": still here\n\n", TEA, b"data: [DONE]\n\n"),
        (b"event: word\nid: 1\n", TEA),
        (b"data:\n\n", TEA),
    ],
)
async def test_a_stream_is_read_however_it_is_cut(wire, chat, blocks):
    chat.respond(200, headers=EVENTS, stream=Body(*blocks))

    assert await pieces(wire) == [{"said": "tea"}]


@pytest.mark.parametrize("mark", ["\u2028", "\u0085", "\x0b", "\x1c", "é"])
async def test_what_unicode_takes_for_the_end_of_a_line_is_none(wire, chat, mark):
    line = json.dumps({"said": f"a{mark}b"}, ensure_ascii=False).encode()
    chat.respond(200, headers=EVENTS, stream=Body(b"data: " + line + b"\n\n"))

    assert await pieces(wire) == [{"said": f"a{mark}b"}]


async def test_behind_the_last_word_the_line_is_read_to_its_end_for_the_next_question(wire, chat):
    body = Body(TEA, b"data: [DONE]\n\n", b"\n", b"\n")
    chat.respond(200, headers=EVENTS, stream=body)
    await pieces(wire)

    assert (body.read_prompt, body.closed) == (4, True)


async def test_a_server_that_hangs_up_without_a_goodbye_has_said_all(wire, chat):
    body = Body(TEA, b"data: [DONE]\n\n", breaks=True)
    chat.respond(200, headers=EVENTS, stream=body)

    assert await pieces(wire) == [{"said": "tea"}]


async def test_a_server_that_does_not_hang_up_is_not_waited_for(wire, chat):
    body = Body(TEA, b"data: [DONE]\n\n", endless=True)
    chat.respond(200, headers=EVENTS, stream=body)

    assert await pieces(wire) == [{"said": "tea"}]
    assert body.closed


async def test_whoever_leaves_closes_the_line(wire, chat):
    body = Body(TEA, TEA, endless=True)
    chat.respond(200, headers=EVENTS, stream=body)
    async with wire.stream("/chat", {}) as stream:
        await anext(stream)

    assert body.closed


@pytest.mark.parametrize("line", [b'{"error": {"code": 7, "type": "odd"}}', b"[1]", b"null"])
async def test_a_failure_in_the_middle_is_a_refusal(wire, chat, line):
    chat.respond(200, headers=EVENTS, stream=Body(TEA, b"data: " + line + b"\n\n"))
    with pytest.raises(Refused) as raised:
        await pieces(wire)

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
async def test_a_refusal_tells_why_as_far_as_that_can_be_read(wire, chat, body, told):
    chat.respond(429, json=body, headers={"retry-after": "3"})
    with pytest.raises(Refused) as raised:
        await pieces(wire)

    refused = raised.value
    assert (refused.status, refused.retry_after) == (429, "3")
    assert (refused.told("type"), refused.told("code")) == told


async def test_nobody_is_led_elsewhere(wire, chat):
    chat.respond(307, headers={"location": "http://example.org/v1/chat"})

    with pytest.raises(Refused):
        await pieces(wire)


async def test_a_server_learns_the_key_and_nothing_of_the_machine(wire, chat):
    chat.respond(200, headers=EVENTS, stream=Body(TEA))
    await pieces(wire)

    sent = chat.calls[0].request
    assert sent.headers["authorization"] == "Bearer secret"
    assert sent.headers["user-agent"].startswith("ambrosio/")
    assert json.loads(sent.content) == {"model": "m", "stream": True}
    assert not [name for name in sent.headers if name.startswith("x-")]
