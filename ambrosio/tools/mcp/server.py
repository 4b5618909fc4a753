"""One MCP server: finding out which era it speaks, listing its tools, calling one."""

import asyncio
import logging
import re
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Protocol

from .protocol import (
    HANDSHAKE,
    LEGACY_VERSION,
    MAX_PAGES,
    META,
    MODERN_VERSION,
    McpFailed,
    McpRefused,
    ServerTool,
    is_modern,
    read_content,
    read_tools,
)

log = logging.getLogger(__name__)

VERSION = re.compile(r"\d{4}-\d\d-\d\d")
# Starting a server with npx may download it first.
CONNECT_SECONDS = 60.0
# A server of the older era may not answer `server/discover` at all.
DISCOVER_SECONDS = 5.0
CALL_SECONDS = 30.0
# How long a list of tools counts.
LIST_SECONDS = 600.0


class Transport(Protocol):
    """A way to a server."""

    @property
    def is_open(self) -> bool:
        """Whether requests can be sent."""
        ...

    async def open(self) -> None:
        """Begin afresh, or raise `McpFailed`."""
        ...

    async def ask(
        self, method: str, params: Mapping[str, object], *, version: str
    ) -> Mapping[str, Any]:
        """Send a request and return its result, or raise `McpFailed`."""
        ...

    async def tell(self, method: str) -> None:
        """Send a message that wants no answer, or raise `McpFailed`."""
        ...

    async def close(self) -> None:
        """End it."""
        ...


class McpServer:
    """One server, asked one thing at a time; begun afresh when it has died.

    Args:
        name: what the settings call it.
        transport: the way to it.
        call_seconds: how long a call may take.
        discover_seconds: how long it may take to say which era it speaks.
        now: a clock of seconds.
    """

    def __init__(
        self,
        name: str,
        transport: Transport,
        *,
        call_seconds: float = CALL_SECONDS,
        discover_seconds: float = DISCOVER_SECONDS,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name, self._transport = name, transport
        self._call_seconds, self._discover_seconds = call_seconds, discover_seconds
        self._now, self._listed_at = now, 0.0
        self._lock = asyncio.Lock()
        self._version = ""
        # What it offered when the connection began, by name.
        self._tools: Mapping[str, ServerTool] = {}

    async def tools(self) -> tuple[ServerTool, ...]:
        """List its tools as they are now, or raise `McpFailed`."""
        async with self._lock, self._failing_safely(CONNECT_SECONDS):
            await self._connect()
            return tuple(self._tools.values())

    async def call(
        self, name: str, fingerprint: str, arguments: Mapping[str, object]
    ) -> tuple[str, bool] | None:
        """Call a tool and return what it said, and whether that is an error; or raise `McpFailed`.

        None if the server describes the tool in other words than those with the fingerprint: then
        it is not called.
        """
        async with self._lock:
            if not self._transport.is_open or self._now() - self._listed_at > LIST_SECONDS:
                async with self._failing_safely(CONNECT_SECONDS):
                    await self._connect()
            offered = self._tools.get(name)
            if offered is None or offered.fingerprint != fingerprint:
                return None
            async with self._failing_safely(self._call_seconds):
                result = await self._ask("tools/call", {"name": name, "arguments": arguments})
            return read_content(result)

    async def close(self) -> None:
        """End the connection."""
        await self._transport.close()

    @asynccontextmanager
    async def _failing_safely(self, seconds: float) -> AsyncIterator[None]:
        """Limit the time, and close a connection that is in an unknown state."""
        try:
            async with asyncio.timeout(seconds):
                yield
        except TimeoutError:
            await self._transport.close()
            raise McpFailed(f"it did not answer within {seconds:.0f} seconds") from None
        except McpRefused:
            # It is well, and only does not want this.
            raise
        except (McpFailed, asyncio.CancelledError):
            await self._transport.close()
            raise

    async def _connect(self) -> None:
        await self._transport.open()
        self._version = MODERN_VERSION if await self._speaks_modern() else LEGACY_VERSION
        if self._version == LEGACY_VERSION:
            await self._shake_hands()
        self._tools = {tool.name: tool for tool in await self._list()}
        self._listed_at = self._now()
        log.info("MCP server %s speaks %s", self.name, self._version)

    async def _speaks_modern(self) -> bool:
        self._version = MODERN_VERSION
        try:
            async with asyncio.timeout(self._discover_seconds):
                return is_modern(await self._ask("server/discover", {}))
        except (McpFailed, TimeoutError):
            if not self._transport.is_open:
                await self._transport.open()
            return False

    async def _shake_hands(self) -> None:
        # Another connection: what was asked before may have confused it.
        await self._transport.open()
        answer = await self._ask("initialize", HANDSHAKE)
        version = answer.get("protocolVersion")
        if isinstance(version, str) and VERSION.fullmatch(version):
            self._version = version
        await self._transport.tell("notifications/initialized")

    async def _list(self) -> list[ServerTool]:
        found: list[ServerTool] = []
        cursor = ""
        for _ in range(MAX_PAGES):
            page, cursor = read_tools(
                await self._ask("tools/list", {"cursor": cursor} if cursor else {})
            )
            found += page
            if not cursor:
                break
        return found

    async def _ask(self, method: str, params: Mapping[str, object]) -> Mapping[str, Any]:
        if self._version == MODERN_VERSION:
            params = {**params, "_meta": META}
        return await self._transport.ask(method, params, version=self._version)
