"""Letting llama.cpp servers read the system prompt before the first question."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager

from ..core.provider_errors import Loading, ProviderError
from .openai_compatible import OpenAIProvider

log = logging.getLogger(__name__)

# A small machine reads a large model from its disk for minutes.
LOADING_PAUSE_SECONDS = 2.0


@asynccontextmanager
async def warming_up(
    providers: Iterable[OpenAIProvider], system: str, *, delay_seconds: float = 0.0
) -> AsyncIterator[None]:
    """Warm up the llama.cpp servers that we do not run ourselves, while the block runs.

    Args:
        providers: all of them; the others are left alone.
        system: the system prompt.
        delay_seconds: how long to leave the processor to the block first.
    """

    async def warm_up_later(provider: OpenAIProvider) -> None:
        await asyncio.sleep(delay_seconds)
        await warm_up(provider, system)

    servers = [
        provider
        for provider in providers
        if provider.local and provider.config.server_kind == "llama" and not provider.config.managed
    ]
    tasks = [asyncio.create_task(warm_up_later(provider)) for provider in servers]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def warm_up(
    provider: OpenAIProvider,
    system: str,
    *,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Let a llama.cpp server read the system prompt; wait while it loads its model."""
    while True:
        try:
            await provider.warm_up(system)
        except Loading:
            await sleep(LOADING_PAUSE_SECONDS)
        except ProviderError as exc:
            log.info("not warmed up: %s", exc.log_text)
            return
        else:
            return
