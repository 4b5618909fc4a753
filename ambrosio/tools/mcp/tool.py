"""A tool of an MCP server, as the models see it."""

import json
import re

from ...core.tool_policy import ArgumentSource, ToolKind
from ...core.tools import ProposedCall, ToolDefinition, ToolResult
from ...store import AllowedTool
from ..quoting import HEADING, quote_lines
from ..tool import Arguments, ToolContext
from .protocol import McpFailed
from .server import McpServer

MAX_NAME_CHARACTERS = 64


class McpTool:
    """Calls one tool of a server, if it is still what the owner has allowed.

    Args:
        allowed: the tool as the owner saw it.
        server: who has it.
        local_only: whether the server tells nobody what it is told.
    """

    def __init__(self, allowed: AllowedTool, server: McpServer, *, local_only: bool) -> None:
        self._allowed, self._server = allowed, server
        self.definition = ToolDefinition(
            tool_name(allowed.server, allowed.name),
            allowed.description,
            allowed.schema,
            kind=ToolKind.LOCAL_SERVER if local_only else ToolKind.REMOTE_SERVER,
            destination=f"MCP server {allowed.server}",
            in_groups=False,
            for_guests=False,
        )

    def note(self, arguments: Arguments) -> str:
        """Say whom is being asked."""
        return f"Asking {self._allowed.server}"

    def source(self, arguments: Arguments, context: ToolContext) -> ArgumentSource:
        """Say that a model worded the arguments: nobody can tell what they mean to the server."""
        return ArgumentSource.MODEL

    def proposal(self, arguments: Arguments) -> ProposedCall:
        """Ask the person whether the server may be told this."""
        server, name = self._allowed.server, self._allowed.name
        sent = json.dumps(dict(arguments), ensure_ascii=False)
        question = f"Shall I call {name} of the MCP server {server} with this?"
        return ProposedCall(self.definition.name, sent, question, sent, "Call")

    async def run(self, arguments: Arguments, context: ToolContext) -> ToolResult:
        """Call the tool."""
        server, name = self._allowed.server, self._allowed.name
        try:
            answer = await self._server.call(name, self._allowed.fingerprint, arguments)
        except McpFailed as exc:
            return ToolResult(f"Error: {server} failed: {exc}.", f"could not ask {server}: {exc}")
        if answer is None:
            line = f"{server} has changed its tool {name}: an owner has to allow it with /mcp"
            return ToolResult("Error: the tool is not available.", line)
        text, is_error = answer
        what = f"{'An error' if is_error else 'Result'} of the MCP server {server}"
        return ToolResult(
            HEADING.format(what=what) + quote_lines(text),
            f"asked {server}: {name}",
            from_outside=True,
        )


def tool_name(server: str, tool: str) -> str:
    """Name a tool for the models; no tool of our own has two underscores."""
    return f"{server}__{re.sub(r'[^A-Za-z0-9_-]', '_', tool)}"[:MAX_NAME_CHARACTERS]
