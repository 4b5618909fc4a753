"""A tap in the line to a model server: passes everything on, and notes when it came."""

import asyncio
import contextlib
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

CHAT = b"POST /v1/chat/completions"
CONTENT = b'"content":"'
# What llama.cpp says at the end: tokens from its cache, tokens read, tokens written.
TIMINGS = re.compile(rb'"timings":\{"cache_n":(\d+),"prompt_n":(\d+),.*?"predicted_n":(\d+)')


@dataclass
class Answer:
    """One question and its answer: the request's body, and when the pieces came.

    Counts are in tokens, as llama.cpp reports them.
    """

    asked_at: float
    body: bytes = b""
    pieces: list[float] = field(default_factory=list)
    cached: int = 0
    read: int = 0
    written: int = 0

    def note(self, data: bytes) -> None:
        """Note what has just arrived of the answer."""
        self.pieces += [time.perf_counter()] * data.count(CONTENT)
        if found := TIMINGS.search(data):
            self.cached, self.read, self.written = map(int, found.groups())

    @property
    def first_at(self) -> float:
        return self.pieces[0]

    @property
    def rate(self) -> float:
        """Tokens per second, from the first to the last."""
        return (len(self.pieces) - 1) / (self.pieces[-1] - self.pieces[0])


class Tap:
    """Listens on a port of its own for the server on another."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.answers: list[Answer] = []

    @asynccontextmanager
    async def running(self) -> AsyncIterator[str]:
        """Serve until the block ends; yield the base URL."""
        server = await asyncio.start_server(self._connect, "127.0.0.1", 0)
        try:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        finally:
            server.close()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            upstream_reader, upstream_writer = await asyncio.open_connection(
                "127.0.0.1", self._port
            )
            request = asyncio.create_task(self._pass_request(reader, upstream_writer))
            try:
                await self._pass_response(upstream_reader, writer)
            finally:
                request.cancel()
                upstream_writer.close()
                writer.close()

    async def _pass_request(
        self, reader: asyncio.StreamReader, upstream: asyncio.StreamWriter
    ) -> None:
        answer = None
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(1 << 16):
                if data.startswith(CHAT):
                    answer = Answer(time.perf_counter())
                    self.answers.append(answer)
                if answer:
                    answer.body += data
                upstream.write(data)
                await upstream.drain()
        # The client has left, and so the server hears it, too.
        upstream.close()

    async def _pass_response(
        self, upstream: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        while data := await upstream.read(1 << 16):
            if self.answers:
                self.answers[-1].note(data)
            writer.write(data)
            await writer.drain()
