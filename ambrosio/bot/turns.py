"""What a message continues: the conversation, an older answer, or what it was before an edit."""

from dataclasses import replace

from ..assistant.answers import Assistant
from ..core.messages import Place, Turn
from .updates import Question


def turn_of(
    assistant: Assistant, place: Place, message: int, said: Question
) -> tuple[Turn, list[int]]:
    """Make a turn of a question, and list the messages that its answer replaces."""
    store, state = assistant.store, assistant.store.place(place)
    turn = Turn(
        place=place,
        message=message,
        person=said.person,
        question=said.text,
        concise=said.concise or state.vv,
        parent=assistant.head(place),
        model=state.model,
        # The words that are quoted may be private, in whatever chat by now.
        private=said.replied_to is not None and store.stays_home(place, said.replied_to),
    )
    if said.edited:
        asked = store.turn_of(place, message)
        if asked and asked.answer is not None:
            return replace(turn, parent=asked.turn.parent, replaces=asked.id), store.shown(asked.id)
        return (replace(turn, replaces=asked.id) if asked else turn), []
    if said.replied_to is not None:
        known = store.turn_of(place, said.replied_to)
        if known and known.answer is not None:
            turn = replace(turn, parent=known.id)
        if said.quote and not (known and not said.partial):
            turn = replace(turn, question=f"{said.quote}\n\n{turn.question}")
    return turn, []
