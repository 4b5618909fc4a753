"""What is said to an MCP server and what it answers, in both eras of the protocol. Pure.

Until revision 2025-11-25 a connection begins with a handshake; from 2026-07-28 on there is none,
and each request says who asks. Neither understands the other: a modern server answers
`server/discover`, a server of the older era refuses it. Everything a server sends is foreign: what
is not as it should be is `McpFailed`.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

MODERN_VERSION = "2026-07-28"
# The last one with a handshake; a server answers with the one that it speaks.
LEGACY_VERSION = "2025-11-25"
CLIENT = {"name": "ambrosio", "version": "1"}
META = {
    "io.modelcontextprotocol/protocolVersion": MODERN_VERSION,
    "io.modelcontextprotocol/clientInfo": CLIENT,
    "io.modelcontextprotocol/clientCapabilities": {},
}
HANDSHAKE = {"protocolVersion": LEGACY_VERSION, "capabilities": {}, "clientInfo": CLIENT}
METHOD_NOT_FOUND = -32_601
# One message, one page of a list, or one result.
MAX_MESSAGE_BYTES = 1_000_000
MAX_PAGES = 10
TOOL_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")


class McpFailed(Exception):
    """An MCP server did not do as it was asked; the text is one clause, without its own words."""


class McpRefused(McpFailed):
    """An MCP server answered a request with an error of the protocol, by its number."""

    def __init__(self, code: int) -> None:
        super().__init__(f"it answered with error {code}")
        self.code = code


@dataclass(frozen=True, slots=True)
class ServerTool:
    """A tool as its server describes it."""

    name: str
    description: str
    schema: Mapping[str, object] = field(hash=False)

    @property
    def fingerprint(self) -> str:
        """What tells this description from any other."""
        described = [self.name, self.description, self.schema]
        text = json.dumps(described, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def encode_request(request_id: int, method: str, params: Mapping[str, object]) -> bytes:
    """Write a request as one line."""
    return _encode({"jsonrpc": "2.0", "id": request_id, "method": method, "params": params})


def encode_notification(method: str) -> bytes:
    """Write a message that wants no answer."""
    return _encode({"jsonrpc": "2.0", "method": method})


def encode_refusal(message: Mapping[str, Any]) -> bytes:
    """Write the answer to what a server asks us, which we do none of."""
    error = {"code": METHOD_NOT_FOUND, "message": "Method not found"}
    return _encode({"jsonrpc": "2.0", "id": message.get("id"), "error": error})


def _encode(message: Mapping[str, object]) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode()


def decode(line: bytes | str) -> Mapping[str, Any]:
    """Read a message; one that is none is empty."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def is_request(message: Mapping[str, Any]) -> bool:
    """Say whether a server asks us something."""
    return "method" in message and "id" in message


def read_result(message: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the result in an answer, or raise `McpFailed`."""
    if "error" in message:
        error = message["error"]
        code = error.get("code") if isinstance(error, dict) else None
        raise McpRefused(code if isinstance(code, int) else 0)
    result = message.get("result")
    if not isinstance(result, dict):
        raise McpFailed("its answer is not a valid result")
    if result.get("resultType", "complete") != "complete":
        raise McpFailed("it asks for more input, which I do not support")
    return result


def is_modern(discovered: Mapping[str, Any]) -> bool:
    """Say whether the answer to `server/discover` names the version that we speak."""
    versions = discovered.get("supportedVersions")
    return isinstance(versions, list) and MODERN_VERSION in versions


def read_tools(result: Mapping[str, Any]) -> tuple[list[ServerTool], str]:
    """Return the tools on one page of a list, and the cursor of the next page or ""."""
    found = []
    tools = result.get("tools")
    for tool in tools if isinstance(tools, list) else []:
        name = tool.get("name") if isinstance(tool, dict) else None
        schema = tool.get("inputSchema") if isinstance(tool, dict) else None
        if not isinstance(name, str) or not TOOL_NAME.fullmatch(name):
            continue
        description = tool.get("description")
        found.append(
            ServerTool(
                name,
                description if isinstance(description, str) else "",
                schema if isinstance(schema, dict) else {"type": "object", "properties": {}},
            )
        )
    cursor = result.get("nextCursor")
    return found, cursor if isinstance(cursor, str) else ""


def read_content(result: Mapping[str, Any]) -> tuple[str, bool]:
    """Return what a tool said, as text, and whether it calls that an error."""
    blocks = result.get("content")
    parts = []
    for block in blocks if isinstance(blocks, list) else []:
        kind = block.get("type") if isinstance(block, dict) else None
        text = block.get("text") if kind == "text" else None
        if isinstance(text, str):
            parts.append(text)
        elif isinstance(kind, str):
            parts.append(f"[{kind[:20]}, which cannot be shown]")
    return "\n".join(parts), result.get("isError") is True
