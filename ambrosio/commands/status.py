"""`/status`: which providers are well, how long this chat is, and what waits."""

from .. import __version__
from ..core.context_window import estimate_tokens
from .context import BotContext, CommandCall, CommandResult
from .senses import describe_senses


async def status(context: BotContext, call: CommandCall) -> CommandResult:
    """Show the state of the providers, this conversation and the queue."""
    now = context.now()
    lines = [f"**Ambrosio {__version__}**, up {_duration(now - context.status.started_at)}"]
    for name, health in context.assistant.router.health.providers.items():
        lines.append(
            f"{'✗' if health.failure else '✓'} **{name}** {context.providers[name].config.model}"
        )
        details = []
        if health.first_word_seconds is not None:
            details.append(f"first word after {health.first_word_seconds:.1f} s")
        if health.failure:
            details.append(health.failure)
        if rest := health.breaker.resting_seconds(now):
            details.append(f"paused for {_duration(rest)}")
        lines += [f"  {'; '.join(details)}"] if details else []
    lines += await describe_senses(context, call.chat)
    state = context.store.chats.state(call.chat)
    history = context.store.conversations.history(state.latest_turn_id)
    tokens = sum(estimate_tokens(past.question) + estimate_tokens(past.answer) for past in history)
    lines.append(f"This conversation: about {tokens:,} tokens; model {state.model or 'automatic'}")
    if context.status.polled_at is not None:
        # This command is one of them.
        waiting = max(0, context.store.inbox.waiting() - 1)
        lines.append(f"Messages waiting: {waiting}; being answered: {len(context.running)}")
        lines.append(f"Telegram last answered {_duration(now - context.status.polled_at)} ago")
    if context.status.strangers and call.user_id in context.owners():
        lines.append(f"Strangers turned away: {context.status.strangers}")
    return CommandResult("  \n".join(lines))


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = ((days, "d"), (hours, "h"), (minutes, "min"), (rest, "s"))
    shown = [f"{number} {unit}" for number, unit in parts if number]
    return " ".join(shown[:2]) or "0 s"
