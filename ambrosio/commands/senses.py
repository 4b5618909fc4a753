"""Which providers see, make images, transcribe and read aloud, for the commands that show it."""

from collections.abc import Iterable, Sequence
from contextlib import suppress

from ..core.messages import Chat
from ..core.provider_errors import ProviderError
from .context import BotContext


async def describe_senses(context: BotContext, chat: Chat) -> Sequence[str]:
    """Say in two lines which providers are asked besides for answers, in order.

    In private mode only local ones are.
    """
    local_only = context.assistant.is_local_only(chat)
    hearing = await context.transcripts.calls.able(local_only=local_only)
    speaking = await context.speech.calls.able(local_only=local_only)
    drawing = [
        name
        for name, client in context.image_assistant.image_router.clients.items()
        if client.local or not local_only
    ]
    seeing = _names(await _seeing(context, local_only=local_only))
    hears, speaks = (_names(client.name for client in able) for able in (hearing, speaking))
    return (
        f"Sees pictures: {seeing}. Makes images: {_names(drawing)}.",
        f"Transcribes voice notes: {hears}. Reads aloud: {speaks}.",
    )


async def _seeing(context: BotContext, *, local_only: bool) -> list[str]:
    seeing = []
    for name, _ in context.assistant.router.route():
        provider = context.providers[name]
        with suppress(ProviderError):
            if (provider.local or not local_only) and await provider.sees():
                seeing.append(name)
    return seeing


def _names(names: Iterable[str]) -> str:
    return ", then ".join(names) or "none"
