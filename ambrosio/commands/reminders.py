"""`/remind` and `/reminders`, and the buttons under them."""

from dataclasses import replace
from datetime import datetime, timedelta

from ..core import texts
from ..core.messages import Button, Entity, FormattedText, OutgoingMessage
from ..core.reminders import MAX_TEXT_CHARACTERS, Rule, next_due, to_utc
from ..core.zones import DATE_TIME_FORMAT, find_zone, format_moment, local_time
from ..markdown import plain
from ..markdown.splitting import utf16_len
from ..store import Reminder
from .context import BotContext, CommandCall, CommandFunc, CommandResult, is_local_only, read_number
from .settings import set_zone

LATE_SECONDS = 120
MAX_LISTED = 10
# Of a message's 4,096 units; what is left is for the line that counts the others.
MAX_LIST_UNITS = 4000
SNOOZE_SECONDS, HOUR_SECONDS = 600, 3600


async def remind(context: BotContext, call: CommandCall) -> CommandResult:
    """Make a reminder of a time and a text; in a reply, the text may be that of the message."""
    # Half a megabyte, for the words of thirteen languages.
    from ..core.reminder_syntax import ReminderError, parse  # noqa: PLC0415

    zone = context.zone(call.user_id)
    found = parse(call.args, context.now(), zone)
    if isinstance(found, ReminderError):
        return CommandResult(found.line)
    text = found.text or _shorten(call.quote)
    if not text:
        return CommandResult(texts.REMINDER_WITHOUT_TEXT)
    reminder = Reminder(
        call.chat,
        call.message_id,
        call.user_id,
        text,
        found.rule,
        found.due,
        is_local_only(context, call),
    )
    # With the end of the update: one that is run again after a crash may have been sent meanwhile.
    return CommandResult(confirm=lambda: _make(context, call, reminder))


def _make(context: BotContext, call: CommandCall, reminder: Reminder) -> list[OutgoingMessage]:
    return [add_reminder(context, reminder), *zone_question(context, call)]


def zone_question(context: BotContext, call: CommandCall) -> list[OutgoingMessage]:
    """Ask with the first reminder whether the clock that it goes by is the person's."""
    if context.store.facts.zone(call.user_id) or context.store.reminders.count(call.user_id) > 1:
        return []
    zone = context.zone(call.user_id)
    clock = f"{local_time(context.now(), zone):%H:%M}"
    buttons = (Button("Yes", "zone", f"yes={zone}"), Button("No", "zone", "no"))
    return [OutgoingMessage(call.chat, plain(f"Is it {clock} where you are? ({zone})"), buttons)]


async def on_zone_button(context: BotContext, call: CommandCall) -> CommandResult:
    """Note the time zone that this user confirms, or say how to choose another."""
    answer, _, zone = call.args.partition("=")
    if answer == "no" or not find_zone(zone):
        return CommandResult(texts.CHOOSE_ZONE, edit_message_id=call.message_id)
    set_zone(context, call.user_id, zone)
    return CommandResult(f"Your time zone is {zone}.", edit_message_id=call.message_id)


def _shorten(text: str) -> str:
    return text if len(text) <= MAX_TEXT_CHARACTERS else text[: MAX_TEXT_CHARACTERS - 1] + "…"


def add_reminder(context: BotContext, reminder: Reminder) -> OutgoingMessage:
    """Store a reminder and return the message that shows it back."""
    reminder_id = context.store.reminders.add(reminder)
    context.reminders_changed.set()
    return _shown_back(context, replace(reminder, reminder_id=reminder_id))


def _shown_back(context: BotContext, reminder: Reminder) -> OutgoingMessage:
    content = _with_moment(context, "I will remind you on ", reminder, _what(reminder, ":"))
    undo = Button("Undo", "reminder", f"undo={reminder.reminder_id}")
    return OutgoingMessage(reminder.chat, content, (undo,), local_only=reminder.local_only)


def _what(reminder: Reminder, end: str) -> str:
    repeat = "" if reminder.rule.repeat == "none" else f", {reminder.rule.repeat}"
    return f"{repeat}{end}\n{reminder.text}"


def propose_reminder(context: BotContext, reminder: Reminder) -> OutgoingMessage:
    """Keep a reminder that waits for the person's consent, and return the question."""
    reminder_id = context.store.reminders.add(replace(reminder, due_at=None))
    content = _with_moment(context, "Shall I remind you on ", reminder, _what(reminder, "?"))
    buttons = (
        Button("Yes", "reminder", f"yes={reminder_id}"),
        Button("No", "reminder", f"undo={reminder_id}"),
    )
    return OutgoingMessage(reminder.chat, content, buttons, local_only=reminder.local_only)


def _agree(context: BotContext, call: CommandCall, reminder: Reminder) -> CommandResult:
    """Make a reminder that was only proposed, unless its time has passed."""
    due_at = next_due(reminder.rule, context.now())
    if due_at is None:
        return CommandResult(texts.REMINDER_IN_THE_PAST, edit_message_id=call.message_id)
    context.store.reminders.move(reminder, due_at)
    context.reminders_changed.set()
    shown = _shown_back(context, replace(reminder, due_at=due_at))
    return CommandResult(messages=(replace(shown, edit_message_id=call.message_id),), toast="Done")


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
        content = _with_moment(context, before, reminder, "; I was not running then.")
    buttons = (
        Button("In 10 min", "reminder", f"snooze={reminder.reminder_id}"),
        Button("Tomorrow", "reminder", f"again={reminder.reminder_id}"),
    )
    return OutgoingMessage(reminder.chat, content, buttons, local_only=reminder.local_only)


