"""Everything put together, from the store to the studio; nothing else builds them."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

import httpx

from .assistant.answers import Assistant
from .assistant.images import ImageAssistant
from .config import prompts
from .config.provider import ProviderConfig
from .config.settings import Settings
from .core.messages import TERMINAL
from .images.client import ImageClient
from .llama import discovery
from .llama.supervisor import LlamaServer
from .providers.openai_compatible import OpenAIProvider
from .providers.warmup import warm_up
from .router import ImageRouter, Router
from .router.budget import Budget
from .store import Store


@dataclass(frozen=True, slots=True)
class App:
    """What every verb works with."""

    settings: Settings
    store: Store
    providers: Mapping[str, OpenAIProvider]
    assistant: Assistant
    image_assistant: ImageAssistant


def now() -> float:
    """Tell the time in seconds; handed to everything that asks for it."""
    return datetime.now(UTC).timestamp()


@asynccontextmanager
async def open_app(
    settings: Settings,
    *,
    now: Callable[[], float] = now,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> AsyncIterator[App]:
    """Open the store, find the providers and put the assistant together."""
    originals_bytes = settings.ambrosio_pictures_mb * 1_000_000
    with Store(settings.database, now=now, originals_bytes=originals_bytes) as store:
        async with open_providers(settings, now=now, sleep=sleep) as providers:
            painters = {
                name: ImageClient(provider, settings.images, provider.http)
                for name, provider in providers.items()
                if provider.config.image_model
            }
            everybody = (*settings.ambrosio_route, *settings.providers)
            budget = Budget(
                now=now,
                ledger=store.ledger,
                ceiling=settings.ambrosio_monthly_budget_usd,
                share=settings.ambrosio_person_budget_usd,
                guest=partial(_guest, settings, store),
            )
            gallery = ImageRouter(
                painters,
                (*settings.ambrosio_image_route, *everybody),
                now=now,
                budget=budget,
                sleep=sleep,
            )
            router = Router(
                providers,
                tuple(
                    name
                    for name in everybody
                    if name in providers and providers[name].config.supports_chat
                ),
                now=now,
                fast_route=settings.ambrosio_fast_route,
                budget=budget,
                patience_seconds=settings.ambrosio_patience_seconds,
                sleep=sleep,
            )
            assistant = Assistant(
                store,
                router,
                prompts.text("system.txt"),
                private=settings.ambrosio_private_default == "on",
                now=now,
            )
            studio = ImageAssistant(store, router, gallery, now=now, dice=secrets.randbelow)
            yield App(settings, store, providers, assistant, studio)


@asynccontextmanager
async def open_providers(
    settings: Settings,
    *,
    now: Callable[[], float] = now,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> AsyncIterator[dict[str, OpenAIProvider]]:
    """Make a provider of every row, and run llama.cpp for them if that is wished.

    A llama.cpp server nobody named is looked for, but not when we have one of our own. The way to
    those at home knows nothing of a proxy in the environment, which would be a way out.
    """
    # Read once: certificates take a megabyte each time.
    trusted = httpx.create_ssl_context()
    async with AsyncExitStack() as lines:
        http = await lines.enter_async_context(httpx.AsyncClient(verify=trusted))
        home = await lines.enter_async_context(httpx.AsyncClient(verify=trusted, trust_env=False))

        async def line(row: ProviderConfig) -> httpx.AsyncClient:
            if not row.socket:
                return home if row.is_local else http
            through = httpx.AsyncHTTPTransport(verify=trusted, uds=row.socket)
            return await lines.enter_async_context(
                httpx.AsyncClient(transport=through, trust_env=False)
            )

        async def made(rows: Mapping[str, ProviderConfig]) -> dict[str, OpenAIProvider]:
            return {name: OpenAIProvider(name, row, await line(row)) for name, row in rows.items()}

        if not settings.llama_gguf:
            found = settings.llama_base_url or await discovery.find_server(home)
            rows = settings.provider_configs(llama_base_url=found)
            # With nothing else to ask, failures shall name the server that is missing.
            yield await made(
                rows
                or settings.provider_configs(llama_base_url=f"{discovery.USUAL_ADDRESSES[0]}/v1")
            )
            return
        engine = LlamaServer(settings.llama_gguf, settings.ambrosio_data_dir, now=now, sleep=sleep)
        engine.acquire()
        there = engine.address
        providers = await made(
            settings.provider_configs(llama_base_url=there.url, llama_api_key=there.key)
        )
        providers["llama"].ensure_ready = partial(engine.ensure_ready, "llama")
        async with engine.running(
            ready=partial(warm_up, providers["llama"], prompts.text("system.txt"))
        ):
            yield providers


def _guest(settings: Settings, store: Store, person: int) -> bool:
    # Whoever sits at the machine's own terminal is at home there.
    return person not in {TERMINAL.chat_id, *settings.ambrosio_owner, *store.people.owners()}
