"""How the stand-in's connections behave: a hung server, work that a disconnect cancels."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import anyio
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from .responses import ErrorStatus
from .writer import Connection

JSON_HEADERS = {"content-type": "application/json"}
NOT_JSON = ErrorStatus(400, "invalid_request_error", "The body is not a JSON object.")


class HangingMiddleware:
    """Keeps every request waiting while the server is hung, until the client disconnects."""

    def __init__(self, app: ASGIApp, is_hung: Callable[[], bool]) -> None:
        self._app, self._is_hung = app, is_hung

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or leave it unanswered."""
        if not self._is_hung():
            await self._app(scope, receive, send)
            return
        while (await receive())["type"] != "http.disconnect":
            pass
        await Response(status_code=503)(scope, receive, send)


class AppResponse(Response):
    """A response that is an ASGI application of its own."""

    def __init__(self, app: ASGIApp) -> None:
        super().__init__()
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the application."""
        await self._app(scope, receive, send)


async def cancel_on_disconnect(connection: Connection, scope: anyio.CancelScope) -> None:
    """Cancel the scope when the client has disconnected."""
    await connection.wait_closed()
    scope.cancel()


async def read_json(request: Request) -> Mapping[str, Any] | None:
    """Return the body of the request, or nothing if it is not a JSON object."""
    try:
        body = json.loads(await request.body())
    except (ValueError, ClientDisconnect):
        return None
    return body if isinstance(body, dict) else None
