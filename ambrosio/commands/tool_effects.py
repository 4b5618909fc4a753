"""What tools want done once the answer is stored: reminders, facts, and calls that wait for a tap.

Called within the transaction that stores the answer, so that a turn that runs again after a crash
does it once.
"""

from collections.abc import Iterable

from ..core.messages import Button, OutgoingMessage, Turn
from ..core.tools import FactSuggestion, ProposedCall, ReminderOrder, ToolEffect
from ..markdown import plain
from ..store import Reminder
from .context import BotContext, CommandCall
from .proposed_calls import propose_call, settle_call
from .reminders import add_reminder, propose_reminder, zone_question


def carry_out(
    context: BotContext, turn: Turn, effects: Iterable[ToolEffect]
) -> list[OutgoingMessage]:
    """Make the reminders, keep what waits for the person, and return what they are told of it."""
    effects, settled = list(effects), settle_call(context, turn)
    orders = [effect for effect in effects if isinstance(effect, ReminderOrder)]
    messages = [_remind(context, turn, order, number) for number, order in enumerate(orders)]
    if any(not order.needs_tap for order in orders):
        messages += zone_question(context, CommandCall(turn.chat, turn.user_id, turn.message_id))
    suggestions = (effect for effect in effects if isinstance(effect, FactSuggestion))
    messages += [_suggest(context, turn, suggestion.text) for suggestion in suggestions]
    calls = (effect for effect in effects if isinstance(effect, ProposedCall))
    return settled + messages + [propose_call(context, turn, call) for call in calls]


def _remind(context: BotContext, turn: Turn, order: ReminderOrder, number: int) -> OutgoingMessage:
    reminder = Reminder(
        turn.chat,
        turn.message_id,
        turn.user_id,
        order.text,
        order.rule,
        order.due,
        turn.local_only,
        number=number,
    )
    write = propose_reminder if order.needs_tap else add_reminder
    return write(context, reminder)


def _suggest(context: BotContext, turn: Turn, text: str) -> OutgoingMessage:
    fact_id = context.store.facts.suggest(
        turn.user_id, text, message_id=turn.message_id, local_only=turn.local_only
    )
    where = ", in private mode only" if turn.local_only else ""
    return OutgoingMessage(
        turn.chat,
        plain(f"Shall I remember this{where}? {text}"),
        (
            Button("Remember", "memory", f"keep={fact_id}"),
            Button("No", "memory", f"undo={fact_id}"),
        ),
        silent=True,
        local_only=turn.local_only,
    )
