"""Making a turn of a question: what it continues, quotes or, after an edit, replaces."""

from dataclasses import replace

from ..assistant.answers import Assistant
from ..core.messages import Chat, Turn
from .updates import UserQuestion


def build_turn(
    assistant: Assistant, chat: Chat, message_id: int, question: UserQuestion
) -> tuple[Turn, list[int]]:
    """Make a turn of a question, and list the ids of the messages that its answer replaces."""
    store, state = assistant.store, assistant.store.chats.state(chat)
    turn = Turn(
        chat=chat,
        message_id=message_id,
        user_id=question.user_id,
        question=question.text,
        concise=question.concise or state.vv,
        parent_id=assistant.latest_turn_id(chat),
        model=state.model,
        from_outside=question.from_outside,
        # The quoted message may be local only, even if the chat no longer is.
        local_only=question.reply_to_id is not None
        and store.conversations.is_local_only(chat, question.reply_to_id),
    )
    stored = store.conversations.turn_of(chat, message_id)
    if stored and stored.answer is None:
        # It failed, and is asked again.
        turn = replace(turn, replaces_id=stored.turn_id)
    several = store.conversations.has_other_speakers(chat, question.user_id)
    if several and question.speaker and not chat.is_private:
        turn = replace(turn, question=f"{question.speaker}: {turn.question}")
    if question.edited:
        if stored and stored.answer is not None:
            return replace(
                turn, parent_id=stored.turn.parent_id, replaces_id=stored.turn_id
            ), store.conversations.answer_message_ids(stored.turn_id)
        return turn, []
    if question.reply_to_id is not None:
        replied_to = store.conversations.turn_of(chat, question.reply_to_id)
        if replied_to and replied_to.answer is not None:
            turn = replace(turn, parent_id=replied_to.turn_id)
        if question.quote and not (replied_to and not question.is_partial_quote):
            turn = replace(turn, question=f"{question.quote}\n\n{turn.question}")
    begins = turn.parent_id is None and assistant.follows_silence(chat)
    return replace(turn, follows_silence=begins), []
