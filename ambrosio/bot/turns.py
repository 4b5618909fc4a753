"""What a message continues: the conversation, an older answer, or what it was before an edit."""

from dataclasses import replace

from ..assistant.answers import Assistant
from ..core.messages import Chat, Turn
from .updates import UserQuestion


def build_turn(
    assistant: Assistant, chat: Chat, message_id: int, said: UserQuestion
) -> tuple[Turn, list[int]]:
    """Make a turn of a question, and list the messages that its answer replaces."""
    store, state = assistant.store, assistant.store.chat_state(chat)
    turn = Turn(
        chat=chat,
        message_id=message_id,
        user_id=said.user_id,
        question=said.text,
        concise=said.concise or state.vv,
        parent_id=assistant.latest_turn_id(chat),
        model=state.model,
        # The words that are quoted may be private, in whatever chat by now.
        local_only=said.reply_to_id is not None and store.is_local_only(chat, said.reply_to_id),
    )
    if said.edited:
        asked = store.turn_of(chat, message_id)
        if asked and asked.answer is not None:
            return replace(
                turn, parent_id=asked.turn.parent_id, replaces_id=asked.turn_id
            ), store.shown_message_ids(asked.turn_id)
        return (replace(turn, replaces_id=asked.turn_id) if asked else turn), []
    if said.reply_to_id is not None:
        known = store.turn_of(chat, said.reply_to_id)
        if known and known.answer is not None:
            turn = replace(turn, parent_id=known.turn_id)
        if said.quote and not (known and not said.is_partial_quote):
            turn = replace(turn, question=f"{said.quote}\n\n{turn.question}")
    return turn, []
