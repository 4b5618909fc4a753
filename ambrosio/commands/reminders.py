"""`/remind` and `/reminders`, and the buttons under them."""

from dataclasses import replace
from datetime import datetime, timedelta

from ..core import texts
from ..core.messages import Button, Entity, FormattedText, OutgoingMessage
from ..core.reminder_syntax import ReminderError, parse
from ..core.reminders import Rule, to_utc
from ..core.zones import DATE_TIME_FORMAT, format_moment, local_time
from ..markdown import plain
from ..markdown.splitting import utf16_len
from ..store import Reminder
from .context import BotContext, CommandCall, CommandFunc, CommandResult

LATE_SECONDS = 120
MAX_LISTED = 10
SNOOZE_SECONDS, HOUR_SECONDS = 600, 3600


async def remind(context: BotContext, call: CommandCall) -> CommandResult:
    """Make a reminder of a time and a text; in a reply, the text may be that of the message."""
    zone = context.zone(call.user_id)
    found = parse(call.args, context.now(), zone)
    if isinstance(found, ReminderError):
        return CommandResult(found.line)
    text = found.text or call.quote
    if not text:
        return CommandResult(texts.REMINDER_WITHOUT_TEXT)
    reminder = Reminder(
        call.chat,
        call.message_id,
        call.user_id,
        text,
        found.rule,
        found.due,
        context.assistant.is_local_only(call.chat),
    )
    return CommandResult(messages=(_add(context, reminder),))


def _add(context: BotContext, reminder: Reminder) -> OutgoingMessage:
    reminder_id = context.store.reminders.add(reminder)
    context.reminders_changed.set()
    repeat = "" if reminder.rule.repeat == "none" else f", {reminder.rule.repeat}"
    content = _with_moment(
        context, "I will remind you on ", reminder, f"{repeat}:\n{reminder.text}"
    )
    return OutgoingMessage(
        reminder.chat, content, (Button("Undo", "reminder", f"delete={reminder_id}"),)
    )


def _with_moment(context: BotContext, before: str, reminder: Reminder, after: str) -> FormattedText:
    """Write a text with a reminder's moment, which Telegram shows in the reader's zone."""
    at = reminder.due_at or 0.0
    moment = format_moment(at, context.zone(reminder.user_id))
    entity = Entity(
        "date_time",
        utf16_len(before),
        utf16_len(moment),
        unix_time=int(at),
        date_time_format=DATE_TIME_FORMAT,
    )
    return FormattedText(before + moment + after, (entity,))


def due_message(context: BotContext, reminder: Reminder) -> OutgoingMessage:
    """Write what is sent when a reminder is due; one that is late says when it was due."""
    content = plain(f"⏰ {reminder.text}")
    if context.now() - (reminder.due_at or 0.0) > LATE_SECONDS:
        before = f"⏰ {reminder.text}\n\nThis was due on "
        content = _with_moment(context, before, reminder, "; I was off then.")
    buttons = (
        Button("In 10 min", "reminder", f"snooze={reminder.reminder_id}"),
        Button("Tomorrow", "reminder", f"again={reminder.reminder_id}"),
    )
    return OutgoingMessage(reminder.chat, content, buttons, local_only=reminder.local_only)


async def reminders(context: BotContext, call: CommandCall) -> CommandResult:
    """List this user's reminders here, with buttons to delete and move them."""
    waiting = context.store.reminders.waiting(call.chat, call.user_id)
    if not waiting:
        return CommandResult(texts.NO_REMINDERS)
    zone, lines, buttons = context.zone(call.user_id), [], []
    for number, reminder in enumerate(waiting[:MAX_LISTED], start=1):
        repeat = "" if reminder.rule.repeat == "none" else f" ({reminder.rule.repeat})"
        moment = format_moment(reminder.due_at or 0.0, zone)
        lines.append(f"{number}. {moment}{repeat}: {reminder.text}")
        for label, action in (("delete", "delete"), ("+1 h", "hour"), ("tomorrow", "day")):
            arg = f"{action}={reminder.reminder_id}"
            buttons.append(Button(f"{number}: {label}", "reminder", arg))
    if len(waiting) > MAX_LISTED:
        lines.append(f"… and {len(waiting) - MAX_LISTED} later ones.")
    message = OutgoingMessage(call.chat, plain("\n".join(lines)[:4000]), tuple(buttons))
    return CommandResult(messages=(message,))


async def on_reminder_button(context: BotContext, call: CommandCall) -> CommandResult:
    """Delete, move or repeat a reminder of this user in this chat."""
    action, _, number = call.args.partition("=")
    reminder = context.store.reminders.get(int(number)) if number.isdecimal() else None
    if reminder is None or (reminder.chat, reminder.user_id) != (call.chat, call.user_id):
        return CommandResult(toast=texts.REMINDER_GONE)
    if action == "delete":
        context.store.reminders.delete(reminder.reminder_id)
        return _edited(call, "Deleted.")
    if action in {"snooze", "again"}:
        return _again(context, call, reminder, tomorrow=action == "again")
    if reminder.due_at is None or action not in {"hour", "day"}:
        return CommandResult(toast=texts.REMINDER_GONE)
    due_at = (
        reminder.due_at + HOUR_SECONDS if action == "hour" else _tomorrow(context, call, reminder)
    )
    context.store.reminders.move(reminder.reminder_id, due_at)
    context.reminders_changed.set()
    moment = format_moment(due_at, context.zone(call.user_id))
    return _edited(call, f"Moved to {moment}.")


def _again(
    context: BotContext, call: CommandCall, reminder: Reminder, *, tomorrow: bool
) -> CommandResult:
    due = _tomorrow(context, call, reminder) if tomorrow else context.now() + SNOOZE_SECONDS
    rule = Rule(local_time(due, "UTC").replace(tzinfo=None), "UTC")
    again = replace(reminder, rule=rule, due_at=due, message_id=call.message_id)
    # Pressing twice moves it: the message that was pressed makes at most one.
    return CommandResult(messages=(_add(context, again),), toast="Done")


def _tomorrow(context: BotContext, call: CommandCall, reminder: Reminder) -> float:
    """Return tomorrow at the time of the reminder."""
    zone = context.zone(call.user_id)
    at = local_time(reminder.due_at or context.now(), zone)
    today = local_time(context.now(), zone)
    day = today.date() + timedelta(days=1)
    return to_utc(datetime.combine(day, at.time()), zone)


def _edited(call: CommandCall, text: str) -> CommandResult:
    return CommandResult(text, edit_message_id=call.message_id, toast=text)


BUTTONS: dict[str, CommandFunc] = {"reminder": on_reminder_button}
