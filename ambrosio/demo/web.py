"""The page over HTTP: the file itself, the stream of what happens, and what a person does.

It is for the browser of whoever started the demo and for nobody else: the server listens on
loopback, the addresses begin with a random key, and a request that another web page makes is told
by its Host or its Origin and refused. Whoever can read this machine's memory is not kept out.
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
from ..emulators import loopback
from ..emulators.botapi import http
from ..emulators.botapi.errors import BotApiError
from ..emulators.botapi.events import Json
from . import actions
from .session import DemoSession

# What a browser may show at its own address; everything else is only ever downloaded.
SHOWABLE = ("image/png", "image/jpeg", "image/webp", "image/gif", "audio/")
POLICY = (
    "default-src 'none'; img-src 'self' blob: data:; media-src 'self' blob:; connect-src 'self'; "
    "style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)


@asynccontextmanager
async def serve_page(stage: DemoSession, key: str, *, port: int = 0) -> AsyncIterator[str]:
    """Serve the Bot API and the page on one port of loopback, or raise `DemoFailed`."""
    app = Starlette(
        routes=[*http.routes(stage.api), *routes(stage, key)], middleware=[Middleware(OriginGuard)]
    )
    async with AsyncExitStack() as open_:
        try:
            url = await open_.enter_async_context(loopback.serve_app(app, port=port))
        except OSError as exc:
            why = f"Port {port} cannot be used: {os.strerror(exc.errno or 0).lower()}."
            raise DemoFailed(why, "Choose another one with `--port`.") from exc
        # Streams must end before the server does, or it waits for them.
        open_.callback(stage.api.close)
        yield url


def routes(stage: DemoSession, key: str) -> list[BaseRoute]:
    """Make the routes of the page, all of them below the key."""

    async def page(_request: Request) -> Response:
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

    async def events(_request: Request) -> Response:
        return StreamingResponse(
            stream_events(stage),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store"},
        )

    async def do(request: Request) -> Response:
        try:
            settings, files = await http.read(request)
            wish = actions.ActionRequest(settings, files)
            return JSONResponse(await actions.do(stage, request.path_params["deed"], wish))
        except BotApiError as exc:
            return http.refusal(exc)

    async def file(request: Request) -> Response:
        try:
            upload = stage.api.files.get(request.path_params["id"])
        except BotApiError:
            return Response("Not found", 404)
        shown = upload.type.startswith(SHOWABLE) and "svg" not in upload.type
        return Response(
            upload.content,
            media_type=upload.type if shown else "application/octet-stream",
            headers={
                "Content-Disposition": "inline" if shown else "attachment",
                "X-Content-Type-Options": "nosniff",
                "Cache-Control": "private, max-age=3600",
            },
        )

    return [
        Route(f"/{key}/", page),
        Route(f"/{key}/events", events),
        Route(f"/{key}/do/{{deed}}", do, methods=["POST"]),
        Route(f"/{key}/file/{{id}}", file),
    ]


async def stream_events(stage: DemoSession) -> AsyncIterator[bytes]:
    """Tell how everything is, and then each change, as server-sent events."""
    with stage.api.subscribe() as changes:
        yield _sse(stage.snapshot())
        async for change in changes:
            for event in stage.describe_event(change):
                yield _sse(event)


def _sse(event: Json) -> bytes:
    return f"data: {json.dumps(event, ensure_ascii=True)}\n\n".encode()


class OriginGuard:
    """Turns away what other web pages ask, of the page and of the Bot API alike."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check Host and Origin; a name that somebody has pointed at loopback is none of ours."""
        headers = dict(scope["headers"])
        ours = {f"{name}:{scope['server'][1]}" for name in ("127.0.0.1", "localhost")}
        host, origin = headers.get(b"host", b"").decode(), headers.get(b"origin")
        if host not in ours or (origin is not None and origin.decode() != f"http://{host}"):
            await Response("This address is not for you.", 403)(scope, receive, send)
            return
        await self._app(scope, receive, send)
