"""`/compare`: one question answered by all models, and the choice which to continue with."""

from dataclasses import replace

from ..core import texts
from ..core.messages import Turn
from ..core.vv import split_vv
from .context import BotContext, CommandCall, CommandResult


async def compare(context: BotContext, call: CommandCall) -> CommandResult:
    """Ask all models that may be asked."""
    concise, question = split_vv(call.args)
    if not question.strip():
        return CommandResult(texts.NOTHING_TO_COMPARE)
    turn = Turn(
        chat=call.chat,
        message_id=call.message_id,
        user_id=call.user_id,
        question=question,
        concise=concise or context.store.chats.state(call.chat).vv,
        parent_id=context.assistant.latest_turn_id(call.chat),
        model=context.store.chats.state(call.chat).model,
    )
    return CommandResult(turn=turn, compare=True)


async def on_continue_button(context: BotContext, call: CommandCall) -> CommandResult:
    """Continue the conversation from one of the answers."""
    chosen = context.pressed_turn(call)
    if chosen is None or chosen.answer is None:
        return CommandResult(toast=texts.TURN_DELETED)
    if chosen.turn.local_only and not context.assistant.is_local_only(call.chat):
        return CommandResult(toast=texts.LOCAL_ONLY_TURN)
    state = context.store.chats.state(call.chat)
    context.store.chats.set_state(call.chat, replace(state, latest_turn_id=chosen.turn_id))
    return CommandResult(toast="The conversation continues from here.")
