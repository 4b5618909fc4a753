"""The tools of the web, if the owner has set up a search, with the clients that they need."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

import httpx

from ..config.network import remote_client, trusted_certificates
from ..config.settings import Settings
from ..media.client import MediaClient
from ..router import Router
from ..store import Store
from .fetching import PageFetcher
from .metered_search import MeteredSearch
from .page_reader import PageReader
from .read_page import ReadPage
from .search_engines import make_engine
from .tool import Tool
from .web_search import WebSearch


@asynccontextmanager
async def open_web_tools(
    settings: Settings,
    store: Store,
    router: Router,
    media: MediaClient,
    *,
    now: Callable[[], float],
) -> AsyncIterator[tuple[Tool, ...]]:
    """Yield the tools that search and read pages; none if no search is set up."""
    url, key = settings.ambrosio_search_url, settings.brave_api_key.get_secret_value()
    if not (url or key):
        yield ()
        return
    async with (
        remote_client(trusted_certificates()) as http,
        httpx.AsyncClient(trust_env=False) as local_http,
    ):
        engine = make_engine(url, key, http=http, local_http=local_http)
        search = MeteredSearch(
            engine,
            budget=router.budget,
            searches_since=partial(store.ledger.count, "search"),
            max_per_day=settings.ambrosio_searches_per_day,
            now=now,
        )
        reader = PageReader(router, media, record=store.chats.record_request)
        yield (WebSearch(search), ReadPage(PageFetcher(http), reader))
