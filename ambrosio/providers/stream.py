"""One server's streams: opened, read as far as they are worth it, and closed whatever happens.

Knows how long a server may be silent. How a question is put, and what is learnt from a refusal, is
the provider's.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx

from ..config.provider import ProviderConfig
from ..core.errors import NoText, ProviderError, ServerError, TimedOut, Unreachable
from ..core.messages import EmptyAnswer, StreamEvent
from .errors import FOREIGN
from .http import Wire
from .request import ChatRequest
from .stream_parser import RawChunk, StreamParser


class ChatStream:
    """The ear for one server; `failure` says what something foreign means for a question."""

    def __init__(
        self,
        name: str,
        row: ProviderConfig,
        wire: Wire,
        failure: Callable[[Exception, ChatRequest], ProviderError],
    ) -> None:
        self._name, self._row, self._wire, self._failure = name, row, wire, failure

    async def events(self, question: ChatRequest) -> AsyncGenerator[StreamEvent]:
        """Give an answer as it comes, or raise `ProviderError`."""
        answer = StreamParser(self._name, question.model)
        async with self._opened(question, answer) as stream:
            patience = self._row.first_token_timeout_seconds
            while not answer.looping and (chunk := await _next(stream, patience)) is not None:
                for part in answer.feed(chunk):
                    yield part
                if answer.started:
                    patience = self._row.chunk_timeout_seconds
        try:
            last = answer.end()
        except NoText:
            yield EmptyAnswer(answer.usage)
            raise
        for part in last:
            yield part

    async def read_prompt(
        self, question: ChatRequest, *, enough: Callable[[RawChunk], bool]
    ) -> None:
        """Let the server read without saying a word, and leave when it is enough, or raise."""
        async with self._opened(question, StreamParser(self._name, question.model)) as stream:
            while chunk := await _next(stream, self._row.first_token_timeout_seconds):
                if enough(chunk):
                    return

    @asynccontextmanager
    async def _opened(
        self, question: ChatRequest, answer: StreamParser
    ) -> AsyncIterator[AsyncGenerator[dict[str, Any]]]:
        """Open a stream that is closed whatever happens, or raise `ProviderError`."""
        try:
            async with AsyncExitStack() as closing:
                async with asyncio.timeout(self._row.first_token_timeout_seconds):
                    asking = self._wire.stream("/chat/completions", question.body)
                    stream = await closing.enter_async_context(asking)
                yield stream
        except TimeoutError:
            raise TimedOut(self._name) from None
        except httpx.TransportError as exc:
            failure = ServerError if answer.started else Unreachable
            raise failure(self._name) from exc
        except FOREIGN as exc:
            raise self._failure(exc, question) from exc


async def _next(
    stream: AsyncIterator[dict[str, Any]], patience_seconds: float
) -> dict[str, Any] | None:
    """Wait for the next chunk, or raise `TimeoutError`; every sign of life starts the time anew."""
    async with asyncio.timeout(patience_seconds):
        return await anext(stream, None)
