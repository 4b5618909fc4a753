"""An MCP server by HTTP: one POST for each message, answered with JSON or with server-sent events.

Streamable HTTP, in both eras: the older one has a session, whose id goes along with each request.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from itertools import count
from typing import Any

import httpx

from .protocol import (
    MAX_MESSAGE_BYTES,
    McpFailed,
    decode,
    encode_notification,
    encode_request,
    is_request,
    read_result,
)

SESSION = "Mcp-Session-Id"


class HttpTransport:
    """Sends messages to one URL, which is the owner's choice.

    Args:
        url: of the server's endpoint.
        key: sent as a bearer token, if not empty.
        http: a client that leads there.
    """

    def __init__(self, url: str, key: str, http: httpx.AsyncClient) -> None:
        self._url, self._key, self._http = url, key, http
        self._session = ""
        self._ids = count(1)
        self.is_open = False

    async def open(self) -> None:
        """Forget the session; the next request begins another."""
        self._session = ""
        self.is_open = True

    async def ask(
        self, method: str, params: Mapping[str, object], *, version: str
    ) -> Mapping[str, Any]:
        """Send a request and return its result, or raise `McpFailed`."""
        request_id = next(self._ids)
        headers = {"MCP-Protocol-Version": version, "Mcp-Method": method}
        if isinstance(name := params.get("name"), str):
            headers["Mcp-Name"] = name
        body = encode_request(request_id, method, params)
        async with aclosing(self._post(body, headers)) as messages:
            async for message in messages:
                if message.get("id") == request_id and not is_request(message):
                    return read_result(message)
        raise McpFailed("its answer does not match the request")

    async def tell(self, method: str) -> None:
        """Send a message that wants no answer, or raise `McpFailed`."""
        async with aclosing(self._post(encode_notification(method), {})) as messages:
            async for _ in messages:
                break

    async def close(self) -> None:
        """Forget the session."""
        self.is_open = False

    async def _post(
        self, body: bytes, headers: Mapping[str, str]
    ) -> AsyncGenerator[Mapping[str, Any]]:
        """Yield the messages that come back."""
        try:
            async with self._http.stream(
                "POST",
                self._url,
                content=body,
                headers={**self._headers(), **headers},
                follow_redirects=False,
                # The caller says how long it may take.
                timeout=None,
            ) as response:
                self._session = response.headers.get(SESSION, self._session)
                if response.status_code == httpx.codes.NOT_FOUND and self._session:
                    self.is_open = False
                async for message in _messages(response):
                    yield message
        except httpx.HTTPError as exc:
            raise McpFailed("its server cannot be reached") from exc

    def _headers(self) -> dict[str, str]:
        headers = {
            "Content-Type": "application/json",
            "Accept": "application/json, text/event-stream",
            "User-Agent": "Ambrosio",
        }
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        if self._session:
            headers[SESSION] = self._session
        return headers


async def _messages(response: httpx.Response) -> AsyncIterator[Mapping[str, Any]]:
    """Read the messages in a response: one of JSON, or one in each event.

    An error may come with a status of its own, and is read like any other answer.
    """
    if response.headers.get("Content-Type", "").lower().startswith("text/event-stream"):
        async for data in _events(response):
            yield decode(data)
        return
    body = bytearray()
    async for piece in response.aiter_bytes():
        body += piece
        _check_size(len(body))
    message = decode(bytes(body))
    if not response.is_success and "error" not in message:
        raise McpFailed(f"its server answered {response.status_code}")
    yield message


async def _events(response: httpx.Response) -> AsyncIterator[str]:
    """Yield the data of each server-sent event."""
    data: list[str] = []
    size = 0
    async for line in response.aiter_lines():
        size += len(line)
        _check_size(size)
        if line.startswith("data:"):
            data.append(line[5:].removeprefix(" "))
        elif not line and data:
            yield "\n".join(data)
            data.clear()


def _check_size(size: int) -> None:
    if size > MAX_MESSAGE_BYTES:
        raise McpFailed("it sent too much")
