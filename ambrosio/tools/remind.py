"""Reminders by words: a model writes the moment in local time, and code checks it.

No model is asked when a reminder is due. It is made with the answer and shown back with Undo; after
anything from outside was read in the conversation, the person is asked first.
"""

from datetime import datetime, time

from ..core.reminders import (
    MAX_TEXT_CHARACTERS,
    REPEATS,
    ReminderRefused,
    Repeat,
    Rule,
    first_due,
)
from ..core.tool_policy import ToolKind, Verdict, decide
from ..core.tools import ReminderOrder, ToolDefinition, ToolResult
from ..core.zones import format_moment, local_time
from .tool import Arguments, ToolContext, ToolError

# For a day without a time.
DEFAULT_TIME = time(9)
DATE_CHARACTERS = len("2026-11-28")
MAX_YEARS = 3


class Remind:
    """Makes a reminder for the chat that it is asked for in."""

    definition = ToolDefinition(
        name="remind",
        description="Reminds the user at a time. Only if they ask to be reminded.",
        parameters={
            "type": "object",
            "properties": {
                "at": {
                    "type": "string",
                    "description": "local time, e.g. 2026-11-28T09:00, reckoned from the time that "
                    "stands before the question",
                },
                "text": {"type": "string", "description": "what to remind of"},
                "repeat": {"type": "string", "enum": list(REPEATS)},
            },
            "required": ["at", "text"],
        },
        kind=ToolKind.CHANGE,
        in_terminal=False,
    )

    def note(self, arguments: Arguments) -> str:
        """Say that a reminder is being made."""
        return "Setting a reminder…"

    async def run(self, arguments: Arguments, context: ToolContext) -> ToolResult:
        """Check what is asked for; it is made when the answer is stored."""
        order = _order(arguments, context)
        moment = format_moment(order.due, context.zone)
        if order in context.effects:
            return ToolResult(f"This reminder already exists, for {moment}.")
        if order.needs_tap:
            content = f"The user is asked to confirm a reminder for {moment}."
        else:
            content = f"Done: the user will be reminded on {moment}."
        return ToolResult(content, line=f"reminder: {moment}", effects=(order,))


def _order(arguments: Arguments, context: ToolContext) -> ReminderOrder:
    text = " ".join(str(arguments["text"]).split())
    if not text or len(text) > MAX_TEXT_CHARACTERS:
        raise ToolError(f"text must have 1 to {MAX_TEXT_CHARACTERS} characters.")
    now = local_time(context.now, context.zone)
    local = _local(str(arguments["at"]), now)
    rule = Rule(local, context.zone, _repeat(arguments.get("repeat", "none")))
    try:
        due = first_due(rule, context.now)
    except ReminderRefused:
        raise _refused(now) from None
    verdict = decide(ToolKind.CHANGE, context.situation)
    return ReminderOrder(text, rule, due, needs_tap=verdict is not Verdict.ALLOWED)


def _local(text: str, now: datetime) -> datetime:
    """Read a local time, or raise `ToolError`."""
    try:
        local = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ToolError("at must be a local time such as 2026-11-28T09:00.") from None
    if local.tzinfo is not None:
        # A model that writes "Z" rarely means UTC, and nobody can tell when it does.
        raise ToolError("at must be the local time, without a zone.")
    if not 0 <= local.year - now.year <= MAX_YEARS:
        raise _refused(now)
    if len(text.strip()) == DATE_CHARACTERS:
        local = datetime.combine(local.date(), DEFAULT_TIME)
    return local.replace(second=0, microsecond=0)


def _refused(now: datetime) -> ToolError:
    return ToolError(
        f"at must be in the future and within two years. It is {now:%a %Y-%m-%dT%H:%M} now."
    )


def _repeat(value: object) -> Repeat:
    return next((repeat for repeat in REPEATS if repeat == value), "none")
