"""`/private` and `/where`: what stays at home, and where the rest has gone.

That it stays there is not decided here but by `policy.permitted`; here it is asked for and told.
"""

from dataclasses import replace
from datetime import UTC, datetime

from ..core import texts
from ..core.messages import Button, Turn
from ..core.vv import split_vv
from .context import BotContext, CommandCall, CommandResult

PROMISE = (
    "In private, only models at home are asked: {local}. They are at home if their address is this "
    "machine or its own network, or if the owner has said so. If none of them can answer, you are "
    "told, and nothing goes anywhere else, now or later: what was said in private is never shown "
    "to a model outside.\n\n"
    "What this does not cover: Telegram itself carries and sees every message here, yours and "
    "mine. I never let it fetch a preview of a link, but a link that you open leaves.\n\n"
    "/private on or off is for this chat; */private what is this rash?* is for one message, which "
    "the conversation then knows nothing of; reply to its answer to go on in private."
)
NO_LOCAL_PROVIDERS = "nobody yet, so start a llama.cpp server here"


async def private(context: BotContext, call: CommandCall) -> CommandResult:
    """Switch private mode, ask one thing in private, or explain what that means."""
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
    """Switch private mode by its button."""
    return CommandResult(
        _switch(context, call, on=call.args == "on"), edit_message_id=call.message_id, toast="Done"
    )


def _ask_once(context: BotContext, call: CommandCall) -> CommandResult:
    """Ask one private question; written anew, its answer takes the place of what it was."""
    concise, question = split_vv(call.args)
    if not question.strip():
        return CommandResult(texts.NOTHING_BEHIND_VV)
    state = context.store.conversations.chat_state(call.chat)
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
    # What was said in the open stays there: only a private question is replaced by one.
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
    state = replace(context.store.conversations.chat_state(call.chat), local_only=on)
    # Without this, what was said in private would be the past of what is said in the open.
    context.store.conversations.set_chat_state(
        call.chat, replace(state, latest_turn_id=None) if was and not on else state
    )
    local = _local(context)
    if on and not local:
        return texts.NO_LOCAL_MODEL
    if on:
        return (
            f"This chat is private now: only {' and '.join(local)} will be asked. "
            "/private says what that covers."
        )
    if not was:
        return texts.NOT_PRIVATE
    return (
        "This chat is no longer private. I begin a new conversation, since others may be asked "
        "from now on, and what was said in private is not for them."
    )


def _local(context: BotContext) -> list[str]:
    return [name for name, provider in context.providers.items() if provider.local]


async def where(context: BotContext, call: CommandCall) -> CommandResult:
    """List who was asked what is said in this chat, how often, and when for the last time."""
    visits = context.store.conversations.visits(call.chat)
    if not visits:
        return CommandResult(texts.NOTHING_SENT_YET)
    lines = []
    for visit in visits:
        provider = context.providers.get(visit.provider)
        local_mark = " · at home" if provider and provider.local else ""
        times = "message" if visit.requests == 1 else "messages"
        last = datetime.fromtimestamp(visit.last_at, UTC).strftime("%-d %B %Y, %H:%M UTC")
        lines.append(
            f"- **{visit.provider}**{local_mark}: {visit.requests:,} {times}, the last on {last}"
        )
    return CommandResult("Where what was said in this chat has gone:\n\n" + "\n".join(lines))
