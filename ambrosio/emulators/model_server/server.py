"""A model server for tests and for the demo: OpenAI's API on loopback, with a script.

It answers as llama.cpp or as together.ai does, down to their ways of failing, and writes down what
it was asked and how each answer ended. It is no model: it says what it was told to say.
"""

import asyncio
import json
from base64 import b64encode
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import anyio
import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from ..loopback import bind_loopback
from . import default_answers, payloads
from .drawing import draw_png
from .payloads import ChatPayloads
from .responses import (
    BrokenSse,
    ChatCall,
    Dies,
    EndsUnfinished,
    ErrorObject,
    ErrorStatus,
    Gives,
    HangsUp,
    Holds,
    ImageCall,
    ImageItem,
    Overflow,
    Performance,
    Refusal,
    Repeats,
    Says,
    SaysNothing,
    ScriptItem,
    StallsAfter,
    StallsBefore,
)
from .validation import RequestRules
from .writer import Connection, ServedRequest, StreamWriter, WholeWriter

__all__ = [
    "BrokenSse",
    "ChatCall",
    "Dies",
    "EndsUnfinished",
    "ErrorObject",
    "ErrorStatus",
    "FakeModelServer",
    "Gives",
    "HangsUp",
    "Holds",
    "ImageCall",
    "Overflow",
    "Repeats",
    "Says",
    "SaysNothing",
    "ScriptItem",
    "ServedRequest",
    "StallsAfter",
    "StallsBefore",
]

_PATIENCE_SECONDS = 20.0  # for a machine that has much else to do


