"""HTTP for `BotApi`, so that the bot's real client can talk to it."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from .. import Json
from ..loopback import serve_app
from .api import BotApi
from .errors import BotApiError, bad
from .faults import Garbled, Lost
from .files import Upload

# In a form every value is text; these parameters really are text, the others carry JSON.
TEXT_PARAMS = {
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
    """Closes the connection instead of responding."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Close the connection and wait until it is closed."""
        del send
        scope["state"]["transport"].abort()
        while (await receive())["type"] != "http.disconnect":
            pass


def routes(api: BotApi) -> list[BaseRoute]:
    """Return the routes of a Bot API server; another application may include them."""

    async def method(request: Request) -> Response:
        if request.path_params["token"] != api.token:
            return error_response(BotApiError(401, "Unauthorized"))
        try:
            params, files = await read(request)
            result = await call_method(api, request, params, files)
        except BotApiError as exc:
            return error_response(exc)
        except (Lost, ClientDisconnect):
            return CutConnection()
        except Garbled:
            return Response('{"ok": tru', media_type="application/json")
        return JSONResponse({"ok": True, "result": result})

    async def file(request: Request) -> Response:
        upload = api.files.at_path(request.path_params["path"])
        if request.path_params["token"] != api.token or upload is None:
            return error_response(BotApiError(404, "Not Found"))
        return Response(upload.content, media_type="application/octet-stream")

    return [
        Route("/bot{token}/{method}", method, methods=["GET", "POST"]),
        Route("/file/bot{token}/{path:path}", file),
    ]


async def call_method(api: BotApi, request: Request, params: Json, files: dict[str, Upload]) -> Any:
    """Call the API; if the client disconnects first, stop the call and raise `Lost`."""
    call = asyncio.ensure_future(api.call(request.path_params["method"], params, files))
    disconnect = asyncio.ensure_future(wait_disconnect(request))
    try:
        await asyncio.wait({call, disconnect}, return_when=asyncio.FIRST_COMPLETED)
        if not call.done():
            raise Lost
        return await call
    finally:
        call.cancel()
        disconnect.cancel()
        await asyncio.gather(call, disconnect, return_exceptions=True)


async def wait_disconnect(request: Request) -> None:
    """Wait until the client disconnects."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def error_response(exc: BotApiError) -> JSONResponse:
    """Return the Bot API's response for an error."""
    body: Json = {"ok": False, "error_code": exc.code, "description": exc.description}
    if exc.parameters:
        body["parameters"] = exc.parameters
    return JSONResponse(body, exc.code)


async def read(request: Request) -> tuple[Json, dict[str, Upload]]:
    """Read the parameters and files of a request in any encoding, or raise `BotApiError`."""
    params = decode_form(dict(request.query_params))
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    match media_type:
        case "application/json":
            return params | parse_json(await request.body()), {}
        case "application/x-www-form-urlencoded" | "multipart/form-data":
            fields, files = await read_form(request)
            return params | decode_form(fields), files
        case _:
            return params, {}


def parse_json(body: bytes) -> Json:
    """Parse a JSON body, or raise `BotApiError`."""
    try:
        params = json.loads(body or b"{}")
    except ValueError:
        params = None
    if not isinstance(params, dict):
        raise bad("can't parse request body as a JSON object")
    return params


async def read_form(request: Request) -> tuple[dict[str, str], dict[str, Upload]]:
    """Read the fields and files of a form, or raise `BotApiError` for a malformed one."""
    fields: dict[str, str] = {}
    files: dict[str, Upload] = {}
    try:
        async with request.form() as form:
            for name, value in form.items():
                if isinstance(value, UploadFile):
                    content, mime = await value.read(), value.content_type or ""
                    files[name] = Upload(value.filename or "", content, mime)
                else:
                    fields[name] = value
    except HTTPException as exc:
        raise bad(f"can't parse the form: {exc.detail}") from exc
    return fields, files


def decode_form(fields: dict[str, str]) -> Json:
    """Decode the JSON in the fields of a form."""
    params: Json = {}
    for name, value in fields.items():
        params[name] = value
        if name not in TEXT_PARAMS:
            try:
                params[name] = json.loads(value)
            except ValueError:
                continue
    return params


@asynccontextmanager
async def serve_bot_api(api: BotApi, *, port: int = 0) -> AsyncIterator[str]:
    """Serve on loopback while the block runs and yield the base URL; port 0 takes a free one."""
    app = Starlette(routes=routes(api))
    async with serve_app(app, port=port) as url:
        try:
            yield url
        finally:
            api.close()
