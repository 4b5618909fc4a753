"""`/private` and `/where`: what stays at home, and where the rest has gone.

That it stays there is not decided here but by `policy.permitted`; here it is asked for and told.
"""

from dataclasses import replace
from datetime import UTC, datetime

from ..core import texts
from ..core.messages import Button, Turn
from ..core.vv import split_vv
from .context import Call, Desk, Reply

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
NOBODY = "nobody yet, so start a llama.cpp server here"


async def private(desk: Desk, call: Call) -> Reply:
    """Switch private mode, ask one thing in private, or explain what that means."""
    wish = call.args.lower()
    if wish in {"on", "off"}:
        return Reply(_switch(desk, call, on=wish == "on"))
    if not call.args:
        on = desk.assistant.private(call.place)
        button = Button("Turn off" if on else "Turn on", f"private:{'off' if on else 'on'}")
        state = "This chat is private." if on else "This chat is not private."
        promise = PROMISE.format(local=", ".join(_local(desk)) or NOBODY)
        return Reply(f"**{state}**\n\n{promise}", (button,))
    return _one(desk, call)


async def press_private(desk: Desk, call: Call) -> Reply:
    """Switch private mode by its button."""
    return Reply(_switch(desk, call, on=call.args == "on"), edits=call.message, toast="Done")


def _one(desk: Desk, call: Call) -> Reply:
    """Ask one private question; written anew, its answer takes the place of what it was."""
    concise, question = split_vv(call.args)
    if not question.strip():
        return Reply(texts.NOTHING_BEHIND_VV)
    state = desk.store.place(call.place)
    before = desk.store.turn_of(call.place, call.message)
    turn = Turn(
        place=call.place,
        message=call.message,
        person=call.person,
        question=question,
        concise=concise or state.vv,
        parent=before.turn.parent if before else desk.assistant.head(call.place),
        model=state.model,
        private=True,
    )
    # What was said in the open stays there: only a private question is replaced by one.
    if before is None or not before.turn.private:
        return Reply(turn=turn)
    turn = replace(turn, replaces=before.id)
    if before.answer is None:
        return Reply(turn=turn)
    same = (before.turn.question, before.turn.concise) == (turn.question, turn.concise)
    return Reply() if same else Reply(turn=turn, shown=tuple(desk.store.shown(before.id)))


def _switch(desk: Desk, call: Call, *, on: bool) -> str:
    was = desk.assistant.private(call.place)
    state = replace(desk.store.place(call.place), private=on)
    # Without this, what was said in private would be the past of what is said in the open.
    desk.store.set_place(call.place, replace(state, head=None) if was and not on else state)
    local = _local(desk)
    if on and not local:
        return texts.NOBODY_AT_HOME
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


def _local(desk: Desk) -> list[str]:
    return [name for name, provider in desk.providers.items() if provider.local]


async def where(desk: Desk, call: Call) -> Reply:
    """List who was asked what is said in this chat, how often, and when for the last time."""
    visits = desk.store.visits(call.place)
    if not visits:
        return Reply(texts.NOBODY_ASKED)
    lines = []
    for each in visits:
        provider = desk.providers.get(each.provider)
        home = " · at home" if provider and provider.local else ""
        times = "message" if each.times == 1 else "messages"
        last = datetime.fromtimestamp(each.at, UTC).strftime("%-d %B %Y, %H:%M UTC")
        lines.append(f"- **{each.provider}**{home}: {each.times:,} {times}, the last on {last}")
    return Reply("Where what was said in this chat has gone:\n\n" + "\n".join(lines))
