"""Who hears and who speaks, for the commands that show it."""

from collections.abc import Sequence

from ..router.priced_calls import PricedClient
from .context import BotContext


async def describe_sound(context: BotContext) -> str:
    """Say in a line who is asked to listen and to read aloud, in order."""
    hearing = await context.transcripts.calls.able()
    speaking = await context.speech.calls.able()
    return f"Voice notes: {_names(hearing)}. Reading aloud: {_names(speaking)}."


def _names(clients: Sequence[PricedClient]) -> str:
    return ", then ".join(client.name for client in clients) or "nobody"
