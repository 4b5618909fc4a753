"""The OpenAI API over HTTP, as far as it is spoken here: a request, a stream of JSON, a refusal.

Not by the SDK of that name, which takes 15 MB of the 70 that the whole bot may take. It does not
know what a request means, and fails as httpx, httpx-sse and json do, or with `BotApiError`.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager, suppress
from typing import Any

import httpx
from httpx_sse import EventSource

from .. import __version__

# A line that is read to its end can be used again; nobody waits long for that.
GOODBYE_SECONDS = 0.5


class Refused(Exception):
    """A server says no: by its status, or in the middle of a stream (`status` 0)."""

    def __init__(self, status: int, body: object, retry_after: str = "") -> None:
        super().__init__(f"status {status}")
        self.status, self.retry_after = status, retry_after
        inner = body.get("error", body) if isinstance(body, dict) else body
        self.body: Mapping[str, Any] = inner if isinstance(inner, dict) else {}

    def told(self, name: str) -> str:
        """Give a field of the error's description, "" when it is missing or odd."""
        value = self.body.get(name)
        return str(value) if isinstance(value, str | int) else ""


class Wire:
    """The way to one server."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        base_url: str,
        *,
        key: str,
        connect_seconds: float,
        reuses: bool = True,
    ) -> None:
        self._http, self._base_url = http, base_url
        self._timeout = httpx.Timeout(None, connect=connect_seconds)
        self._headers = {"User-Agent": f"ambrosio/{__version__}"}
        if key:
            self._headers["Authorization"] = f"Bearer {key}"
        if not reuses:
            self._headers["Connection"] = "close"

    async def get(self, address: str) -> Any:
        """Give the JSON that lies at a path or an address."""
        async with self._opened("GET", address) as answer:
            return json.loads(await answer.aread())

    @asynccontextmanager
    async def posted(self, path: str, body: Mapping[str, Any]) -> AsyncIterator[httpx.Response]:
        """Ask, and give the answer before its body is read."""
        async with self._opened("POST", path, body) as answer:
            yield answer

    @asynccontextmanager
    async def stream(
        self, path: str, body: Mapping[str, Any]
    ) -> AsyncIterator[AsyncGenerator[dict[str, Any]]]:
        """Ask, and give the pieces of the answer as they come; the line is closed at the end."""
        async with (
            self._opened("POST", path, {**body, "stream": True}) as answer,
            aclosing(_pieces(answer)) as pieces,
        ):
            yield pieces

    @asynccontextmanager
    async def _opened(
        self, method: str, address: str, body: Mapping[str, Any] | None = None
    ) -> AsyncIterator[httpx.Response]:
        url = self._base_url + address if address.startswith("/") else address
        # A redirect is not followed: it might lead out of the house.
        async with self._http.stream(
            method, url, json=body, headers=self._headers, timeout=self._timeout
        ) as answer:
            if not answer.is_success:
                await answer.aread()
                retry_after = answer.headers.get("retry-after", "")
                raise Refused(answer.status_code, _json(answer), retry_after)
            yield answer


def _json(answer: httpx.Response) -> object:
    try:
        return answer.json()
    except (ValueError, RecursionError):
        return None


async def _pieces(answer: httpx.Response) -> AsyncGenerator[dict[str, Any]]:
    """Read a stream of events, each of which is an object, up to `[DONE]`."""
    async with aclosing(EventSource(answer).aiter_sse()) as events:
        async for event in events:
            if event.data == "[DONE]":
                # However the server hangs up, all has been said.
                with suppress(TimeoutError, httpx.HTTPError):
                    async with asyncio.timeout(GOODBYE_SECONDS):
                        async for _rest in events:
                            pass
                return
            if not event.data:
                continue
            piece = event.json()
            if not isinstance(piece, dict) or piece.get("error"):
                raise Refused(0, piece)
            yield piece
