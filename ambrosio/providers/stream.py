"""One streamed answer of one server: opened, read as long as it is worth it, and always closed.

Knows how long a server may be silent. What goes into a request, and what is learned from a refusal,
is `openai_compatible`'s.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

from ..config.provider import ProviderConfig
from ..core.concise_guard import ConciseGuard
from ..core.errors import NoText, ProviderError, ServerError, TimedOut, Unreachable
from ..core.messages import EmptyAnswer, StreamEvent
from .openai_client import ApiClient, ChunkStream, ConnectionFailed, RequestFailed
from .request import ChatRequest
from .stream_parser import RawChunk, StreamParser

# After the finish reason only the usage is missing, which is not worth a long wait.
CLOSING_SECONDS = 2.0


class ChatStream:
    """An answer that is being streamed; `next_events` is asked until it returns None."""

    def __init__(self, chunks: ChunkStream, parser: StreamParser, config: ProviderConfig) -> None:
        self._chunks, self._parser, self._config = chunks, parser, config
        self._ended = False
        self._failure: NoText | None = None

    async def next_events(self) -> list[StreamEvent] | None:
        """Wait for what comes next; None after the end.

        Raises `NoText` at the end of an answer without text, `ServerError` if it was cut.
        """
        if self._failure:
            raise self._failure
        if self._ended:
            return None
        chunk = None if self._parser.is_complete else await self._next_chunk()
        if chunk is None:
            self._ended = True
            return self._end()
        return self._parser.feed(chunk)

    def _end(self) -> list[StreamEvent]:
        try:
            return self._parser.end(is_done=self._chunks.is_done)
        except NoText as exc:
            # It is paid all the same, which has to be known before it is raised.
            self._failure = exc
            return [EmptyAnswer(self._parser.usage)]

    async def read_prompt(self, *, enough: Callable[[RawChunk], bool]) -> None:
        """Let the server read the prompt, and return as soon as a chunk is `enough`."""
        while (chunk := await self._next_chunk()) is not None:
            if enough(chunk):
                return

    async def _next_chunk(self) -> RawChunk | None:
        if self._parser.has_finish_reason:
            # Whatever happens to the connection from here on, the answer is whole.
            try:
                async with asyncio.timeout(CLOSING_SECONDS):
                    return await self._chunks.next_chunk()
            except (TimeoutError, RequestFailed):
                return None
        started, config = self._parser.started, self._config
        seconds = config.chunk_timeout_seconds if started else config.first_token_timeout_seconds
        async with asyncio.timeout(seconds):
            return await self._chunks.next_chunk()


@asynccontextmanager
async def open_chat_stream(
    client: ApiClient,
    name: str,
    config: ProviderConfig,
    request: ChatRequest,
    translate: Callable[[RequestFailed], ProviderError],
    *,
    guard: ConciseGuard | None = None,
) -> AsyncIterator[ChatStream]:
    """Send a request and yield the answer's stream, which is closed at the end of the block.

    Raises `ProviderError`, for what goes wrong inside the block too; `translate` says what a
    refusal of this request means, and `guard` ends a concise answer.
    """
    parser = StreamParser(name, request.model, guard)
    try:
        async with AsyncExitStack() as stack:
            async with asyncio.timeout(config.first_token_timeout_seconds):
                chunks = await stack.enter_async_context(client.stream_chat(request.body))
            yield ChatStream(chunks, parser, config)
    except TimeoutError:
        raise TimedOut(name) from None
    except ConnectionFailed as exc:
        raise (ServerError if parser.started else Unreachable)(name) from exc
    except RequestFailed as exc:
        raise translate(exc) from exc
