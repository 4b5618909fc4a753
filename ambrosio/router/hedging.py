"""Asking a second one when the first is slow to speak, and listening to whoever begins.

It knows neither providers nor policy: who may be asked is decided by whoever calls it.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

import anyio

from ..core.errors import ProviderError
from ..core.messages import AnswerStarted, StreamEvent

SecondStream = Callable[[], AsyncGenerator[StreamEvent] | None]


async def race(
    first: AsyncGenerator[StreamEvent],
    second: SecondStream,
    *,
    patience_seconds: float,
    on_failure: Callable[[ProviderError], None],
) -> AsyncGenerator[StreamEvent]:
    """Give the parts of whoever speaks first; the other is stopped at once.

    Args:
        first: is asked now.
        second: makes the other one, if there is one, when the first is silent for too long.
        patience_seconds: how long that is.
        lost: is told of one that failed while the other is still on its way.
    """
    streams = _Streams(second, asyncio.get_running_loop().time() + patience_seconds)
    streams.add(first)
    winner: int | None = None
    try:
        while True:
            number, part = await streams.next()
            if winner is None and isinstance(part, AnswerStarted):
                winner = number
                streams.keep_only(number)
            if winner not in {None, number}:
                continue
            if part is not None:
                yield part
                continue
            failure = await streams.failure(number)
            if failure is None:
                return
            if not isinstance(failure, ProviderError) or not streams.running:
                raise failure
            on_failure(failure)
    finally:
        await streams.close()


class _Streams:
    """One or two streams, each read by a task of its own."""

    def __init__(self, second: SecondStream, deadline: float) -> None:
        self._second = second
        self._deadline: float | None = deadline
        self._heard: asyncio.Queue[tuple[int, StreamEvent | None]] = asyncio.Queue()
        self._tasks: list[asyncio.Task[None]] = []
        self.running: set[int] = set()

    def add(self, parts: AsyncGenerator[StreamEvent]) -> None:
        number = len(self._tasks)
        self.running.add(number)
        self._tasks.append(asyncio.create_task(self._listen(number, parts)))

    async def next(self) -> tuple[int, StreamEvent | None]:
        """Give the next part and whose it is, None for its end; asks the second one when late."""
        try:
            async with asyncio.timeout_at(self._deadline):
                return await self._heard.get()
        except TimeoutError:
            self._deadline = None
        if other := self._second():
            self.add(other)
        return await self._heard.get()

    def keep_only(self, number: int) -> None:
        self._deadline = None
        for other, task in enumerate(self._tasks):
            if other != number:
                self.running.discard(other)
                task.cancel()

    async def failure(self, number: int) -> BaseException | None:
        """Tell what a stream that has ended has ended with."""
        self.running.discard(number)
        await asyncio.wait({self._tasks[number]})
        return self._tasks[number].exception()

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        # A stop scope cancels again and again until its block ends, and would so interrupt the
        # closing of the connections.
        with anyio.CancelScope(shield=True):
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _listen(self, number: int, parts: AsyncGenerator[StreamEvent]) -> None:
        try:
            async with aclosing(parts):
                async for part in parts:
                    self._heard.put_nowait((number, part))
        finally:
            self._heard.put_nowait((number, None))
