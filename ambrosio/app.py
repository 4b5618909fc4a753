"""Builds everything from the settings, and closes it in reverse order."""

import asyncio
import secrets
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial

import httpx

from .assistant.answers import Assistant
from .assistant.images import ImageAssistant
from .config import prompts
from .config.network import remote_client, trusted_certificates
from .config.provider import ProviderConfig
from .config.settings import Settings
from .core.messages import TERMINAL
from .images.client import ImageClient
from .llama import discovery
from .llama.supervisor import TRANSCRIBING, LlamaServer
from .media.client import MediaClient
from .providers.openai_compatible import OpenAIProvider, always_ready
from .providers.request import PictureReader, keeps_no_pictures
from .providers.speech import Speaker
from .providers.transcription import Transcriber
from .providers.warmup import warm_up
from .router import ImageRouter, Router, SpeechRouter, TranscriptRouter
from .router.budget import Budget
from .store import Store
from .tools.mcp.servers import McpServers, open_mcp_servers
from .tools.registry import make_tools
from .tools.toolbox import Toolbox
from .tools.web import open_web_tools


@dataclass(frozen=True, slots=True)
class App:
    """Everything a command-line verb needs."""

    settings: Settings
    store: Store
    providers: Mapping[str, OpenAIProvider]
    assistant: Assistant
    image_assistant: ImageAssistant
    transcripts: TranscriptRouter
    speech: SpeechRouter
    media: MediaClient
    mcp: McpServers


def now() -> float:
    """Return the time in seconds since 1970; passed to everything that needs a clock."""
    return datetime.now(UTC).timestamp()


def system_prompt(settings: Settings) -> str:
    """Return the system prompt that the settings choose, or raise `InvalidSettings`."""
    return prompts.system_prompt(settings.ambrosio_system_prompt_file, settings.ambrosio_data_dir)


