"""The web on loopback: pages, a SearXNG and Brave's search, with what goes wrong with them.

It records every request, so that a test can say what has left the machine.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from . import Json
from .loopback import serve_app

BRAVE_KEY = "brave-key-of-a-test"


@dataclass(frozen=True, slots=True)
class WebRequest:
    """A request as it arrived: everything that it told the server."""

    host: str
    path: str
    query: str
    headers: dict[str, str]

    @property
    def text(self) -> str:
        """All of it in one text."""
        return "\n".join([self.host, self.path, self.query, *self.headers.values()])


@dataclass(frozen=True, slots=True)
class WebPage:
    """One result that the search engines know."""

    title: str
    url: str
    text: str = ""


@dataclass
class FakeWeb:
    """Servers of pages and searches; all names lead to the same one.

    Attributes:
        pages: what is at a path, such as "/rice".
        hits: what any search returns.
        json_enabled: whether SearXNG answers in JSON, which it does not unless told to.
        unresponsive: the engines that did not answer SearXNG, with the reason.
        search_status: what the searches answer instead, if it is not 0.
        requests: everything that was asked.
    """

    pages: dict[str, Response] = field(default_factory=dict)
    hits: list[WebPage] = field(default_factory=list)
    json_enabled: bool = True
    unresponsive: list[tuple[str, str]] = field(default_factory=list)
    search_status: int = 0
    requests: list[WebRequest] = field(default_factory=list)
    url: str = ""

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        """Serve on loopback while the block runs, and yield the base URL."""
        routes = [
            Route("/search", self._searxng),
            Route("/res/v1/web/search", self._brave),
            Route("/{path:path}", self._page),
        ]
        async with serve_app(Starlette(routes=routes), grace_seconds=0) as self.url:
            yield self.url

    @property
    def queries(self) -> list[str]:
        """What was searched for, in order."""
        return [request.query for request in self.requests if "search" in request.path]

    def _record(self, request: Request) -> None:
        self.requests.append(
            WebRequest(
                request.headers.get("host", ""),
                request.url.path,
                request.url.query,
                dict(request.headers),
            )
        )

    def _page(self, request: Request) -> Response:
        self._record(request)
        return self.pages.get(request.url.path, PlainTextResponse("not here", 404))

    def _searxng(self, request: Request) -> Response:
        self._record(request)
        if self.search_status:
            return PlainTextResponse("", self.search_status)
        if request.query_params.get("format") != "json" or not self.json_enabled:
            return PlainTextResponse("403 Forbidden", 403)
        results: list[Json] = [
            {
                "title": hit.title,
                "url": hit.url,
                "content": hit.text,
                "engine": "wikipedia",
                "engines": ["wikipedia"],
            }
            for hit in self.hits
        ]
        return JSONResponse(
            {
                "query": request.query_params.get("q", ""),
                "results": results,
                "unresponsive_engines": [list(each) for each in self.unresponsive],
            }
        )

    def _brave(self, request: Request) -> Response:
        self._record(request)
        if self.search_status:
            return PlainTextResponse("", self.search_status)
        if request.headers.get("x-subscription-token") != BRAVE_KEY:
            return JSONResponse({"type": "ErrorResponse"}, 422)
        results: list[Json] = [
            {"title": hit.title, "url": hit.url, "description": hit.text} for hit in self.hits
        ]
        return JSONResponse({"type": "search", "web": {"results": results}})
