"""A line to Telegram that breaks at a chosen moment of one call, as httpx reports it."""

from collections.abc import Callable
from dataclasses import dataclass, field

import httpx
import pytest

# What happens, whether Telegram gets the call all the same, and what httpx raises.
BREAKS: dict[str, tuple[bool, Callable[[str], httpx.TransportError]]] = {
    "no connection": (False, httpx.ConnectError),
    "a connection takes too long": (False, httpx.ConnectTimeout),
    "all connections are busy": (False, httpx.PoolTimeout),
    "timeout before Telegram has it": (False, httpx.ReadTimeout),
    "timeout after Telegram has it": (True, httpx.ReadTimeout),
    "reset before Telegram has it": (False, httpx.WriteError),
    "reset after Telegram has it": (True, httpx.ReadError),
    "closed without a response": (True, httpx.RemoteProtocolError),
}
# Those that leave open whether Telegram has it.
UNCERTAIN = frozenset(
    (
        "timeout before Telegram has it",
        "timeout after Telegram has it",
        "reset before Telegram has it",
        "reset after Telegram has it",
        "closed without a response",
    )
)


@dataclass
class BadLine:
    """Breaks the next calls of a method, once each time it is told to."""

    planned: list[tuple[str, str]] = field(default_factory=list)

    def break_next(self, method: str, how: str) -> None:
        """Let the next call of a method fail as `how` says."""
        self.planned.append((method.lower(), how))

    def install(self, patch: pytest.MonkeyPatch) -> None:
        """Stand between every client and its server from now on."""
        send = httpx.AsyncHTTPTransport.handle_async_request

        async def handle(
            transport: httpx.AsyncHTTPTransport, request: httpx.Request
        ) -> httpx.Response:
            method = request.url.path.rpartition("/")[2].lower()
            due = next((plan for plan in self.planned if plan[0] == method), None)
            if due is None or "/bot" not in request.url.path:
                return await send(transport, request)
            self.planned.remove(due)
            arrives, failure = BREAKS[due[1]]
            if arrives:
                response = await send(transport, request)
                await response.aread()
                await response.aclose()
            raise failure(due[1])

        patch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", handle)
