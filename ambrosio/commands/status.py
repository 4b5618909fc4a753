"""TODO docstring."""

from .. import __version__
from ..store import ChatState
from .context import BotContext, CommandCall, CommandResult

# --- the house ------------------------------------------------------------------------------------


async def status(context: BotContext, call: CommandCall) -> CommandResult:
    """Tell how everybody is doing."""
    now = context.now()
    lines = [f"**Ambrosio {__version__}**, up {_duration(now - context.started_at)}"]
    for name, vitals in context.assistant.router.health.providers.items():
        lines.append(f"{_health(vitals.failure)} **{name}** {context.providers[name].config.model}")
        details = []
        if vitals.first_word_seconds is not None:
            details.append(f"first word after {vitals.first_word_seconds:.1f} s")
        if vitals.failure:
            details.append(vitals.failure)
        if resting := vitals.breaker.resting_seconds(now):
            details.append(f"rests for {_duration(resting)}")
        lines += [f"  {'; '.join(details)}"] if details else []
    state = context.store.chat_state(call.chat)
    tokens = _context_tokens(context, state)
    lines.append(f"This conversation: about {tokens:,} tokens; model {state.model or 'automatic'}")
    lines.append(f"Waiting: {context.store.waiting() - 1}; being answered: {len(context.running)}")
    if context.polled_at is not None:
        lines.append(f"Last heard from Telegram {_duration(now - context.polled_at)} ago")
    if context.strangers and call.user_id in context.owners():
        lines.append(f"Strangers turned away: {context.strangers}")
    return CommandResult("  \n".join(lines))


def _context_tokens(context: BotContext, state: ChatState) -> int:
    history = context.store.history(state.latest_turn_id)
    return sum(len((past.question + past.answer).encode()) // 3 for past in history)


def _health(failure: str) -> str:
    return "✗" if failure else "✓"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = ((days, "d"), (hours, "h"), (minutes, "min"), (rest, "s"))
    shown = [f"{number} {unit}" for number, unit in parts if number]
    return " ".join(shown[:2]) or "0 s"
