"""`/mcp`: what the MCP servers offer, and allowing it. For owners only.

What a server says about its tools becomes part of every prompt. So a model is told of a tool only
after an owner has read that, and no longer once the server says something else.
"""

import json
from collections.abc import Mapping
from dataclasses import replace

from ..core import texts
from ..core.messages import Button, Chat, OutgoingMessage
from ..markdown import render
from ..store import AllowedTool
from ..tools.mcp.changes import describe_change
from ..tools.mcp.protocol import McpFailed
from ..tools.mcp.servers import Review, ReviewedTool, ToolState
from .context import BotContext, CommandCall, CommandResult

# In the place of the digest on a button.
KEEP_OFF = "off"
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
    if not context.mcp:
        return CommandResult(toast=texts.BUTTON_EXPIRED)
    if digest == KEEP_OFF:
        context.mcp.decline(name)
        text = f"What **{name}** has changed stays off. /mcp shows it, should you want it later."
        return CommandResult(text, edit_message_id=call.message_id, toast="Done")
    try:
        is_allowed = await context.mcp.allow(name, digest)
    except McpFailed:
        return CommandResult(toast=texts.MCP_SILENT)
    if not is_allowed:
        return CommandResult(toast=texts.BUTTON_EXPIRED)
    listed = await mcp(context, call)
    return replace(listed, edit_message_id=call.message_id, toast="Allowed")


def change_notice(chat: Chat, review: Review) -> list[OutgoingMessage]:
    """Write what owners are told when a server has changed what they had allowed.

    A line says what is different, and below it stands all that models would be told.
    """
    names = ", ".join(f"`{tool.name}`" for _, tool in review.changed)
    parts = [texts.MCP_CHANGED.format(server=review.server, tools=names)]
    for before, tool in review.changed:
        change = describe_change(before, tool).replace("`", "'")
        parts.append(f"{tool.name}: `{change}`")
        parts.append(_block(tool))
    allow = Button(f"Allow {review.server}", "mcp", f"{review.server} {review.digest}")
    buttons = (allow, Button("Keep off", "mcp", f"{review.server} {KEEP_OFF}"))
    chunks = render("\n\n".join(parts)).chunks
    messages = [OutgoingMessage(chat, chunk) for chunk in chunks]
    messages[-1] = replace(messages[-1], buttons=buttons)
    return messages


def _describe(review: Review, *, local_only: bool) -> str:
    where = "used in private chats only" if local_only else "never used in private chats"
    return "\n\n".join([f"**{review.server}**, {where}:", *map(_describe_tool, review.tools)])


def _describe_tool(reviewed: ReviewedTool) -> str:
    head = f"`{reviewed.name}`: {STATES[reviewed.state]}"
    if reviewed.tool is None or reviewed.state == "allowed":
        return head
    return f"{head}\n\n{_block(reviewed.tool)}"


def _block(tool: AllowedTool) -> str:
    """Show all that a model is told of a tool, as code that wraps: nothing is off the screen."""
    shown = (tool.description, json.dumps(tool.schema, ensure_ascii=False))
    lines = (line.replace("`", "'") for line in shown)
    return "  \n".join(f"`{line}`" for line in lines if line)
