"""The body of an event stream, in the form that the SDK reads.

The SDK takes every event for JSON, also one without data, which servers and gateways send as a
sign of life. So nothing is passed on but lines of data and the blank lines between them. No
`openai` here: what the chunks are is `openai_client`'s.
"""

import re
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx

# A CR at the end may be the first half of a CRLF.
LINE_END = re.compile(rb"\r\n|\n|\r(?!\n|\Z)")
DONE = b"[DONE]"
# Data that is no chunk: none, a comment that a gateway has wrapped, a word such as "ping".
SIGN_OF_LIFE = re.compile(rb"\Z|:|(?!\[DONE\])\[?[A-Za-z]")
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class EventBytes(httpx.AsyncByteStream):
    """Passes on the events that hold something; `on_bytes` is told of whatever arrives.

    The last event counts without its blank line, even if the connection breaks behind it.

    Attributes:
        is_done: whether the server has sent `[DONE]`.
        document: what came, if it is no stream of events at all.
    """

    def __init__(self, body: Any, on_bytes: Callable[[], None] = lambda: None) -> None:
        self._body, self._on_bytes = body, on_bytes
        self.is_done = False
        self.document = b""
        self._has_data = False
        # Whether the last event still lacks its blank line.
        self._is_open = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        rest, failure = b"", None
        try:
            async for data in self._body:
                self._on_bytes()
                *lines, rest = LINE_END.split(rest + data)
                yield b"".join(map(self._line, lines))
        except httpx.TransportError as exc:
            failure = exc
        if failure is None or _is_whole(rest):
            yield self._line(rest) if rest else b""
            yield b"\n" if self._is_open else b""
        if failure:
            raise failure

    def _line(self, line: bytes) -> bytes:
        line = line.removeprefix(BYTE_ORDER_MARK)
        if not line.strip():
            self._is_open = False
            return b"\n"
        if self.document or (not self._has_data and line.lstrip().startswith((b"{", b"<"))):
            self.document += line + b"\n"
            return b""
        name, _, value = line.partition(b":")
        value = value.strip()
        if name != b"data" or (not self._is_open and SIGN_OF_LIFE.match(value)):
            return b""
        self._has_data = self._is_open = True
        self.is_done = self.is_done or value.startswith(DONE)
        return line + b"\n"

    async def aclose(self) -> None:
        """Close the connection."""
        await self._body.aclose()


def _is_whole(line: bytes) -> bool:
    """Say whether a line that a broken connection has left may be a whole one."""
    return line.rstrip().endswith((b"}", DONE)) or not line
