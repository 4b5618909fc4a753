"""Who sees, who hears and who speaks, for the commands that show it."""

from collections.abc import Sequence
from contextlib import suppress

from ..core.provider_errors import ProviderError
from ..router.priced_calls import PricedClient
from .context import BotContext


async def describe_sound(context: BotContext) -> str:
    """Say in a line who is asked to listen and to read aloud, in order."""
    hearing = await context.transcripts.calls.able()
    speaking = await context.speech.calls.able()
    return f"Voice notes: {_names(hearing)}. Reading aloud: {_names(speaking)}."


async def describe_sight(context: BotContext) -> str:
    """Say in a line who is asked about pictures, in order."""
    seeing = []
    for name, _ in context.assistant.router.route():
        with suppress(ProviderError):
            if await context.providers[name].sees():
                seeing.append(name)
    return f"Pictures: {', then '.join(seeing) or 'none'}."


def _names(clients: Sequence[PricedClient]) -> str:
    return ", then ".join(client.name for client in clients) or "none"