@asynccontextmanager
async def open_app(
    settings: Settings,
    *,
    now: Callable[[], float] = now,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> AsyncIterator[App]:
    """Open the store and the providers, and build the assistants; close all of it at the end."""
    originals_bytes = settings.ambrosio_pictures_mb * 1_000_000
    with Store(settings.database, now=now, originals_bytes=originals_bytes) as store:
        async with open_providers(
            settings, now=now, sleep=sleep, read_picture=store.pictures.read
        ) as providers:
            budget = _budget(settings, store, now=now)
            router = _router(settings, providers, budget, now=now, sleep=sleep)
            media = MediaClient()
            async with _open_toolbox(settings, store, router, media, now=now) as (toolbox, mcp):
                is_private = settings.ambrosio_private_default == "on"
                for provider in providers.values():
                    provider.usual_tools = toolbox.usual(local_only=is_private)
                image_router = _image_router(settings, providers, budget, now=now, sleep=sleep)
                transcripts, speech = _sound_routers(
                    settings, providers, budget, now=now, sleep=sleep
                )
                yield App(
                    settings,
                    store,
                    providers,
                    _assistant(settings, store, router, toolbox, now=now),
                    ImageAssistant(store, router, image_router, now=now, dice=secrets.randbelow),
                    transcripts,
                    speech,
                    media,
                    mcp,
                )


def _budget(settings: Settings, store: Store, *, now: Callable[[], float]) -> Budget:
    return Budget(
        now=now,
        ledger=store.ledger,
        ceiling=settings.ambrosio_monthly_budget_usd,
        share=settings.ambrosio_person_budget_usd,
        guest=partial(_guest, settings, store),
        zone=settings.ambrosio_zone,
    )


@asynccontextmanager
async def _open_toolbox(
    settings: Settings,
    store: Store,
    router: Router,
    media: MediaClient,
    *,
    now: Callable[[], float],
) -> AsyncIterator[tuple[Toolbox, McpServers]]:
    """Open what tools need of the world outside: web clients, and the servers of MCP."""
    async with (
        open_web_tools(settings, store, router, media, now=now) as web,
        open_mcp_servers(settings, store, now=now) as mcp,
    ):
        is_guest = partial(_guest, settings, store)
        yield Toolbox(make_tools(store, web), more=mcp.tools, is_guest=is_guest), mcp


def _assistant(
    settings: Settings,
    store: Store,
    router: Router,
    toolbox: Toolbox,
    *,
    now: Callable[[], float],
) -> Assistant:
    return Assistant(
        store,
        router,
        system_prompt(settings),
        private=settings.ambrosio_private_default == "on",
        silence_seconds=settings.ambrosio_conversation_hours * 3600,
        zone=settings.ambrosio_zone,
        toolbox=toolbox,
        now=now,
    )


def _router(
    settings: Settings,
    providers: Mapping[str, OpenAIProvider],
    budget: Budget,
    *,
    now: Callable[[], float],
    sleep: Callable[[float], Awaitable[None]],
) -> Router:
    route = (*settings.ambrosio_route, *settings.providers)
    return Router(
        providers,
        tuple(name for name in route if name in providers and providers[name].config.supports_chat),
        now=now,
        fast_route=settings.ambrosio_fast_route,
        budget=budget,
        patience_seconds=settings.ambrosio_patience_seconds,
        groups={name: provider.config.group for name, provider in providers.items()},
        sleep=sleep,
    )


def _image_router(
    settings: Settings,
    providers: Mapping[str, OpenAIProvider],
    budget: Budget,
    *,
    now: Callable[[], float],
    sleep: Callable[[float], Awaitable[None]],
) -> ImageRouter:
    clients = {
        name: ImageClient(provider, settings.images, provider.http)
        for name, provider in providers.items()
        if provider.config.image_model
    }
    route = (*settings.ambrosio_image_route, *settings.ambrosio_route, *settings.providers)
    return ImageRouter(clients, route, now=now, budget=budget, sleep=sleep)


def _sound_routers(
    settings: Settings,
    providers: Mapping[str, OpenAIProvider],
    budget: Budget,
    *,
    now: Callable[[], float],
    sleep: Callable[[float], Awaitable[None]],
) -> tuple[TranscriptRouter, SpeechRouter]:
    route = (*settings.ambrosio_route, *settings.providers)
    if "ears" not in route:
        # Made for it, and nothing leaves the machine.
        route = ("ears", *route)
    hearing = {name: Transcriber(provider) for name, provider in providers.items()}
    transcripts = TranscriptRouter(hearing, route, now=now, budget=budget, sleep=sleep)
    speakers = {name: Speaker(provider) for name, provider in providers.items()}
    return transcripts, SpeechRouter(speakers, route, now=now, budget=budget, sleep=sleep)


async def is_model_configured(settings: Settings) -> bool:
    """Say whether any provider is configured, or a server is running on this machine."""
    if settings.has_provider:
        return True
    async with httpx.AsyncClient(trust_env=False) as local_http:
        return await discovery.find_server(local_http) is not None


@asynccontextmanager
async def open_providers(
    settings: Settings,
    *,
    now: Callable[[], float] = now,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    read_picture: PictureReader = keeps_no_pictures,
) -> AsyncIterator[dict[str, OpenAIProvider]]:
    """Make a provider of every configured row, and run llama.cpp if the settings say so.

    Without a configured llama.cpp server, the usual addresses are probed, unless we run one. The
    client for local servers ignores proxies in the environment, which could lead off the machine.
    Raises `InvalidSettings` if the environment's proxies or certificates cannot be used.
    """
    # Read once: certificates take a megabyte each time.
    trusted = trusted_certificates()
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(remote_client(trusted))
        local_http = await stack.enter_async_context(
            httpx.AsyncClient(verify=trusted, trust_env=False)
        )

        make_providers = partial(
            _make_providers,
            stack=stack,
            http=http,
            local_http=local_http,
            trusted=trusted,
            read_picture=read_picture,
        )
        servers = _acquire_servers(settings, now=now, sleep=sleep)
        checks = {name: partial(server.ensure_ready, name) for name, server in servers.items()}
        rows = await _rows(settings, local_http, servers)
        if not rows.keys() - {"ears"}:
            # A server that is started there later answers; until then, the failure says what to do.
            rows |= settings.provider_configs(llama_base_url=f"{discovery.USUAL_ADDRESSES[0]}/v1")
            checks["llama"] = partial(discovery.check_usual_port, "llama")
        providers = await make_providers(rows, checks)
        for name, server in servers.items():
            ready = always_willing
            if name == "llama":
                ready = partial(warm_up, providers[name], system_prompt(settings))
            await stack.enter_async_context(server.running(ready=ready))
        yield providers


async def always_willing() -> None:
    """Do nothing: a server that listens needs no warm-up."""


def _acquire_servers(
    settings: Settings, *, now: Callable[[], float], sleep: Callable[[float], Awaitable[None]]
) -> dict[str, LlamaServer]:
    """Prepare the servers that the settings have us run, by the names of their providers."""
    make_server = partial(LlamaServer, folder=settings.ambrosio_data_dir, now=now, sleep=sleep)
    threads = {"threads": settings.llama_threads} if settings.llama_threads else {}
    servers = {}
    if settings.llama_gguf:
        servers["llama"] = make_server(settings.llama_gguf, plan=_overrides(settings))
        servers["llama"].acquire()
    if settings.llama_ears:
        # The one of another process may not have been started yet, so each has its own.
        for folder in (TRANSCRIBING.folder, f"{TRANSCRIBING.folder}-2"):
            role = replace(TRANSCRIBING, folder=folder)
            servers["ears"] = make_server(settings.llama_ears, plan=threads, role=role)
            servers["ears"].acquire()
            if servers["ears"].owns_process:
                break
    return servers


def _overrides(settings: Settings) -> dict[str, int]:
    """Return the parameters of our own llama.cpp server that the owner has set."""
    chosen = {"threads": settings.llama_threads, "context": settings.llama_context}
    given = {name: value for name, value in chosen.items() if value}
    return {"image_tokens": settings.llama_image_tokens, **given}


async def _rows(
    settings: Settings, local_http: httpx.AsyncClient, servers: Mapping[str, LlamaServer]
) -> dict[str, ProviderConfig]:
    """Return all rows: those of our own servers, the configured ones, and what was found."""
    rows = await _rows_that_answer(settings, local_http, servers.get("llama"))
    if ears := servers.get("ears"):
        rows["ears"] = settings.ears_config(ears.address.url, ears.address.key)
    return rows


async def _rows_that_answer(
    settings: Settings, local_http: httpx.AsyncClient, own_server: LlamaServer | None
) -> dict[str, ProviderConfig]:
    """Return the rows, `llama` with our own server, or with one that was found if none is set."""
    if own_server:
        address = own_server.address
        return settings.provider_configs(llama_base_url=address.url, llama_api_key=address.key)
    if settings.llama_base_url:
        return settings.provider_configs(llama_base_url=settings.llama_base_url)
    url = await discovery.find_server(local_http)
    rows = settings.provider_configs(llama_base_url=url)
    if url and not settings.llama_model:
        model = await discovery.default_model(local_http, url)
        rows["llama"] = rows["llama"].model_copy(update={"model": model})
    return rows


async def _make_providers(
    rows: Mapping[str, ProviderConfig],
    checks: Mapping[str, Callable[[], None]],
    *,
    stack: AsyncExitStack,
    http: httpx.AsyncClient,
    local_http: httpx.AsyncClient,
    trusted: ssl.SSLContext,
    read_picture: PictureReader,
) -> dict[str, OpenAIProvider]:
    """Make a provider of each row; the `checks`, by name, raise while it cannot be asked."""
    providers = {}
    for name, row in rows.items():
        client = local_http if row.is_local else http
        if row.socket:
            client = await stack.enter_async_context(_socket_client(row.socket, trusted))
        providers[name] = OpenAIProvider(
            name,
            row,
            client,
            ensure_ready=checks.get(name, always_ready),
            read_picture=read_picture,
        )
    return providers


def _socket_client(socket: str, trusted: ssl.SSLContext) -> httpx.AsyncClient:
    transport = httpx.AsyncHTTPTransport(verify=trusted, uds=socket)
    return httpx.AsyncClient(transport=transport, trust_env=False)


def _guest(settings: Settings, store: Store, user_id: int) -> bool:
    # A user of the machine's own terminal has the whole budget.
    return user_id not in {TERMINAL.chat_id, *settings.ambrosio_owner, *store.people.owners()}
