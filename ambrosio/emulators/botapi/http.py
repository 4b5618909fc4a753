"""The HTTP around `BotApi`, so that the real client of the real bot can talk to it."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.message import Message
from typing import Any
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from ..loopback import serve_app
from .api import BotApi
from .errors import BotApiError, bad
from .events import Json
from .faults import Garbled, Lost
from .files import Upload

# In a form everything is text: these parameters are, the others carry JSON.
TEXTS = {
    "action",
    "callback_query_id",
    "caption",
    "description",
    "file_id",
    "inline_message_id",
    "language_code",
    "message_effect_id",
    "parse_mode",
    "secret_token",
    "short_description",
    "text",
    "title",
    "url",
}


class CutConnection(Response):
    """An answer that never comes: the connection is closed instead."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Close the connection and wait until it is closed."""
        del send
        scope["state"]["transport"].abort()
        while (await receive())["type"] != "http.disconnect":
            pass


def routes(api: BotApi) -> list[BaseRoute]:
    """Make the routes of a Bot API server, which another application may add to its own."""

    async def method(request: Request) -> Response:
        if request.path_params["token"] != api.token:
            return refusal(BotApiError(401, "Unauthorized"))
        try:
            params, files = await read(request)
            result = await call_method(api, request, params, files)
        except BotApiError as exc:
            return refusal(exc)
        except (Lost, ClientDisconnect):
            return CutConnection()
        except Garbled:
            return Response('{"ok": tru', media_type="application/json")
        return JSONResponse({"ok": True, "result": result})

    async def file(request: Request) -> Response:
        upload = api.files.at_path(request.path_params["path"])
        if request.path_params["token"] != api.token or upload is None:
            return refusal(BotApiError(404, "Not Found"))
        return Response(upload.content, media_type="application/octet-stream")

    return [
        Route("/bot{token}/{method}", method, methods=["GET", "POST"]),
        Route("/file/bot{token}/{path:path}", file),
    ]


async def call_method(api: BotApi, request: Request, params: Json, files: dict[str, Upload]) -> Any:
    """Let the API answer; whoever goes away while polling or hanging does not wait any longer."""
    work = asyncio.ensure_future(api.call(request.path_params["method"], params, files))
    away = asyncio.ensure_future(wait_disconnect(request))
    try:
        await asyncio.wait({work, away}, return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            raise Lost
        return await work
    finally:
        work.cancel()
        away.cancel()
        await asyncio.gather(work, away, return_exceptions=True)


async def wait_disconnect(request: Request) -> None:
    """Wait for the client to go away."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def refusal(exc: BotApiError) -> JSONResponse:
    """Say no as the Bot API does."""
    body: Json = {"ok": False, "error_code": exc.code, "description": exc.description}
    if exc.retry_after is not None:
        body["parameters"] = {"retry_after": exc.retry_after}
    return JSONResponse(body, exc.code)


async def read(request: Request) -> tuple[Json, dict[str, Upload]]:
    """Read the parameters and files of a request, whichever way they are encoded."""
    params = decode_form(dict(request.query_params))
    head = Message()
    head["Content-Type"] = request.headers.get("content-type", "text/plain")
    body = await request.body()
    match head.get_content_type():
        case "application/json":
            return params | parse_json(body), {}
        case "application/x-www-form-urlencoded":
            pairs = parse_qsl(body.decode(), keep_blank_values=True)
            return params | decode_form(dict(pairs)), {}
        case "multipart/form-data":
            fields, files = split_multipart(body, str(head.get_param("boundary", "")))
            return params | decode_form(fields), files
        case _:
            return params, {}


def parse_json(body: bytes) -> Json:
    """Read a JSON body, or refuse it."""
    try:
        params = json.loads(body or b"{}")
    except ValueError:
        params = None
    if not isinstance(params, dict):
        raise bad("can't parse request body as a JSON object")
    return params


def decode_form(fields: dict[str, str]) -> Json:
    """Read the JSON that a form carries in its fields."""
    params: Json = {}
    for name, value in fields.items():
        params[name] = value
        if name not in TEXTS:
            try:
                params[name] = json.loads(value)
            except ValueError:
                continue
    return params


def split_multipart(body: bytes, boundary: str) -> tuple[dict[str, str], dict[str, Upload]]:
    """Take a multipart body apart."""
    fields: dict[str, str] = {}
    files: dict[str, Upload] = {}
    mark = b"\r\n--" + boundary.encode()
    for part in (b"\r\n" + body).split(mark)[1:-1]:
        lines, _, content = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        head = Message()
        for line in lines.decode().split("\r\n"):
            name, _, value = line.partition(":")
            head[name] = value.strip()
        name = str(head.get_param("name", "", "content-disposition"))
        if (filename := head.get_filename()) is None:
            fields[name] = content.decode()
        else:
            files[name] = Upload(filename, content, head.get_content_type())
    return fields, files


@asynccontextmanager
async def serve_bot_api(api: BotApi, *, port: int = 0) -> AsyncIterator[str]:
    """Serve on loopback while the block runs, and give the address; port 0 takes a free one."""
    app = Starlette(routes=routes(api))
    async with serve_app(app, port=port) as address:
        try:
            yield address
        finally:
            api.close()
