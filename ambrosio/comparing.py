"""`/compare`: one question, everybody's answers, and the choice whose to go on with."""

from dataclasses import replace

from . import regrets
from .desk import Call, Desk, Reply
from .messages import Turn
from .policy import split_vv


async def compare(desk: Desk, call: Call) -> Reply:
    """Ask everybody who may be asked."""
    concise, question = split_vv(call.args)
    if not question.strip():
        return Reply(regrets.NOTHING_TO_COMPARE)
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
        return Reply(toast=regrets.FORGOTTEN)
    if chosen.turn.private and not desk.assistant.private(call.place):
        return Reply(toast=regrets.SAID_IN_PRIVATE)
    state = desk.store.place(call.place)
    desk.store.set_place(call.place, replace(state, head=chosen.id))
    return Reply(toast="The conversation goes on from here.")
