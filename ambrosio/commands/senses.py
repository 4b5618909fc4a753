"""Who sees, who hears and who speaks, for the commands that show it."""

from collections.abc import Sequence
from contextlib import suppress

from ..core.messages import Chat
from ..core.provider_errors import ProviderError
from .context import BotContext


async def describe_senses(context: BotContext, chat: Chat) -> list[str]:
    """Say who is asked about pictures, to listen and to read aloud, in order; a line each.

    In private mode these are the local ones.
    """
    local_only = context.assistant.is_local_only(chat)
    hearing = await context.transcripts.calls.able(local_only=local_only)
    speaking = await context.speech.calls.able(local_only=local_only)
    listeners, speakers = ([client.name for client in able] for able in (hearing, speaking))
    return [
        f"Pictures: {_names(await _seeing(context, local_only=local_only))}.",
        f"Voice notes: {_names(listeners)}. Reading aloud: {_names(speakers)}.",
    ]


async def _seeing(context: BotContext, *, local_only: bool) -> list[str]:
    seeing = []
    for name, _ in context.assistant.router.route():
        provider = context.providers[name]
        with suppress(ProviderError):
            if (provider.local or not local_only) and await provider.sees():
                seeing.append(name)
    return seeing


def _names(names: Sequence[str]) -> str:
    return ", then ".join(names) or "none"
