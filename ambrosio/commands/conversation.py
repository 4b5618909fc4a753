"""Commands and buttons that steer the conversation: /start, /new, /stop, /retry, /vv."""

from dataclasses import replace

from ..core import texts
from ..core.default_questions import to_continue
from ..core.messages import Turn
from . import imagine
from .context import BotContext, CommandCall, CommandResult
from .models import _choice, _unknown_model


async def start(context: BotContext, call: CommandCall) -> CommandResult:
    """Introduce the bot."""
    return CommandResult(
        "I'm Ambrosio, your assistant. Ask me anything.\n\n"
        'Start with "vv" for a one-line answer: *vv jasmin or basmati rice with falafel?*'
        "\n\n/help lists what else I can do."
    )


async def new(context: BotContext, call: CommandCall) -> CommandResult:
    """Start a new conversation; a reply to an old answer still continues the old one."""
    context.store.chats.continue_from(call.chat, None)
    return CommandResult("New conversation started.")


async def stop(context: BotContext, call: CommandCall) -> CommandResult:
    """Stop the answer that is being written."""
    stopped = context.running.stop(call.chat)
    return CommandResult() if stopped else CommandResult(texts.NOTHING_TO_STOP)


async def retry(context: BotContext, call: CommandCall) -> CommandResult:
    """Answer the last question again, with another model if one is named."""
    state = context.store.chats.state(call.chat)
    stored = (
        context.store.conversations.turn(state.latest_turn_id) if state.latest_turn_id else None
    )
    if stored is None:
        return CommandResult(texts.NOTHING_TO_REPEAT)
    if context.store.images.image_set(stored.turn_id):
        return await imagine.on_again_button(context, replace(call, args=str(stored.turn_id)))
    model = _choice(context, call.args) if call.args else state.model
    if model is None:
        return CommandResult(_unknown_model(context, call.args))
    return CommandResult(turn=replace(stored.turn, replaces_id=stored.turn_id, model=model))


async def vv(context: BotContext, call: CommandCall) -> CommandResult:
    """Turn short answers on or off for this chat."""
    state = context.store.chats.state(call.chat)
    setting = call.args.strip().lower()
    if setting not in {"", "on", "off"}:
        return CommandResult(texts.ON_OR_OFF)
    on = not state.vv if not setting else setting == "on"
    context.store.chats.set_state(call.chat, replace(state, vv=on))
    return CommandResult(
        "Short answers are on. /vv off turns them off."
        if on
        else 'Short answers are off. Start a message with "vv" for a single short answer.'
    )


# --- buttons under answers ------------------------------------------------------------------------


async def on_retry_button(context: BotContext, call: CommandCall) -> CommandResult:
    """Ask a question again that failed."""
    stored = context.pressed_turn(call)
    if stored is None or stored.answer is not None:
        return CommandResult(toast=texts.ALREADY_ANSWERED if stored else texts.TURN_DELETED)
    conversations, turn = context.store.conversations, stored.turn
    again = replace(
        turn,
        parent_id=context.assistant.latest_turn_id(call.chat),
        replaces_id=stored.turn_id,
        model=context.store.chats.state(call.chat).model,
    )
    is_unread = not turn.preface and not turn.pictures
    _, kept = conversations.parts(call.chat, turn.message_id)
    return CommandResult(
        turn=again,
        reads_file=is_unread and turn.file is not None,
        reads_message=is_unread and turn.file is None and bool(kept),
    )


async def on_new_button(context: BotContext, call: CommandCall) -> CommandResult:
    """Start a new conversation."""
    return replace(await new(context, call), toast="Done")


async def on_stop_button(context: BotContext, call: CommandCall) -> CommandResult:
    """Stop the answer that is being written above the button."""
    stopped = context.running.stop(call.chat)
    return CommandResult(toast="Stopped" if stopped else texts.NOTHING_TO_STOP)


async def on_longer_button(context: BotContext, call: CommandCall) -> CommandResult:
    """Answer the same question in full."""
    stored = context.pressed_turn(call)
    if stored is None or not stored.turn.concise:
        return CommandResult(toast=texts.ALREADY_LENGTHENED if stored else texts.TURN_DELETED)
    state = context.store.chats.state(call.chat)
    return CommandResult(
        turn=replace(stored.turn, concise=False, replaces_id=stored.turn_id, model=state.model)
    )


async def on_resume_button(context: BotContext, call: CommandCall) -> CommandResult:
    """Get the rest of an answer that was stopped or cut off, as an answer of its own.

    Its question is the message with the button, so that editing the person's question later does
    not replace the rest instead of the answer.
    """
    stored = context.pressed_turn(call)
    if stored is None or stored.answer is None:
        return CommandResult(toast=texts.TURN_DELETED)
    following = context.store.conversations.turns_of(call.chat, call.message_id)
    if any(turn.answer is not None for turn in following):
        return CommandResult(toast=texts.ALREADY_CONTINUED)
    stopped = stored.turn
    turn = Turn(
        chat=call.chat,
        message_id=call.message_id,
        user_id=stopped.user_id,
        question=to_continue(stored.answer),
        parent_id=stored.turn_id,
        model=context.store.chats.state(call.chat).model,
        local_only=stopped.local_only,
    )
    return CommandResult(turn=turn)


async def on_go_on_button(context: BotContext, call: CommandCall) -> CommandResult:
    """Answer a question again as part of the conversation that was left before it."""
    conversations = context.store.conversations
    stored = context.pressed_turn(call)
    if stored is None:
        return CommandResult(toast=texts.TURN_DELETED)
    local_only = context.assistant.is_local_only(call.chat)
    before = conversations.turn_before(call.chat, stored.turn_id, local_only=local_only)
    if before is None:
        return CommandResult(toast=texts.NO_OLD_CONVERSATION)
    return CommandResult(
        turn=replace(stored.turn, parent_id=before, replaces_id=stored.turn_id),
        replaces_messages=tuple(conversations.answer_message_ids(stored.turn_id)),
    )
