"""The page over HTTP: the file itself, the stream of events, and the user's actions.

Only for the browser of the person who started the demo: the server listens on loopback, its URLs
start with a random key, and requests from other web pages are recognised by Host or Origin and
refused. It does not protect against a process that can read this one's memory.
"""

import json
import os
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from importlib import resources

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from ..core.errors import DemoFailed
from ..emulators import Json, loopback
from ..emulators.botapi import http
from ..emulators.botapi.errors import BotApiError
from . import actions
from .session import DemoSession

# What a browser may show at the page's own address; everything else is only downloaded.
SHOWABLE = ("image/png", "image/jpeg", "image/webp", "image/gif", "audio/")
POLICY = (
    "default-src 'none'; img-src 'self' blob: data:; media-src 'self' blob:; connect-src 'self'; "
    "style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)


@asynccontextmanager
async def serve_page(session: DemoSession, key: str, *, port: int = 0) -> AsyncIterator[str]:
    """Serve the Bot API and the page on one loopback port, or raise `DemoFailed`."""
    routes = [*http.routes(session.api), *PageRoutes(session).routes(key)]
    app = Starlette(routes=routes, middleware=[Middleware(OriginGuard)])
    async with AsyncExitStack() as stack:
        try:
            url = await stack.enter_async_context(loopback.serve_app(app, port=port))
        except OSError as exc:
            reason = os.strerror(exc.errno or 0).lower()
            raise DemoFailed(
                f"Port {port} cannot be used: {reason}.", "Choose another one with `--port`."
            ) from exc
        # Streams must end before the server stops, or it waits for them.
        stack.callback(session.api.close)
        yield url


class PageRoutes:
    """The HTTP handlers of the page."""

    def __init__(self, session: DemoSession) -> None:
        self._session = session

    def routes(self, key: str) -> list[BaseRoute]:
        """Return the routes, all of them below *key*."""
        return [
            Route(f"/{key}/", self._page),
            Route(f"/{key}/events", self._events),
            Route(f"/{key}/do/{{action}}", self._do, methods=["POST"]),
            Route(f"/{key}/file/{{id}}", self._file),
        ]

    async def _page(self, _request: Request) -> Response:
        nonce = secrets.token_urlsafe(12)
        text = resources.files(__package__).joinpath("page.html").read_text("utf-8")
        return Response(
            text.replace("{{nonce}}", nonce),
            media_type="text/html",
            headers={
                "Content-Security-Policy": POLICY.format(nonce=nonce),
                "Referrer-Policy": "no-referrer",
                "Cache-Control": "no-store",
            },
        )

    async def _events(self, _request: Request) -> Response:
        return StreamingResponse(
            stream_events(self._session),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store"},
        )

    async def _do(self, request: Request) -> Response:
        try:
            fields, files = await http.read(request)
            action = actions.ActionRequest(fields, files)
            result = await actions.do(self._session, request.path_params["action"], action)
        except BotApiError as exc:
            return http.error_response(exc)
        return JSONResponse(result)

    async def _file(self, request: Request) -> Response:
        try:
            upload = self._session.api.files.get(request.path_params["id"])
        except BotApiError:
            return Response("Not found", 404)
        showable = upload.type.startswith(SHOWABLE) and "svg" not in upload.type
        return Response(
            upload.content,
            media_type=upload.type if showable else "application/octet-stream",
            headers={
                "Content-Disposition": "inline" if showable else "attachment",
                "X-Content-Type-Options": "nosniff",
                "Cache-Control": "private, max-age=3600",
            },
        )


async def stream_events(session: DemoSession) -> AsyncIterator[bytes]:
    """Yield a snapshot and then every change, as server-sent events."""
    with session.api.subscribe() as changes:
        yield _sse(session.snapshot())
        async for change in changes:
            for event in session.describe_event(change):
                yield _sse(event)


def _sse(event: Json) -> bytes:
    return f"data: {json.dumps(event, ensure_ascii=True)}\n\n".encode()


class OriginGuard:
    """Middleware that refuses requests from other web pages, to the page and the Bot API alike."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check Host and Origin; a foreign name that resolves to loopback is refused, too."""
        headers = dict(scope["headers"])
        own_hosts = {f"{name}:{scope['server'][1]}" for name in ("127.0.0.1", "localhost")}
        host, origin = headers.get(b"host", b"").decode(), headers.get(b"origin")
        if host not in own_hosts or (origin is not None and origin.decode() != f"http://{host}"):
            await Response("This address is not available to other pages.", 403)(
                scope, receive, send
            )
            return
        await self._app(scope, receive, send)
