"""`/settings`: how answers look in one chat."""

from collections.abc import Mapping
from dataclasses import replace

from ..core import texts
from ..core.messages import Button
from ..store import PlaceState, Via
from .context import Call, Desk, Reply

VIAS: Mapping[Via, str] = {
    "always": "always",
    "auto": "when it was not the first choice",
    "never": "never",
}
RICH = {"auto": True, "off": False}


async def settings(desk: Desk, call: Call) -> Reply:
    """Show what is set in this chat, with buttons to change it."""
    return _screen(desk, desk.store.place(call.place))


async def press_setting(desk: Desk, call: Call) -> Reply:
    """Change what the pressed button stands for."""
    name, _, value = call.args.partition("=")
    state = desk.store.place(call.place)
    if name == "via" and (via := _via(value)):
        state = replace(state, via=via)
    elif name == "rich" and value in RICH:
        state = replace(state, rich=RICH[value])
    else:
        return Reply(toast=texts.BUTTON_GONE)
    desk.store.set_place(call.place, state)
    return replace(_screen(desk, state), edits=call.message, toast="Done")


def _via(value: str) -> Via | None:
    return next((each for each in VIAS if each == value), None)


def _screen(desk: Desk, state: PlaceState) -> Reply:
    rich = desk.looks.rich if state.rich is None else state.rich
    thoughts = "shown" if desk.looks.reasoning else "hidden"
    lines = [
        f"**Who answered** is said {VIAS[state.via]}.",
        f"**Rich messages** for tables and formulas: {'auto' if rich else 'off'}.",
        f"Growing answers: {desk.looks.stream}; thoughts: {thoughts} (the owner sets these).",
        "/model, /vv and /private are set here too.",
    ]
    buttons = [
        Button(_ticked(f"who: {via}", on=via == state.via), f"set:via={via}") for via in VIAS
    ]
    other = "off" if rich else "auto"
    buttons.append(Button(f"rich messages: {other}", f"set:rich={other}"))
    return Reply("  \n".join(lines), tuple(buttons))


def _ticked(label: str, *, on: bool) -> str:
    return f"✓ {label}" if on else label
