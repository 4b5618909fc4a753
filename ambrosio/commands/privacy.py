"""`/private` and `/where`: private mode, and which providers have seen a chat.

Private mode is only switched and explained here; `router.policy.allowed_providers` enforces it.
"""

from dataclasses import replace

from ..core import texts
from ..core.messages import Button, Chat, Turn
from ..core.vv import split_vv
from ..core.zones import format_moment
from .context import BotContext, CommandCall, CommandResult
from .senses import describe_senses

PROMISE = (
    "In private mode, only local models are asked: {local}. A model is local if its address is on "
    "this machine or in its local network, or if the owner says so. If none of them can answer, I "
    "tell you, and nothing goes anywhere else, now or later: a remote model never sees what you "
    "wrote in private mode.\n\n"
    "What this does not cover: Telegram itself carries and sees every message here, yours and "
    "mine. Link previews are off, but if you open a link, its site notices.\n\n"
    "/private on or off is for this chat; */private what is this rash?* is for one message only. "
    "It is not added to this conversation; reply to the answer to continue in private."
)
NO_LOCAL_PROVIDERS = "none yet; start a llama.cpp server"


async def private(context: BotContext, call: CommandCall) -> CommandResult:
    """Switch private mode, ask one question in private, or explain private mode."""
    setting = call.args.lower()
    if setting in {"on", "off"}:
        return CommandResult(_switch(context, call, on=setting == "on"))
    if not call.args:
        on = context.assistant.is_local_only(call.chat)
        button = Button("Turn off" if on else "Turn on", "private", "off" if on else "on")
        state = "This chat is private." if on else "This chat is not private."
        promise = PROMISE.format(local=", ".join(_local(context)) or NO_LOCAL_PROVIDERS)
        return CommandResult(f"**{state}**\n\n{promise}", (button,))
    return _ask_once(context, call)


async def on_private_button(context: BotContext, call: CommandCall) -> CommandResult:
    """Switch private mode."""
    return CommandResult(
        _switch(context, call, on=call.args == "on"), edit_message_id=call.message_id, toast="Done"
    )


def _ask_once(context: BotContext, call: CommandCall) -> CommandResult:
    """Ask one private question; if it was edited, the new answer replaces the old one."""
    concise, question = split_vv(call.args)
    if not question.strip():
        return CommandResult(texts.EMPTY_VV_QUESTION)
    state = context.store.chats.state(call.chat)
    before = context.store.conversations.turn_of(call.chat, call.message_id)
    turn = Turn(
        chat=call.chat,
        message_id=call.message_id,
        user_id=call.user_id,
        question=question,
        concise=concise or state.vv,
        parent_id=before.turn.parent_id if before else context.assistant.latest_turn_id(call.chat),
        model=state.model,
        local_only=True,
    )
    # Only a private question may be replaced by one: the other is part of the conversation.
    if before is None or not before.turn.local_only:
        return CommandResult(turn=turn)
    turn = replace(turn, replaces_id=before.turn_id)
    if before.answer is None:
        return CommandResult(turn=turn)
    same = (before.turn.question, before.turn.concise) == (turn.question, turn.concise)
    return (
        CommandResult()
        if same
        else CommandResult(
            turn=turn,
            replaces_messages=tuple(context.store.conversations.answer_message_ids(before.turn_id)),
        )
    )


def _switch(context: BotContext, call: CommandCall, *, on: bool) -> str:
    was = context.assistant.is_local_only(call.chat)
    state = replace(context.store.chats.state(call.chat), local_only=on)
    # Otherwise the private turns would be the history of what is said from now on.
    context.store.chats.set_state(
        call.chat, replace(state, latest_turn_id=None) if was and not on else state
    )
    local = _local(context)
    if on and not local:
        return texts.NO_LOCAL_MODEL
    if on:
        return (
            f"This chat is private now: only {' and '.join(local)} will be asked. "
            "/private explains what that covers."
        )
    if not was:
        return texts.PRIVATE_MODE_OFF
    return (
        "This chat is no longer private. I started a new conversation, so that remote models do "
        "not see the private one."
    )


def _local(context: BotContext) -> list[str]:
    route = context.assistant.router.route()
    return [name for name, _ in route if context.providers[name].local]


async def where(context: BotContext, call: CommandCall) -> CommandResult:
    """List which providers have seen this chat and which tools were used, and when last.

    Also who is asked next about pictures and recordings, which go elsewhere than words do.
    """
    visits = context.store.chats.visits(call.chat)
    senses = "  \n".join(await describe_senses(context, call.chat))
    if not visits:
        return CommandResult(f"{texts.NOTHING_SENT_YET}\n\n{senses}")
    zone, lines = context.zone(call.user_id), []
    for visit in visits:
        provider = context.providers.get(visit.provider)
        local_mark = " · local" if provider and provider.local else ""
        times = "message" if visit.requests == 1 else "messages"
        last = format_moment(visit.last_at, zone)
        lines.append(
            f"- **{visit.provider}**{local_mark}: {visit.requests:,} {times}, last on {last}"
        )
    seen = "Providers that have seen this chat:\n\n" + "\n".join(lines)
    return CommandResult("\n\n".join([seen, *_used_tools(context, call.chat, zone), senses]))


def _used_tools(context: BotContext, chat: Chat, zone: str) -> list[str]:
    """List what a model called here, and who got what it wrote for that."""
    uses = context.store.tool_uses.all(chat)
    lines = [
        f"- **{use.tool.replace('__', ' ').replace('_', ' ')}** · {use.destination or 'local'}: "
        f"{use.uses:,} {'time' if use.uses == 1 else 'times'}, "
        f"last on {format_moment(use.last_at, zone)}"
        for use in uses
    ]
    return ["Tools that models have used here:\n\n" + "\n".join(lines)] if lines else []
