"""`/mcp`: what the MCP servers offer, and allowing it. For owners only.

What a server says about its tools becomes part of every prompt. So a model is told of a tool only
after an owner has read that, and no longer once the server says something else.
"""

import json
from collections.abc import Mapping
from dataclasses import replace

from ..core import texts
from ..core.messages import Button
from ..tools.mcp.protocol import McpFailed
from ..tools.mcp.servers import Review, ReviewedTool, ToolState
from .context import BotContext, CommandCall, CommandResult

MAX_SCHEMA_CHARACTERS = 600
STATES: Mapping[ToolState, str] = {
    "allowed": "allowed",
    "new": "new, not allowed yet",
    "changed": "changed since you allowed it, so it is off",
    "missing": "in ambrosio.toml, but the server does not have it",
    "too large": "left out: its description is too long for a prompt",
}


async def mcp(context: BotContext, call: CommandCall) -> CommandResult:
    """Show every server with its tools, and a button to allow what is new."""
    if not context.mcp or not context.mcp.configs:
        return CommandResult(texts.NO_MCP_SERVERS)
    parts, buttons = [], []
    for name in context.mcp.configs:
        try:
            review = await context.mcp.review(name)
        except McpFailed as exc:
            parts.append(f"**{name}** does not work: {exc}.")
            continue
        parts.append(_describe(review, local_only=context.mcp.configs[name].local_only))
        if review.is_news:
            buttons.append(Button(f"Allow {name}", "mcp", f"{name} {review.digest}"))
    return CommandResult("\n\n".join(parts), tuple(buttons))


async def on_mcp_button(context: BotContext, call: CommandCall) -> CommandResult:
    """Allow what was shown of a server."""
    if call.user_id not in context.owners():
        return CommandResult(toast=texts.OWNER_ONLY)
    name, _, digest = call.args.partition(" ")
    if not context.mcp or not context.mcp.allow(name, digest):
        return CommandResult(toast=texts.BUTTON_EXPIRED)
    listed = await mcp(context, call)
    return replace(listed, edit_message_id=call.message_id, toast="Allowed")


def _describe(review: Review, *, local_only: bool) -> str:
    where = "used in private chats only" if local_only else "never used in private chats"
    return "\n\n".join([f"**{review.server}**, {where}:", *map(_describe_tool, review.tools)])


def _describe_tool(reviewed: ReviewedTool) -> str:
    head = f"`{reviewed.name}`: {STATES[reviewed.state]}"
    if reviewed.tool is None or reviewed.state == "allowed":
        return head
    schema = json.dumps(reviewed.tool.schema, ensure_ascii=False)[:MAX_SCHEMA_CHARACTERS]
    shown = f"{reviewed.tool.description}\n{schema}".replace("`", "'")
    return f"{head}\n\n```\n{shown}\n```"
