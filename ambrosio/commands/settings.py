"""`/settings`: how answers look in a chat."""

from collections.abc import Mapping
from dataclasses import replace

from ..core import texts
from ..core.messages import Button
from ..core.zones import find_zone, local_time
from ..store import ChatState, ProviderLine
from .context import BotContext, CommandCall, CommandResult
from .models import ticked

PROVIDER_LINES: Mapping[ProviderLine, str] = {
    "always": "always",
    "auto": "when it changes",
    "never": "never",
}
RICH = {"on": True, "off": False}


async def settings(context: BotContext, call: CommandCall) -> CommandResult:
    """Show the settings of this chat, with buttons to change them, or set a time zone."""
    name, _, value = call.args.partition(" ")
    if name.lower() == "zone" and value.strip():
        return _choose_zone(context, call, value.strip())
    return _screen(context, call, context.store.chats.state(call.chat))


def _choose_zone(context: BotContext, call: CommandCall, value: str) -> CommandResult:
    zone = find_zone(value)
    if zone is None:
        return CommandResult(texts.UNKNOWN_ZONE.format(zone=value.replace("`", "")[:60]))
    moved = set_zone(context, call.user_id, zone)
    reminders = "1 reminder" if moved == 1 else f"{moved} reminders"
    moves = f" I moved your {reminders} to the same times there." if moved else ""
    clock = f"{local_time(context.now(), zone):%H:%M}"
    return CommandResult(f"Your time zone is {zone}; it is {clock} there now.{moves}")


def set_zone(context: BotContext, user_id: int, zone: str) -> int:
    """Set a person's time zone; return how many reminders moved with it."""
    context.store.facts.set_zone(user_id, zone)
    moved = context.store.reminders.change_zone(user_id, zone, context.now())
    context.reminders_changed.set()
    return moved


async def on_setting_button(context: BotContext, call: CommandCall) -> CommandResult:
    """Change the setting of the pressed button."""
    name, _, value = call.args.partition("=")
    state = context.store.chats.state(call.chat)
    if name == "via" and (line := _provider_line(value)):
        state = replace(state, provider_line=line)
    elif name == "rich" and value in RICH:
        state = replace(state, rich=RICH[value])
    else:
        return CommandResult(toast=texts.BUTTON_EXPIRED)
    context.store.chats.set_state(call.chat, state)
    return replace(_screen(context, call, state), edit_message_id=call.message_id, toast="Done")


def _provider_line(value: str) -> ProviderLine | None:
    return next((choice for choice in PROVIDER_LINES if choice == value), None)


def _screen(context: BotContext, call: CommandCall, state: ChatState) -> CommandResult:
    rich = context.display.rich if state.rich is None else state.rich
    thoughts = "shown" if context.display.reasoning else "hidden"
    # The owner is "you".
    by = "set in `.env`" if call.user_id in context.owners() else "set by the owner"
    lines = [
        f"**Name the model** under its answers: {PROVIDER_LINES[state.provider_line]}.",
        f"**Rich messages** for tables and formulas: {'on' if rich else 'off'}.",
        f"Your time zone: {context.zone(call.user_id)}; */settings zone Europe/Berlin* changes it.",
        f"Streaming: {context.display.stream}; reasoning: {thoughts} (both {by}).",
        "/model, /vv and /private also apply to this chat.",
    ]
    buttons = [
        Button(
            ticked(f"Name the model: {words}", on=line == state.provider_line), "set", f"via={line}"
        )
        for line, words in PROVIDER_LINES.items()
    ]
    turn = "off" if rich else "on"
    buttons.append(Button(f"Turn rich messages {turn}", "set", f"rich={turn}"))
    return CommandResult("  \n".join(lines), tuple(buttons))
