"""One streamed answer of one server: opened, read as long as it is worth it, and always closed.

A task reads, so that the person can be told why they wait while nothing comes. How long a server
may be silent is `patience`'s; what goes into a request, and what is learned from a refusal, is
`openai_compatible`'s.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import anyio

from ..core.concise_guard import ConciseGuard
from ..core.messages import EmptyAnswer, StatusNote, StreamEvent
from ..core.provider_errors import NoText, ProviderError
from .batching import BatchReader
from .errors import connection_failure
from .openai_client import ApiClient, ChunkStream, ConnectionFailed, RequestFailed
from .patience import Patience
from .picture_body import PictureBody
from .request import ChatRequest
from .stream_parser import RawChunk, StreamParser

# What a task has to say: a chunk, why nothing comes, its failure, or None at its end.
_Item = RawChunk | StatusNote | BaseException | None


class ChatStream:
    """An answer that is being streamed; `next_events` is asked until it returns None."""

    def __init__(
        self, parser: StreamParser, patience: Patience, batches: BatchReader | None = None
    ) -> None:
        self._parser, self._patience, self._batches = parser, patience, batches
        self._chunks: ChunkStream | None = None
        self._items: asyncio.Queue[_Item] = asyncio.Queue()
        self._tasks: list[asyncio.Task[None]] = []
        self._watching: asyncio.Task[None] | None = None
        self._ended = False
        self._failure: NoText | None = None

    @property
    def opened_thinking(self) -> bool:
        """Whether the thinking had no opening mark, only a closing one."""
        return self._parser.opened_thinking

    @asynccontextmanager
    async def reading(self, client: ApiClient, request: ChatRequest) -> AsyncIterator[None]:
        """Ask for the answer and read it until the block ends."""
        self._start(self._read(client, request))
        self._watching = self._start(self._patience.watch_start(self._items.put_nowait))
        try:
            yield
        finally:
            for task in self._tasks:
                task.cancel()
            # A stop scope cancels again and again until its block ends, and would so interrupt the
            # closing of the connection.
            with anyio.CancelScope(shield=True):
                await asyncio.gather(*self._tasks, return_exceptions=True)

    async def next_events(self) -> list[StreamEvent] | None:
        """Wait for what comes next; None after the end.

        Raises `NoText` at the end of an answer without text, `ServerError` if it was cut.
        """
        if self._failure:
            raise self._failure
        if self._ended:
            return None
        item = None if self._parser.is_complete else await self._next_item()
        if item is None:
            self._ended = True
            return self._end()
        if isinstance(item, StatusNote):
            return [item]
        return self._feed(item)

    def _feed(self, chunk: RawChunk) -> list[StreamEvent]:
        """Parse a chunk, and watch for what is to be expected after it."""
        started = self._parser.started
        was_finished = self._parser.has_finish_reason
        events = self._parser.feed(chunk)
        if any(isinstance(event, StatusNote) for event in events):
            self._patience.on_note()
        # Some gateways send a finish reason with every piece of the answer.
        if self._parser.has_finish_reason and (events or not was_finished):
            self._watch(self._patience.watch_end())
        elif self._parser.started and not started:
            self._watch(self._patience.watch_answer())
        return events

    def _end(self) -> list[StreamEvent]:
        try:
            return self._parser.end(is_done=bool(self._chunks and self._chunks.is_done))
        except NoText as exc:
            # It is paid all the same, which has to be known before it is raised.
            self._failure = exc
            return [EmptyAnswer(self._parser.usage)]

    async def read_prompt(self, *, enough: Callable[[RawChunk], bool]) -> None:
        """Let the server read the prompt, and return as soon as a chunk is `enough`."""
        while (item := await self._next_item()) is not None:
            if not isinstance(item, StatusNote) and enough(item):
                return

    async def _next_item(self) -> RawChunk | StatusNote | None:
        item = await self._items.get()
        if not isinstance(item, BaseException):
            return item
        if isinstance(item, RequestFailed) and self._parser.has_finish_reason:
            # Whatever happens to the connection from here on, the answer is whole.
            return None
        raise item

    # --- the tasks --------------------------------------------------------------------------------

    async def _read(self, client: ApiClient, request: ChatRequest) -> None:
        content = PictureBody(request, {"stream": True}) if request.has_pictures else None
        opening = client.stream_chat(
            {} if content else request.body, content=content, on_bytes=self._patience.on_bytes
        )
        async with opening as self._chunks:
            next_chunk = self._chunks.next_chunk
            while (chunk := await self._next_in_batch(next_chunk)) is not None:
                self._items.put_nowait(chunk)

    async def _next_in_batch(
        self, next_chunk: Callable[[], Awaitable[RawChunk | None]]
    ) -> RawChunk | None:
        if self._batches is None:
            return await next_chunk()
        if self._parser.started:
            self._batches.on_start()
        return await self._batches.read(next_chunk)

    def _watch(self, watching: Coroutine[Any, Any, None]) -> None:
        if self._watching:
            self._watching.cancel()
        self._watching = self._start(watching)

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        task.add_done_callback(self._on_end)
        self._tasks.append(task)
        return task

    def _on_end(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled():
            self._items.put_nowait(task.exception())


@asynccontextmanager
async def open_chat_stream(
    client: ApiClient,
    name: str,
    request: ChatRequest,
    patience: Patience,
    translate: Callable[[RequestFailed], ProviderError],
    *,
    holds_back: bool = False,
    in_batches: bool = False,
) -> AsyncIterator[ChatStream]:
    """Send a request and yield the answer's stream, which is closed at the end of the block.

    Raises `ProviderError`, for what goes wrong inside the block too; `translate` says what a
    refusal of this request means, and `holds_back` is for `StreamParser`. With `in_batches`, not
    every token is read by itself.
    """
    guard = ConciseGuard(request.plan) if request.plan else None
    parser = StreamParser(
        name,
        request.model,
        request.loop_limits,
        guard,
        holds_back=holds_back,
        tools=request.tools,
    )
    stream = ChatStream(parser, patience, BatchReader() if in_batches else None)
    try:
        async with stream.reading(client, request):
            yield stream
    except ConnectionFailed as exc:
        raise connection_failure(exc, name, started=parser.started) from exc
    except RequestFailed as exc:
        raise translate(exc) from exc
