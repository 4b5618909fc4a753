"""TODO docstring."""

from dataclasses import replace

from ..core import texts
from . import imagine
from .context import Call, Desk, Reply
from .models import _choice, _unknown_model

# --- conversation ---------------------------------------------------------------------------------


async def start(desk: Desk, call: Call) -> Reply:
    """Say hello; pressing it twice harms nothing."""
    return Reply(
        "I am Ambrosio. Write to me as you would to a friend who knows a lot.\n\n"
        'Begin with "vv" when you are in a hurry: *vv jasmin or basmati rice with falafel?* '
        "gets one line.\n\n/help lists what else I can do."
    )


async def new(desk: Desk, call: Call) -> Reply:
    """Begin a new conversation; the old one stays where it is and can be replied to."""
    state = desk.store.place(call.place)
    desk.store.set_place(call.place, replace(state, head=None))
    return Reply("A fresh start: what was said before no longer counts.")


async def stop(desk: Desk, call: Call) -> Reply:
    """Stop the answer that is being written."""
    progress = desk.running.get(call.place)
    if progress is None:
        return Reply(texts.NOTHING_TO_STOP)
    progress.stop()
    return Reply()


async def retry(desk: Desk, call: Call) -> Reply:
    """Answer the last question again, by another model if one is named."""
    state = desk.store.place(call.place)
    asked = desk.store.turn(state.head) if state.head else None
    if asked is None:
        return Reply(texts.NOTHING_TO_REPEAT)
    if desk.store.painting(asked.id):
        return await imagine.press_again(desk, replace(call, args=str(asked.id)))
    model = _choice(desk, call.args) if call.args else state.model
    if model is None:
        return Reply(_unknown_model(desk, call.args))
    return Reply(turn=replace(asked.turn, replaces=asked.id, model=model))


async def vv(desk: Desk, call: Call) -> Reply:
    """Make every answer short, or no longer."""
    state = desk.store.place(call.place)
    wish = call.args.strip().lower()
    if wish not in {"", "on", "off"}:
        return Reply(texts.ON_OR_OFF)
    on = not state.vv if not wish else wish == "on"
    desk.store.set_place(call.place, replace(state, vv=on))
    return Reply(
        "From now on every answer here is as short as it can be. /vv off ends that."
        if on
        else 'Answers here are as long as they need to be. "vv" in front still makes one short.'
    )


# --- buttons under answers ------------------------------------------------------------------------


async def press_retry(desk: Desk, call: Call) -> Reply:
    """Ask a question again that nobody could answer."""
    asked = desk.store.turn(int(call.args))
    if asked is None or asked.answer is not None:
        return Reply(toast=texts.ANSWERED if asked else texts.FORGOTTEN)
    head, model = desk.assistant.head(call.place), desk.store.place(call.place).model
    return Reply(turn=replace(asked.turn, parent=head, replaces=asked.id, model=model))


async def press_fresh(desk: Desk, call: Call) -> Reply:
    """Begin a new conversation."""
    return replace(await new(desk, call), toast="Done")


async def press_stop(desk: Desk, call: Call) -> Reply:
    """Stop the answer that is being written above the button."""
    progress = desk.running.get(call.place)
    if progress is None:
        return Reply(toast=texts.NOTHING_TO_STOP)
    progress.stop()
    return Reply(toast="Stopped")


async def press_longer(desk: Desk, call: Call) -> Reply:
    """Answer the same question in full."""
    asked = desk.store.turn(int(call.args))
    if asked is None or not asked.turn.concise:
        return Reply(toast=texts.LENGTHENED if asked else texts.FORGOTTEN)
    state = desk.store.place(call.place)
    return Reply(turn=replace(asked.turn, concise=False, replaces=asked.id, model=state.model))
