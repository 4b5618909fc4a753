"""A model server for tests and the demo: OpenAI's API on loopback, with scripted answers.

It behaves like llama.cpp or together.ai, down to how they fail, and records each request and how
its answer ended. There is no model behind it.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial

import anyio
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from ..loopback import serve_app
from . import default_answers, payloads
from .connections import (
    NOT_JSON,
    AppResponse,
    HangingMiddleware,
    cancel_on_disconnect,
    read_json,
)
from .images import ImageEndpoints
from .payloads import ChatPayloads
from .requests import ChatCall, ImageCall
from .responses import (
    BrokenSse,
    Calls,
    Dies,
    EndsUnfinished,
    ErrorObject,
    ErrorStatus,
    HangsUp,
    Holds,
    ImageItem,
    Overflow,
    Performance,
    Pings,
    Refusal,
    Repeats,
    Says,
    SaysNothing,
    ScriptItem,
    SendsImages,
    StallsAfter,
    StallsBefore,
    StaysSilent,
)
from .sound import SoundEndpoints, SpeechCall, TranscriptionCall
from .validation import RequestRules
from .writer import Connection, ServedRequest, StreamWriter, WholeWriter

__all__ = [
    "BrokenSse",
    "Calls",
    "ChatCall",
    "Dies",
    "EndsUnfinished",
    "ErrorObject",
    "ErrorStatus",
    "FakeModelServer",
    "HangsUp",
    "Holds",
    "ImageCall",
    "Overflow",
    "Pings",
    "Repeats",
    "Says",
    "SaysNothing",
    "ScriptItem",
    "SendsImages",
    "ServedRequest",
    "SoundEndpoints",
    "SpeechCall",
    "StallsAfter",
    "StallsBefore",
    "StaysSilent",
    "TranscriptionCall",
]

_TIMEOUT_SECONDS = 60.0  # generous: the machine may be busy


@dataclass(eq=False, kw_only=True)
class FakeModelServer(RequestRules):
    """A scripted model server and the record of its requests.

    Attributes:
        pace: Tokens per second; 0 is as fast as possible.
        slots: How many requests are answered at once; 0 is unlimited.
        sleeping: Whether `/props` reports that the model is not in memory.
        hung: Whether it accepts requests and answers none of them, `/health` included.
        answer: Answers a request when the script has run out.
        requests: The chat requests, including refused ones; `served` is parallel to it.
        listings: How often it has been asked for its models.
    """

    pace: float = 0.0
    slots: int = 0
    sleeping: bool = False
    hung: bool = False
    answer: Callable[[ChatCall], ScriptItem] = default_answers.answer
    requests: list[ChatCall] = field(default_factory=list)
    served: list[ServedRequest] = field(default_factory=list)
    listings: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        self._script: deque[ScriptItem] = deque()
        self._free_slots = asyncio.Semaphore(self.slots or 10_000)
        self._scopes: set[anyio.CancelScope] = set()
        self._changed = asyncio.Event()
        self.sound = SoundEndpoints(self, self._refuse, self._notify)
        run = partial(self._run_until_disconnect, watched=True)
        self.images = ImageEndpoints(self, self._refuse, run, self._notify)

    def script(self, *items: ScriptItem) -> None:
        """Answer the next chat requests with *items*, in this order."""
        self._script.extend(items)

    def image_script(self, *items: ImageItem) -> None:
        """Answer the next image requests with *items*; without a script, images are drawn."""
        self.images.script.extend(items)

    @property
    def image_requests(self) -> list[ImageCall]:
        """The image requests; `image_served` is parallel to it."""
        return self.images.requests

    @property
    def image_served(self) -> list[ServedRequest]:
        """The records of the image requests."""
        return self.images.served

    async def wait_for(
        self, predicate: Callable[[], object], *, deadline: float = _TIMEOUT_SECONDS
    ) -> None:
        """Wait until *predicate* is true, or raise `AssertionError` after *deadline* seconds.

        It is evaluated after each change. A `LookupError` counts as false, so a predicate may refer
        to a request that has not arrived yet.
        """
        try:
            async with asyncio.timeout(deadline):
                while not _is_true(predicate):
                    await self._changed.wait()
        except TimeoutError:
            records = [f"  {served!r}" for served in [*self.served, *self.image_served]]
            seen = "\n".join(records) or "  no requests"
            message = f"not within {deadline:g} s; the model server has seen:\n{seen}"
            raise AssertionError(message) from None

    @asynccontextmanager
    async def serving(self, port: int = 0) -> AsyncIterator[str]:
        """Serve on loopback and yield the base URL; on exit, open requests are cut off."""
        serving = serve_app(
            self._app(), port=port, grace_seconds=0, on_disconnect=self._cancel_requests
        )
        async with serving as url:
            yield f"{url}/v1"

    def _cancel_requests(self) -> None:
        for scope in list(self._scopes):
            scope.cancel()

    def _app(self) -> Starlette:
        routes = [
            Route("/v1/chat/completions", self._chat, methods=["POST"]),
            Route("/v1/models", self._list_models),
            Route("/v1/audio/transcriptions", self.sound.transcribe, methods=["POST"]),
            Route("/v1/audio/speech", self.sound.speak, methods=["POST"]),
        ]
        if self.server_kind == "llama":
            routes += [Route("/health", self._health), Route("/props", self._props)]
        else:
            routes += [
                Route("/v1/images/generations", self.images.generate, methods=["POST"]),
                Route("/images/{name}.png", self.images.fetch),
            ]
        app = Starlette(routes=routes, exception_handlers={HTTPException: self._not_found})
        app.add_middleware(HangingMiddleware, is_hung=lambda: self.hung)
        return app

    # --- chat -------------------------------------------------------------------------------------

    async def _chat(self, http_request: Request) -> Response:
        if (body := await read_json(http_request)) is None:
            return self._refuse(NOT_JSON)
        request = ChatCall.parse(body, dict(http_request.headers))
        served = ServedRequest(request, self._notify)
        self.requests.append(request)
        self.served.append(served)
        self._notify()
        item: ScriptItem | None
        item = self.check_headers(request.headers) or self.check_chat(request)
        if item is None and request.max_tokens == 0:
            # A warm-up: the client wants the prompt read and no answer.
            item = SaysNothing()
        if item is None:
            item = self._script.popleft() if self._script else self.answer(request)
        if isinstance(item, Refusal):
            return self._refuse(item, served)
        # llama.cpp notices that a client has disconnected only if it asked for a stream.
        watched = request.stream or self.server_kind == "together"
        work = partial(self._write_answer, item, request, served)
        return self._run_until_disconnect(work, served, watched=watched)

    async def _write_answer(
        self, item: Performance, request: ChatCall, served: ServedRequest, connection: Connection
    ) -> None:
        answer_id, model = f"chatcmpl-{len(self.served)}", request.model or self.model
        shapes = ChatPayloads(self.server_kind, answer_id, model)
        delay = 1 / self.pace if self.pace else 0.0
        writer_class = StreamWriter if request.stream else WholeWriter
        writer = writer_class(request, served, connection, shapes, delay)
        if self._free_slots.locked():
            served.set_state("waiting")
            await writer.open()
        async with self._free_slots:
            served.set_state("running")
            await item.perform(writer)

    # --- models and health ------------------------------------------------------------------------

    async def _list_models(self, request: Request) -> Response:
        self.listings += 1
        self._notify()
        if (refusal := self.check_headers(request.headers)) is not None:
            return self._refuse(refusal)
        return JSONResponse(
            payloads.models(self.server_kind, self.models, self._n_ctx, vision=self.vision)
        )

    async def _props(self, request: Request) -> Response:
        if (refusal := self.check_headers(request.headers)) is not None:
            return self._refuse(refusal)
        features = {"vision": self.vision, "audio": self.audio, "tools": self.tools}
        shown = payloads.props(
            self.model, self._n_ctx, self.slots or 64, sleeping=self.sleeping, **features
        )
        return JSONResponse(shown)

    async def _health(self, _request: Request) -> Response:
        return self._refuse(ErrorStatus(503)) if self.loading else JSONResponse({"status": "ok"})

    async def _not_found(self, _request: Request, _exc: Exception) -> Response:
        return self._refuse(ErrorStatus(404))

    @property
    def _n_ctx(self) -> int:
        return self.window or 8192

    # --- responses --------------------------------------------------------------------------------

    def _notify(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    def _refuse(self, refusal: Refusal, served: ServedRequest | None = None) -> Response:
        status, body, headers = payloads.error_response(self.server_kind, refusal)
        if served is not None:
            served.status = status
            served.set_state("finished")
        if isinstance(body, str):
            return Response(body, status, headers, media_type="text/html")
        return JSONResponse(body, status, headers)

    def _run_until_disconnect(
        self, work: Callable[[Connection], Awaitable[None]], served: ServedRequest, *, watched: bool
    ) -> Response:
        """Return a response that runs *work*; if *watched*, a disconnect cancels it."""

        async def run(scope: Scope, receive: Receive, send: Send) -> None:
            connection = Connection(send, receive, scope["state"]["transport"])
            try:
                async with anyio.create_task_group() as group:
                    self._scopes.add(group.cancel_scope)
                    if watched:
                        group.start_soon(cancel_on_disconnect, connection, group.cancel_scope)
                    await work(connection)
                    group.cancel_scope.cancel()
            finally:
                self._scopes.discard(group.cancel_scope)
                served.set_state("cancelled")

        return AppResponse(run)


def _is_true(predicate: Callable[[], object]) -> bool:
    try:
        return bool(predicate())
    except LookupError:
        return False
