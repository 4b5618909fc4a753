"""The two ways to search the web: a SearXNG server of the owner's, and Brave's API.

A query goes to the server that the owner has set up and to nobody else; a SearXNG passes it on to
the engines that it asks. Facts: SearXNG answers in JSON only where its `settings.yml` allows that,
and says 403 elsewhere; engines refuse servers now and then, and it lists those that did.
"""

import html
import json
import logging
import re
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol

import httpx

from ..core.addresses import is_local
from ..core.errors import PageNotRead, SearchFailed
from .fetching import parse_url

log = logging.getLogger(__name__)

MAX_RESULTS = 5
MAX_TITLE_CHARACTERS = 120
# About two lines.
MAX_TEXT_CHARACTERS = 220
MAX_ANSWER_BYTES = 2_000_000
TIMEOUT_SECONDS = 10.0
BRAVE_URL = "https://api.search.brave.com"
# Five dollars for a thousand searches, as of November 2026.
BRAVE_USD = Decimal("0.005")
# What a status means to a server, and how its owner mends it.
Refusals = Mapping[int, tuple[str, str]]
SEARXNG_REFUSALS: Refusals = {
    403: (
        "its server does not return JSON",
        "add `json` to `search: formats:` in SearXNG's settings.yml and start it again",
    )
}
WRONG_KEY = ("Brave rejects the key", "set the right one as BRAVE_API_KEY")
BRAVE_REFUSALS: Refusals = {
    401: WRONG_KEY,
    403: WRONG_KEY,
    422: WRONG_KEY,
    402: ("the account at Brave has no credit left", "add credit to it"),
}
TAGS = re.compile(r"<[^>]{0,200}>")


@dataclass(frozen=True, slots=True)
class SearchResult:
    """One result, as plain text."""

    title: str
    url: str
    text: str


@dataclass(frozen=True, slots=True)
class SearchReply:
    """What a search returned.

    Attributes:
        results: the best ones, best first.
        answered: the engines that these are from, if the server says so.
        unresponsive: each engine that did not answer, with the reason.
    """

    results: tuple[SearchResult, ...]
    answered: tuple[str, ...] = ()
    unresponsive: tuple[tuple[str, str], ...] = ()


class SearchEngine(Protocol):
    """A server that searches the web."""

    @property
    def name(self) -> str:
        """What the person reads."""
        ...

    @property
    def usd(self) -> Decimal:
        """What a search costs."""
        ...

    async def search(self, query: str) -> SearchReply:
        """Search, or raise `SearchFailed`."""
        ...


class SearxNg:
    """A SearXNG server.

    Args:
        url: its base URL.
        http: a client that leads there.
    """

    name = "SearXNG"
    usd = Decimal(0)

    def __init__(self, url: str, http: httpx.AsyncClient) -> None:
        self._url, self._http = url.rstrip("/").removesuffix("/search"), http

    async def search(self, query: str) -> SearchReply:
        """Search, or raise `SearchFailed`."""
        found = await _get_json(
            self._http,
            f"{self._url}/search",
            {"q": query, "format": "json"},
            refusals=SEARXNG_REFUSALS,
        )
        items = _list(found.get("results"))
        return SearchReply(
            _results(items, text="content"),
            tuple(sorted({_line(item.get("engine"), 40) for item in items} - {""})),
            tuple(_unresponsive(found.get("unresponsive_engines"))),
        )


class Brave:
    """Brave's search API.

    Args:
        key: the API key.
        http: a client for servers elsewhere.
        url: of another server, in tests.
    """

    name = "Brave"
    usd = BRAVE_USD

    def __init__(self, key: str, http: httpx.AsyncClient, url: str = BRAVE_URL) -> None:
        self._key, self._http, self._url = key, http, url

    async def search(self, query: str) -> SearchReply:
        """Search, or raise `SearchFailed`."""
        found = await _get_json(
            self._http,
            f"{self._url}/res/v1/web/search",
            {"q": query, "count": str(MAX_RESULTS)},
            headers={"X-Subscription-Token": self._key},
            refusals=BRAVE_REFUSALS,
        )
        web = found.get("web")
        items = _list(web.get("results") if isinstance(web, dict) else None)
        return SearchReply(_results(items, text="description"))


def make_engine(
    search_url: str | None,
    brave_key: str,
    *,
    http: httpx.AsyncClient,
    local_http: httpx.AsyncClient,
) -> SearchEngine:
    """Return the search that the settings choose, one of which is set: a server before Brave."""
    if search_url:
        return SearxNg(search_url, local_http if is_local(search_url) else http)
    return Brave(brave_key, http)


async def _get_json(
    http: httpx.AsyncClient,
    url: str,
    query: Mapping[str, str],
    *,
    refusals: Refusals,
    headers: Mapping[str, str] | None = None,
) -> Mapping[str, Any]:
    """Ask a search server, or raise `SearchFailed`."""
    body = bytearray()
    try:
        async with (
            http.stream(
                "GET",
                url,
                params=query,
                headers={"User-Agent": "Ambrosio", "Accept": "application/json", **(headers or {})},
                timeout=TIMEOUT_SECONDS,
                follow_redirects=False,
            ) as response,
            aclosing(response.aiter_bytes()) as pieces,  # type: ignore[type-var]
        ):
            _check_status(response.status_code, refusals)
            async for piece in pieces:
                body += piece
                if len(body) > MAX_ANSWER_BYTES:
                    raise SearchFailed("its server sent too much")
        found = json.loads(body)
    except httpx.TimeoutException as exc:
        raise SearchFailed("its server did not answer in time") from exc
    except httpx.HTTPError as exc:
        raise SearchFailed("its server cannot be reached") from exc
    except (ValueError, RecursionError) as exc:
        raise SearchFailed("its server returned something other than JSON") from exc
    if not isinstance(found, dict):
        raise SearchFailed("its server returned something other than results")
    return found


def _check_status(status: int, refusals: Refusals) -> None:
    if status == httpx.codes.OK:
        return
    log.warning("the web search was refused: HTTP %d", status)
    if status == 429:
        raise SearchFailed(
            "its server refuses any more searches for now", "wait, or raise its limit"
        )
    raise SearchFailed(*refusals.get(status, (f"its server answered {status}",)))


def _results(items: list[dict[str, Any]], *, text: str) -> tuple[SearchResult, ...]:
    """Read the first results that a page could be read of, each address once."""
    found: dict[str, SearchResult] = {}
    for item in items:
        url = _page_url(item.get("url"))
        title = _line(item.get("title"), MAX_TITLE_CHARACTERS)
        if url and title and url not in found:
            found[url] = SearchResult(title, url, _line(item.get(text), MAX_TEXT_CHARACTERS))
        if len(found) == MAX_RESULTS:
            break
    return tuple(found.values())


def _page_url(value: object) -> str:
    try:
        return str(parse_url(value)) if isinstance(value, str) else ""
    except PageNotRead:
        return ""


def _line(value: object, limit: int) -> str:
    """Write what a server sent as one line of plain text."""
    text = html.unescape(TAGS.sub("", value)) if isinstance(value, str) else ""
    line = " ".join("".join(sign for sign in text if sign.isprintable() or sign.isspace()).split())
    return line if len(line) <= limit else f"{line[: limit - 1].rstrip()}…"


def _list(value: object) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _unresponsive(value: object) -> list[tuple[str, str]]:
    """Read SearXNG's list of [engine, reason]."""
    pairs = value if isinstance(value, list) else []
    return [
        (_line(pair[0], 40), _line(pair[1], 80))
        for pair in pairs
        if isinstance(pair, list) and len(pair) >= 2
    ]