# --- the list -------------------------------------------------------------------------------------


async def reminders(context: BotContext, call: CommandCall) -> CommandResult:
    """List this user's reminders here, with buttons to delete and move them."""
    waiting = context.store.reminders.waiting(call.chat, call.user_id)
    if not waiting:
        return CommandResult(texts.NO_REMINDERS)
    return CommandResult(messages=(_listed(context, call, waiting),))


def _listed(context: BotContext, call: CommandCall, waiting: list[Reminder]) -> OutgoingMessage:
    """Write as many reminders as a message takes, each of them whole."""
    zone, text, buttons, number = context.zone(call.user_id), "", list[Button](), 0
    for number, reminder in enumerate(waiting[:MAX_LISTED], start=1):
        repeat = "" if reminder.rule.repeat == "none" else f" ({reminder.rule.repeat})"
        moment = format_moment(reminder.due_at or 0.0, zone)
        longer = f"{text}{number}. {moment}{repeat}: {reminder.text}\n"
        if utf16_len(longer) > MAX_LIST_UNITS:
            number -= 1  # noqa: PLW2901
            break
        text = longer
        for label, action in (("delete", "delete"), ("+1 h", "hour"), ("tomorrow", "day")):
            # The moment that is shown: pressed twice, a button moves it once.
            arg = f"{action}={reminder.reminder_id}={int(reminder.due_at or 0)}"
            buttons.append(Button(f"{number}: {label}", "reminder", arg, row=number))
    if len(waiting) > number:
        text += f"… and {len(waiting) - number} more, later than these."
    local_only = any(reminder.local_only for reminder in waiting)
    return OutgoingMessage(call.chat, plain(text.rstrip()), tuple(buttons), local_only=local_only)


def _list_again(context: BotContext, call: CommandCall, toast: str) -> CommandResult:
    """Show the list anew in its message."""
    waiting = context.store.reminders.waiting(call.chat, call.user_id)
    if not waiting:
        return CommandResult(texts.NO_REMINDERS, edit_message_id=call.message_id, toast=toast)
    message = replace(_listed(context, call, waiting), edit_message_id=call.message_id)
    return CommandResult(messages=(message,), toast=toast)


# --- buttons --------------------------------------------------------------------------------------


async def on_reminder_button(context: BotContext, call: CommandCall) -> CommandResult:
    """Delete, move or repeat a reminder of this user in this chat."""
    action, number, *shown = (*call.args.split("="), "")[:3]
    reminder = context.store.reminders.get(read_number(number))
    if reminder and (reminder.chat, reminder.user_id) != (call.chat, call.user_id):
        return CommandResult(toast=texts.REMINDER_OF_ANOTHER)
    if action in {"delete", "hour", "day"}:
        return _change_listed(context, call, reminder, (action, shown[0]))
    if reminder is None:
        return CommandResult(toast=texts.REMINDER_GONE)
    if action == "yes":
        return _agree(context, call, reminder)
    if action == "undo":
        context.store.reminders.delete(reminder.reminder_id)
        return CommandResult("Deleted.", edit_message_id=call.message_id, toast="Deleted")
    return _again(context, call, reminder, tomorrow=action == "again")


def _change_listed(
    context: BotContext, call: CommandCall, reminder: Reminder | None, wanted: tuple[str, str]
) -> CommandResult:
    """Delete or move a reminder of the list, unless it has changed since it was listed."""
    action, shown = wanted
    if reminder is None or reminder.due_at is None or shown != str(int(reminder.due_at)):
        return _list_again(context, call, texts.REMINDER_GONE)
    if action == "delete":
        context.store.reminders.delete(reminder.reminder_id)
        return _list_again(context, call, "Deleted")
    tomorrow = action == "day"
    due_at = _tomorrow(context, reminder) if tomorrow else reminder.due_at + HOUR_SECONDS
    context.store.reminders.move(reminder, due_at)
    context.reminders_changed.set()
    return _list_again(context, call, "Moved")


def _again(
    context: BotContext, call: CommandCall, reminder: Reminder, *, tomorrow: bool
) -> CommandResult:
    due = _tomorrow(context, reminder) if tomorrow else context.now() + SNOOZE_SECONDS
    if due == reminder.due_at:
        return CommandResult(toast=texts.REMINDER_COMES_ANYWAY)
    rule = Rule(local_time(due, "UTC").replace(tzinfo=None), "UTC")
    if tomorrow and reminder.rule.zone != "UTC":
        rule = Rule(local_time(due, reminder.rule.zone).replace(tzinfo=None), reminder.rule.zone)
    # Pressing twice moves it: the message that was pressed makes at most one.
    again = replace(reminder, rule=rule, due_at=due, message_id=call.message_id)
    return CommandResult(messages=(add_reminder(context, again),), toast="Done")


def _tomorrow(context: BotContext, reminder: Reminder) -> float:
    """Return tomorrow at the time of day that the reminder is for."""
    zone, rule = context.zone(reminder.user_id), reminder.rule
    at = local_time(to_utc(rule.local, rule.zone), zone)
    day = local_time(context.now(), zone).date() + timedelta(days=1)
    return to_utc(datetime.combine(day, at.time()), zone)


BUTTONS: dict[str, CommandFunc] = {"reminder": on_reminder_button, "zone": on_zone_button}
