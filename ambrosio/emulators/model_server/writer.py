"""How a stand-in's answer reaches the client: as a stream, or in one piece at the end."""

import asyncio
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from starlette.types import Receive, Send

from . import payloads
from .payloads import ChatPayloads, Json, Tally
from .responses import ChatCall, FinishName, ImageCall

ResponseState = Literal["waiting", "running", "finished", "cancelled"]

_STREAM = {"content-type": "text/event-stream", "cache-control": "no-cache"}
_JSON = {"content-type": "application/json"}


@dataclass(slots=True)
class ServedRequest:
    """How one request fared; `words` is what was sent of the answer so far."""

    request: ChatCall | ImageCall
    tell: Callable[[], None] = field(repr=False)
    state: ResponseState = "running"
    status: int = 200
    words: str = ""
    thoughts: str = ""

    def becomes(self, state: ResponseState) -> None:
        """Change the state; what has ended stays as it is."""
        if self.state in {"waiting", "running"}:
            self.state = state
            self.tell()


@dataclass(frozen=True, slots=True)
class Connection:
    """One client's connection, which can be broken."""

    send: Send
    receive: Receive
    transport: asyncio.BaseTransport

    async def open(self, status: int, headers: dict[str, str]) -> None:
        """Send the status and the headers."""
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        await self.send({"type": "http.response.start", "status": status, "headers": raw})

    async def write(self, body: bytes, *, more: bool = True) -> None:
        """Send a piece of the body, or its end."""
        await self.send({"type": "http.response.body", "body": body, "more_body": more})

    async def reply(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        """Send a whole response."""
        await self.open(status, {**headers, "content-length": str(len(body))})
        await self.write(body, more=False)

    async def break_off(self) -> None:
        """Send what is written, close the connection, and return when it is closed."""
        self.transport.close()
        await self.gone()

    async def gone(self) -> None:
        """Return when the connection is closed."""
        while (await self.receive())["type"] != "http.disconnect":
            pass


class _Writer:
    """What both kinds of answer share: the tokens, their pace and the record of them."""

    def __init__(
        self,
        request: ChatCall,
        served: ServedRequest,
        line: Connection,
        shape: ChatPayloads,
        delay: float,
    ) -> None:
        self._request = request
        self._served = served
        self._line = line
        self._shape = shape
        self._delay = delay
        self._tally = Tally(request.prompt_tokens, limit=request.max_tokens)

    async def open(self) -> None:
        """Send the headers, where they go ahead of the words."""

    async def think(self, text: str, *, pause: float = 0.0) -> None:
        """Give *text* as a thought, token by token."""
        for piece in _pieces(text):
            if self._tally.full:
                return
            await self._deliver({self._shape.thought_key: piece}, pause)
            self._tally.thoughts += 1
            self._served.thoughts += piece
            self._served.tell()

    async def say(self, text: str, *, pause: float = 0.0) -> bool:
        """Give *text* as answer, token by token; return whether all of it could be said."""
        for piece in _pieces(text):
            if self._tally.full:
                return False
            await self._deliver({"content": piece}, pause)
            self._tally.words += 1
            self._served.words += piece
            self._served.tell()
        return True

    async def break_off(self) -> None:
        """Break the connection."""
        self._served.becomes("finished")
        await self._line.break_off()

    async def _deliver(self, delta: Json, pause: float) -> None:
        # Even a pause of nothing lets the loop notice that the client has left.
        await asyncio.sleep(pause or self._delay)
        await self._send(delta)

    async def _send(self, delta: Json) -> None:
        raise NotImplementedError

    def _reason(self, reason: FinishName) -> FinishName:
        return "length" if self._tally.full else reason


class StreamWriter(_Writer):
    """An answer as server-sent events."""

    _opened = False
    _begun = False

    async def open(self) -> None:
        """Send the headers, once; llama.cpp does so before it reads the prompt."""
        if self._opened:
            return
        self._opened = True
        await self._line.open(200, _STREAM)

    async def finish(
        self, reason: FinishName = "stop", *, usage: bool = True, cached: int = 0
    ) -> None:
        """Send the reason, the counts and `[DONE]`."""
        await self._begin()
        self._tally.cached = cached
        options = self._request.extras.get("stream_options") or {}
        asked = bool(options.get("include_usage"))
        last = self._shape.last(self._reason(reason), self._tally, usage=usage, asked=asked)
        self._served.becomes("finished")
        await self._line.write(payloads.data(*last, "[DONE]"), more=False)

    async def trail_off(self) -> None:
        """End politely, but without a reason and without `[DONE]`."""
        self._served.becomes("finished")
        await self._line.write(b"", more=False)

    async def garble(self) -> None:
        """Send half an object and end."""
        self._served.becomes("finished")
        await self._line.write(payloads.data('{"choices": [{"delta": {"con'), more=False)

    async def protest(self, message: str) -> None:
        """Send an error object and end."""
        self._served.becomes("finished")
        body = payloads.error(self._shape.server_kind, 500, message=message)
        await self._line.write(payloads.data(body), more=False)

    async def _begin(self) -> None:
        if self._begun:
            return
        self._begun = True
        await self.open()
        first = [self._shape.chunk({"role": "assistant", "content": None})]
        if self._shape.server_kind == "llama" and self._request.extras.get("return_progress"):
            first += self._shape.progress(self._tally)
        await self._line.write(payloads.data(*first))

    async def _send(self, delta: Json) -> None:
        await self._begin()
        await self._line.write(payloads.data(self._shape.chunk(delta)))


class WholeWriter(_Writer):
    """An answer in one piece."""

    async def finish(
        self, reason: FinishName = "stop", *, usage: bool = True, cached: int = 0
    ) -> None:
        """Send everything that was said."""
        self._tally.cached = cached
        answer = self._answer(self._reason(reason))
        if not usage:
            del answer["usage"]
        await self._reply(200, answer)

    async def trail_off(self) -> None:
        """Send what was said, without a reason."""
        await self._reply(200, self._answer(None))

    async def garble(self) -> None:
        """Send half an object."""
        self._served.becomes("finished")
        await self._line.reply(200, b'{"choices": [{"message": {"con', _JSON)

    async def protest(self, message: str) -> None:
        """Refuse after all."""
        self._served.status = 500
        await self._reply(500, payloads.error(self._shape.server_kind, 500, message=message))

    async def _send(self, delta: Json) -> None:
        """Keep it for the end: `say` and `think` have it written down."""

    def _answer(self, reason: FinishName | None) -> Json:
        return self._shape.whole(self._served.words, self._served.thoughts, reason, self._tally)

    async def _reply(self, status: int, body: Json) -> None:
        self._served.becomes("finished")
        await self._line.reply(status, json.dumps(body).encode(), _JSON)


def _pieces(text: str) -> list[str]:
    """Cut *text* into words with the blanks before them; together they are *text* again."""
    return re.findall(r"\s*\S+|\s+", text)
