"""Writes a stand-in's answer to the client: as a stream, or in one piece at the end."""

import asyncio
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from starlette.types import Receive, Send

from .. import Json
from . import payloads
from .payloads import ChatPayloads, TokenCount
from .responses import ChatCall, FinishName, ImageCall

ResponseState = Literal["waiting", "running", "finished", "cancelled"]

_STREAM = {"content-type": "text/event-stream", "cache-control": "no-cache"}
_JSON = {"content-type": "application/json"}


@dataclass(slots=True)
class ServedRequest:
    """The record of one request; `words` is the part of the answer sent so far."""

    request: ChatCall | ImageCall
    on_change: Callable[[], None] = field(repr=False)
    state: ResponseState = "running"
    status: int = 200
    words: str = ""
    thoughts: str = ""
    calls: list[tuple[str, str]] = field(default_factory=list)

    def set_state(self, state: ResponseState) -> None:
        """Change the state, unless the request has ended."""
        if self.state in {"waiting", "running"}:
            self.state = state
            self.on_change()


@dataclass(frozen=True, slots=True)
class Connection:
    """One client's connection, which can be cut."""

    send: Send
    receive: Receive
    transport: asyncio.BaseTransport

    async def open(self, status: int, headers: dict[str, str]) -> None:
        """Send the status and the headers."""
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        await self.send({"type": "http.response.start", "status": status, "headers": raw})

    async def write(self, body: bytes, *, more: bool = True) -> None:
        """Send a part of the body; with `more=False`, the last one."""
        await self.send({"type": "http.response.body", "body": body, "more_body": more})

    async def reply(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        """Send a whole response."""
        await self.open(status, {**headers, "content-length": str(len(body))})
        await self.write(body, more=False)

    async def disconnect(self) -> None:
        """Flush, close the connection, and return once it is closed."""
        self.transport.close()
        await self.wait_closed()

    async def wait_closed(self) -> None:
        """Return once the connection is closed."""
        while (await self.receive())["type"] != "http.disconnect":
            pass


class _Writer:
    """The common part of both writers: tokens, pace and the record."""

    def __init__(
        self,
        request: ChatCall,
        served: ServedRequest,
        connection: Connection,
        chat_payloads: ChatPayloads,
        delay: float,
    ) -> None:
        self._request = request
        self._served = served
        self._connection = connection
        self._payloads = chat_payloads
        self._delay = delay
        self._tokens = TokenCount(request.prompt_tokens, limit=request.max_tokens)

    async def open(self) -> None:
        """Send the headers, if they are sent before the text."""

    async def ping(self) -> None:
        """Send a sign of life that is no event, if the answer is a stream."""

    async def think(self, text: str, *, pause: float = 0.0) -> None:
        """Write *text* as reasoning, token by token."""
        for piece in _split_words(text):
            if self._tokens.full:
                return
            await self._pace_delta({self._payloads.thought_key: piece}, pause)
            self._tokens.thoughts += 1
            self._served.thoughts += piece
            self._served.on_change()

    async def say(self, text: str, *, pause: float = 0.0) -> bool:
        """Write *text* as answer, token by token; return whether it fitted `max_tokens`."""
        for piece in _split_words(text):
            if self._tokens.full:
                return False
            await self._pace_delta({"content": piece}, pause)
            self._tokens.words += 1
            self._served.words += piece
            self._served.on_change()
        return True

    async def call(self, name: str, arguments: str, *, whole: bool = False) -> None:
        """Write a call of a tool: name and id once, then the arguments in pieces."""
        number = len(self._served.calls)
        self._served.calls.append((name, arguments))
        pieces = [arguments] if whole else ["", *re.findall(r".{1,7}", arguments, re.DOTALL)]
        for position, piece in enumerate(pieces):
            delta: Json = {"index": number, "function": {"arguments": piece}}
            if position == 0:
                delta |= {"id": f"call_{number}_standin", "type": "function"}
                delta["function"] |= {"name": name}
            await self._pace_delta({"tool_calls": [delta]}, 0.0)
            self._tokens.words += 1
        self._served.on_change()

    async def disconnect(self) -> None:
        """Close the connection without finishing."""
        self._served.set_state("finished")
        await self._connection.disconnect()

    async def _pace_delta(self, delta: Json, pause: float) -> None:
        # Even a pause of 0 lets the event loop notice a disconnect.
        await asyncio.sleep(pause or self._delay)
        await self._send_delta(delta)

    async def _send_delta(self, delta: Json) -> None:
        raise NotImplementedError

    def _reason(self, reason: FinishName) -> FinishName:
        return "length" if self._tokens.full else reason


class StreamWriter(_Writer):
    """Writes an answer as server-sent events."""

    _opened = False
    _started = False

    async def open(self) -> None:
        """Send the headers, once; llama.cpp does so before it reads the prompt."""
        if self._opened:
            return
        self._opened = True
        await self._connection.open(200, _STREAM)

    async def ping(self) -> None:
        """Send a comment, as llama.cpp does."""
        await self.open()
        await self._connection.write(b":\n\n")

    async def finish(
        self, reason: FinishName = "stop", *, usage: bool = True, cached: int = 0
    ) -> None:
        """Send the finish reason, the usage and `[DONE]`."""
        await self._send_first_chunk()
        self._tokens.cached = cached
        options = self._request.extras.get("stream_options") or {}
        requested = bool(options.get("include_usage"))
        last = self._payloads.last(
            self._reason(reason), self._tokens, usage=usage, usage_requested=requested
        )
        self._served.set_state("finished")
        await self._connection.write(payloads.encode_sse(*last, "[DONE]"), more=False)

    async def end_without_reason(self) -> None:
        """End the stream cleanly, but without a finish reason and `[DONE]`."""
        self._served.set_state("finished")
        await self._connection.write(b"", more=False)

    async def send_invalid_json(self) -> None:
        """Send half a JSON object and end."""
        self._served.set_state("finished")
        await self._connection.write(
            payloads.encode_sse('{"choices": [{"delta": {"con'), more=False
        )

    async def send_error(self, message: str) -> None:
        """Send an error object and end."""
        self._served.set_state("finished")
        body = payloads.error_body(self._payloads.server_kind, 500, message=message)
        await self._connection.write(payloads.encode_sse(body), more=False)

    async def _send_first_chunk(self) -> None:
        if self._started:
            return
        self._started = True
        await self.open()
        first = [self._payloads.chunk({"role": "assistant", "content": None})]
        if self._payloads.server_kind == "llama" and self._request.extras.get("return_progress"):
            first += self._payloads.progress(self._tokens)
        await self._connection.write(payloads.encode_sse(*first))

    async def _send_delta(self, delta: Json) -> None:
        await self._send_first_chunk()
        await self._connection.write(payloads.encode_sse(self._payloads.chunk(delta)))


class WholeWriter(_Writer):
    """Writes an answer in one piece."""

    async def finish(
        self, reason: FinishName = "stop", *, usage: bool = True, cached: int = 0
    ) -> None:
        """Send the whole answer."""
        self._tokens.cached = cached
        answer = self._answer(self._reason(reason))
        if not usage:
            del answer["usage"]
        await self._reply(200, answer)

    async def end_without_reason(self) -> None:
        """Send the whole answer without a finish reason."""
        await self._reply(200, self._answer(None))

    async def send_invalid_json(self) -> None:
        """Send half a JSON object."""
        self._served.set_state("finished")
        await self._connection.reply(200, b'{"choices": [{"message": {"con', _JSON)

    async def send_error(self, message: str) -> None:
        """Send an error instead of the answer."""
        self._served.status = 500
        await self._reply(
            500, payloads.error_body(self._payloads.server_kind, 500, message=message)
        )

    async def _send_delta(self, delta: Json) -> None:
        """Do nothing: `say` and `think` have recorded it for the end."""

    def _answer(self, reason: FinishName | None) -> Json:
        return self._payloads.whole(self._served.words, self._served.thoughts, reason, self._tokens)

    async def _reply(self, status: int, body: Json) -> None:
        self._served.set_state("finished")
        await self._connection.reply(status, json.dumps(body).encode(), _JSON)


def _split_words(text: str) -> list[str]:
    """Split *text* into words, each with the whitespace before it."""
    return re.findall(r"\s*\S+|\s+", text)