@dataclass(eq=False, kw_only=True)
class FakeModelServer(RequestRules):
    """A scripted model server, and the record of what it was asked.

    Attributes:
        pace: Tokens per second; 0 is as fast as possible.
        slots: How many requests are answered at once; 0 is without limit.
        sleeping: Whether `/props` says that the model is not in memory.
        answer: What is done with a request when the script is at its end.
        requests: What was asked, refused requests too; `served` runs beside it.
        image_requests: The same for pictures; `image_served` runs beside it.
    """

    pace: float = 0.0
    slots: int = 0
    sleeping: bool = False
    answer: Callable[[ChatCall], ScriptItem] = default_answers.answer
    requests: list[ChatCall] = field(default_factory=list)
    served: list[ServedRequest] = field(default_factory=list)
    image_requests: list[ImageCall] = field(default_factory=list)
    image_served: list[ServedRequest] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._script: deque[ScriptItem] = deque()
        self._image_script: deque[ImageItem] = deque()
        self._pictures: dict[str, bytes] = {}
        self._seats = asyncio.Semaphore(self.slots or 10_000)
        self._scopes: set[anyio.CancelScope] = set()
        self._state = ServerState()
        self._changed = asyncio.Event()

    def script(self, *items: ScriptItem) -> None:
        """Let the next chat requests get *items*, in this order."""
        self._script.extend(items)

    def image_script(self, *items: ImageItem) -> None:
        """Let the next image requests get *items*; otherwise they are drawn."""
        self._image_script.extend(items)

    async def wait_for(
        self, predicate: Callable[[], object], *, deadline: float = _PATIENCE_SECONDS
    ) -> None:
        """Return when *predicate* holds, or raise `AssertionError` after *deadline* seconds.

        It is asked again at each change; one that looks for a request too early (`LookupError`)
        does not hold yet.
        """
        try:
            async with asyncio.timeout(deadline):
                while not _holds(predicate):
                    await self._changed.wait()
        except TimeoutError:
            fared = [f"  {served!r}" for served in [*self.served, *self.image_served]]
            seen = "\n".join(fared) or "  no request at all"
            message = f"not within {deadline:g} s; the model server has seen:\n{seen}"
            raise AssertionError(message) from None

    @asynccontextmanager
    async def serving(self, port: int = 0) -> AsyncIterator[str]:
        """Serve on loopback and yield the base URL; whoever is still listening is hung up on."""
        listening = bind_loopback(port)
        config = uvicorn.Config(
            self._app(),
            http="h11",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            timeout_keep_alive=600,
        )
        config.load()
        server = uvicorn.Server(config)
        server.lifespan = config.lifespan_class(config)
        self._state = server.server_state
        await server.startup(sockets=[listening])
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}/v1"
        finally:
            await self._close(server.servers)

    async def _close(self, listeners: Sequence[asyncio.Server]) -> None:
        # Uvicorn's own shutdown waits for the streams, and looks for their end ten times a second.
        for listener in listeners:
            listener.close()
        for connection in list(self._state.connections):
            connection.transport.abort()
        await asyncio.sleep(0)  # the connections hear of it
        for scope in list(self._scopes):
            scope.cancel()
        await asyncio.gather(*self._state.tasks, return_exceptions=True)
        for listener in listeners:
            await listener.wait_closed()

    def _app(self) -> Starlette:
        routes = [
            Route("/v1/chat/completions", self._chat, methods=["POST"]),
            Route("/v1/models", self._models),
        ]
        if self.server_kind == "llama":
            routes += [Route("/health", self._health), Route("/props", self._props)]
        else:
            routes += [
                Route("/v1/images/generations", self._images, methods=["POST"]),
                Route("/images/{name}.png", self._picture),
            ]
        return Starlette(routes=routes, exception_handlers={HTTPException: self._nowhere})

    async def _chat(self, request: Request) -> Response:
        if (body := await _body(request)) is None:
            return self._refusal(ErrorStatus(400, "invalid_request_error", "The body is no JSON."))
        asked = ChatCall.parse(body, dict(request.headers))
        served = ServedRequest(asked, self._tell)
        self.requests.append(asked)
        self.served.append(served)
        self._tell()
        item: ScriptItem | None
        item = self.check_headers(request.headers) or self.check_chat(asked)
        if item is None and asked.max_tokens == 0:
            # Whoever lets a server only read wants nothing of what it has to say.
            item = SaysNothing()
        if item is None:
            item = self._script.popleft() if self._script else self.answer(asked)
        if isinstance(item, Refusal):
            return self._refusal(item, served)
        # llama.cpp does not notice that a client has gone which did not ask for a stream.
        watched = asked.stream or self.server_kind == "together"
        return self._attended(partial(self._speak, item, asked, served), served, watched=watched)

    async def _speak(
        self, item: Performance, asked: ChatCall, served: ServedRequest, line: Connection
    ) -> None:
        shape = ChatPayloads(
            self.server_kind, f"chatcmpl-{len(self.served)}", asked.model or self.model
        )
        delay = 1 / self.pace if self.pace else 0.0
        speech = (StreamWriter if asked.stream else WholeWriter)(asked, served, line, shape, delay)
        if self._seats.locked():
            served.becomes("waiting")
            await speech.open()
        async with self._seats:
            served.becomes("running")
            await item.perform(speech)

    async def _images(self, request: Request) -> Response:
        if (body := await _body(request)) is None:
            return self._refusal(ErrorStatus(400, "invalid_request_error", "The body is no JSON."))
        asked = ImageCall.parse(body, dict(request.headers))
        served = ServedRequest(asked, self._tell)
        self.image_requests.append(asked)
        self.image_served.append(served)
        self._tell()
        item: ImageItem | None
        item = self.check_headers(request.headers) or self.check_image(asked)
        if item is None and self._image_script:
            item = self._image_script.popleft()
        if isinstance(item, ErrorStatus):
            return self._refusal(item, served)
        work = partial(self._draw, item, asked, served)
        return self._attended(work, served, watched=True)

    async def _draw(
        self, item: ImageItem | None, asked: ImageCall, served: ServedRequest, line: Connection
    ) -> None:
        match item:
            case StallsBefore():
                await asyncio.Event().wait()
            case Holds():
                await item.until.wait()
            case Dies():
                await line.open(200, {"content-type": "application/json"})
                await line.write(b'{"data": [{"index": 0, "b64_json": "iVBOR')
            case _:
                pass
        if isinstance(item, HangsUp | Dies):
            served.becomes("finished")
            await line.break_off()
            return
        data = await self._data(item, asked)
        name = f"img-{len(self.image_served)}"
        body = {"id": name, "model": asked.model, "object": "list", "data": data}
        served.becomes("finished")
        headers = {"content-type": "application/json"}
        await line.reply(200, json.dumps(body).encode(), headers)

    async def _data(self, item: ImageItem | None, asked: ImageCall) -> list[dict[str, Any]]:
        if isinstance(item, SaysNothing):
            return []
        if isinstance(item, Gives):
            coded = [{"b64_json": b64encode(content).decode()} for content in item.contents]
            return [*coded, *({"url": url} for url in item.urls)]
        return [await self._drawn(asked, index) for index in range(asked.n)]

    async def _drawn(self, asked: ImageCall, index: int) -> dict[str, Any]:
        seed = (asked.seed or 0) + index
        file = await asyncio.to_thread(draw_png, asked.prompt, seed, asked.width, asked.height)
        if asked.response_format == "base64":
            return {"index": index, "type": "b64_json", "b64_json": b64encode(file).decode()}
        name = f"{len(self._pictures)}"
        self._pictures[name] = file
        url = f"http://{asked.headers['host']}/images/{name}.png"
        return {"index": index, "type": "url", "url": url}

    async def _picture(self, request: Request) -> Response:
        # together's file servers turn away those who do not say who they are.
        if not request.headers.get("user-agent"):
            return Response(status_code=403)
        file = self._pictures.get(request.path_params["name"])
        return Response(status_code=404) if file is None else Response(file, media_type="image/png")

    async def _models(self, request: Request) -> Response:
        if (refusal := self.check_headers(request.headers)) is not None:
            return self._refusal(refusal)
        return JSONResponse(
            payloads.models(self.server_kind, self.models, self._n_ctx, vision=self.vision)
        )

    async def _props(self, request: Request) -> Response:
        if (refusal := self.check_headers(request.headers)) is not None:
            return self._refusal(refusal)
        return JSONResponse(
            payloads.props(
                self.model,
                self._n_ctx,
                self.slots or 64,
                vision=self.vision,
                sleeping=self.sleeping,
            )
        )

    async def _health(self, _request: Request) -> Response:
        return self._refusal(ErrorStatus(503)) if self.loading else JSONResponse({"status": "ok"})

    async def _nowhere(self, _request: Request, _exc: Exception) -> Response:
        return self._refusal(ErrorStatus(404))

    @property
    def _n_ctx(self) -> int:
        return self.window or 8192

    def _tell(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    def _refusal(self, refusal: Refusal, served: ServedRequest | None = None) -> Response:
        status, body, headers = payloads.refusal(self.server_kind, refusal)
        if served is not None:
            served.status = status
            served.becomes("finished")
        if isinstance(body, str):
            return Response(body, status, headers, media_type="text/html")
        return JSONResponse(body, status, headers)

    def _attended(
        self, work: Callable[[Connection], Awaitable[None]], served: ServedRequest, *, watched: bool
    ) -> Response:
        """Return the response that does *work*, and leaves off when the client does."""

        async def attend(scope: Scope, receive: Receive, send: Send) -> None:
            line = Connection(send, receive, self._transport(scope))
            try:
                async with anyio.create_task_group() as group:
                    self._scopes.add(group.cancel_scope)
                    if watched:
                        group.start_soon(_leave_with, line, group.cancel_scope)
                    await work(line)
                    group.cancel_scope.cancel()
            finally:
                self._scopes.discard(group.cancel_scope)
                served.becomes("cancelled")

        return _Attended(attend)

    def _transport(self, scope: Scope) -> asyncio.BaseTransport:
        return next(
            connection.transport
            for connection in self._state.connections
            if isinstance(connection, H11Protocol) and connection.client == scope["client"]
        )


class _Attended(Response):
    """A response that is an ASGI application of its own."""

    def __init__(self, app: ASGIApp) -> None:
        super().__init__()
        self._attend = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._attend(scope, receive, send)


async def _leave_with(line: Connection, scope: anyio.CancelScope) -> None:
    await line.gone()
    scope.cancel()


async def _body(request: Request) -> Mapping[str, Any] | None:
    try:
        body = json.loads(await request.body())
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


def _holds(predicate: Callable[[], object]) -> bool:
    try:
        return bool(predicate())
    except LookupError:
        return False
