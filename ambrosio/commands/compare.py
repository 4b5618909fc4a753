"""`/compare`: one question, everybody's answers, and the choice whose to go on with."""

from dataclasses import replace

from ..core import texts
from ..core.messages import Turn
from ..core.vv import split_vv
from .context import Call, Desk, Reply


async def compare(desk: Desk, call: Call) -> Reply:
    """Ask everybody who may be asked."""
    concise, question = split_vv(call.args)
    if not question.strip():
        return Reply(texts.NOTHING_TO_COMPARE)
    turn = Turn(
        place=call.place,
        message=call.message,
        person=call.person,
        question=question,
        concise=concise or desk.store.place(call.place).vv,
        parent=desk.assistant.head(call.place),
        model=desk.store.place(call.place).model,
    )
    return Reply(turn=turn, compares=True)


async def press_go_on(desk: Desk, call: Call) -> Reply:
    """Let the conversation go on behind one of the answers."""
    chosen = desk.store.turn(int(call.args))
    if chosen is None or chosen.answer is None:
        return Reply(toast=texts.FORGOTTEN)
    if chosen.turn.private and not desk.assistant.private(call.place):
        return Reply(toast=texts.SAID_IN_PRIVATE)
    state = desk.store.place(call.place)
    desk.store.set_place(call.place, replace(state, head=chosen.id))
    return Reply(toast="The conversation goes on from here.")
