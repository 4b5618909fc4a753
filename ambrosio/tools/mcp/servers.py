"""All MCP servers that are set up: what the owner has allowed of them, and asking what is new."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from typing import Literal

import httpx

from ...config.mcp import McpServerConfig
from ...config.network import remote_client, trusted_certificates
from ...config.settings import Settings
from ...core.addresses import is_local
from ...core.messages import Outgoing
from ...store import AllowedTool, Store
from ..tool import Tool
from .http import HttpTransport
from .protocol import ServerTool
from .schema import is_too_large, shorten, simplify
from .server import McpServer
from .stdio import StdioTransport
from .tool import McpTool

ToolState = Literal["allowed", "new", "changed", "missing", "too large"]


DIGEST_CHARACTERS = 32


@dataclass(frozen=True, slots=True)
class ReviewedTool:
    """A tool of the settings as its server describes it now; None if it does not have it.

    `before` is the tool as an owner has allowed it.
    """

    name: str
    state: ToolState
    tool: AllowedTool | None = None
    before: AllowedTool | None = None


@dataclass(frozen=True, slots=True)
class Review:
    """What an owner is shown of one server before they allow its tools."""

    server: str
    tools: tuple[ReviewedTool, ...]

    @property
    def usable(self) -> tuple[AllowedTool, ...]:
        """What would be allowed."""
        return tuple(each.tool for each in self.tools if each.tool and each.state != "too large")

    @property
    def is_news(self) -> bool:
        """Whether anything differs from what is allowed."""
        return any(each.state in {"new", "changed"} for each in self.tools)

    @property
    def digest(self) -> str:
        """What tells this review from another, short enough for a button.

        A server chooses both of two descriptions: with half of this it would find two alike.
        """
        prints = "".join(tool.name + tool.fingerprint for tool in self.usable)
        return sha256(prints.encode()).hexdigest()[:DIGEST_CHARACTERS]

    @property
    def changed(self) -> tuple[tuple[AllowedTool, AllowedTool], ...]:
        """The tools that are not as they were allowed: before and now."""
        return tuple(
            (one.before, one.tool)
            for one in self.tools
            if one.before and one.tool and one.before.fingerprint != one.tool.fingerprint
        )


class McpServers:
    """The servers by their names, and their tools as far as an owner has allowed them."""

    def __init__(
        self, configs: Mapping[str, McpServerConfig], servers: Mapping[str, McpServer], store: Store
    ) -> None:
        self.configs, self._servers, self._store = configs, servers, store
        # What was shown last of each server: only that can be allowed.
        self._reviews: dict[str, Review] = {}
        # Servers whose tools were found to have changed when they were called.
        self.changed: asyncio.Queue[str] = asyncio.Queue()
        self._tools = self._make_tools()

    def tools(self) -> tuple[Tool, ...]:
        """Return the tools that models may be told of; no server is started for that."""
        return self._tools

    async def review(self, name: str) -> Review:
        """Ask a server for its tools, or raise `McpFailed`."""
        there = {tool.name: tool for tool in await self._servers[name].tools()}
        allowed = {tool.name: tool for tool in self._allowed() if tool.server == name}
        review = Review(
            name,
            tuple(
                _review(name, wanted, there.get(wanted), allowed.get(wanted))
                for wanted in self.configs[name].allow
            ),
        )
        self._reviews[name] = review
        return review

    async def allow(self, name: str, digest: str) -> bool:
        """Allow what was shown of a server; False if it says something else by now.

        Raises `McpFailed` if it has to be asked, as after a restart, and does not answer.
        """
        if name not in self._servers:
            return False
        review = self._reviews.get(name)
        if review is None or review.digest != digest:
            review = await self.review(name)
        if review.digest != digest:
            return False
        self._store.mcp_tools.replace(name, review.usable)
        self._tools = self._make_tools()
        return True

    def switch_off(self, review: Review, messages: Iterable[Outgoing]) -> bool:
        """Switch off what has changed, and tell owners with `messages`; False if it was off."""
        names = [tool.name for _, tool in review.changed]
        is_news = self._store.switch_off_tools(review.server, names, messages)
        self._tools = self._make_tools()
        return is_news

    def decline(self, name: str) -> None:
        """Allow nothing any more of what has changed at a server."""
        self._store.mcp_tools.remove_off(name)

    def _allowed(self) -> list[AllowedTool]:
        """List what was allowed and is still wanted by the settings."""
        return [
            tool
            for tool in self._store.mcp_tools.all()
            if tool.server in self.configs and tool.name in self.configs[tool.server].allow
        ]

    def _make_tools(self) -> tuple[Tool, ...]:
        return tuple(
            McpTool(
                tool,
                self._servers[tool.server],
                local_only=self.configs[tool.server].local_only,
                on_change=partial(self.changed.put_nowait, tool.server),
            )
            for tool in self._allowed()
            if not tool.is_off
        )


def _review(
    server: str, name: str, there: ServerTool | None, allowed: AllowedTool | None
) -> ReviewedTool:
    if there is None:
        return ReviewedTool(name, "missing")
    description, schema = shorten(there.description), simplify(there.schema)
    tool = AllowedTool(server, name, description, schema, there.fingerprint)
    if is_too_large(name, description, schema):
        return ReviewedTool(name, "too large", tool)
    if allowed is None:
        return ReviewedTool(name, "new", tool)
    same = allowed.fingerprint == tool.fingerprint and not allowed.is_off
    return ReviewedTool(name, "allowed" if same else "changed", tool, allowed)


@asynccontextmanager
async def open_mcp_servers(
    settings: Settings, store: Store, *, now: Callable[[], float]
) -> AsyncIterator[McpServers]:
    """Yield the servers that are set up, none of them started, and end them afterwards."""
    if not settings.mcp:
        yield McpServers({}, {}, store)
        return
    async with (
        remote_client(trusted_certificates()) as http,
        httpx.AsyncClient(trust_env=False) as local_http,
    ):
        servers = {
            name: McpServer(name, _transport(config, http, local_http), now=now)
            for name, config in settings.mcp.items()
        }
        try:
            yield McpServers(settings.mcp, servers, store)
        finally:
            for server in servers.values():
                await server.close()


def _transport(
    config: McpServerConfig, http: httpx.AsyncClient, local_http: httpx.AsyncClient
) -> StdioTransport | HttpTransport:
    if config.url:
        client = local_http if is_local(config.url) else http
        return HttpTransport(config.url, config.api_key.get_secret_value(), client)
    variables = {name: value.get_secret_value() for name, value in config.env.items()}
    return StdioTransport(config.command, variables)
