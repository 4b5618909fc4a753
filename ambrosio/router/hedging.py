"""Hedging: a second request when the first is slow to answer, and the first answer wins.

It knows neither providers nor policy: the caller decides who may be asked.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

import anyio

from ..core.messages import AnswerStarted, StreamEvent
from ..core.provider_errors import ProviderError

SecondStream = Callable[[], AsyncGenerator[StreamEvent] | None]


async def race(
    first: AsyncGenerator[StreamEvent],
    second: SecondStream,
    *,
    patience_seconds: float,
    on_failure: Callable[[ProviderError], None],
) -> AsyncGenerator[StreamEvent]:
    """Yield the events of the stream that starts first; the other one is closed at once.

    Args:
        first: is read from now on.
        second: makes the other stream, if there is one, when the first is silent for too long.
        patience_seconds: how long that is.
        on_failure: is told of one that failed while the other is still under way.
    """
    streams = _Streams(second, asyncio.get_running_loop().time() + patience_seconds)
    streams.add(first)
    winner: int | None = None
    try:
        while True:
            number, event = await streams.next()
            if winner is None and isinstance(event, AnswerStarted):
                winner = number
                streams.keep_only(number)
            if winner not in {None, number}:
                continue
            if event is not None:
                yield event
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
    """One or two streams, each read by its own task."""

    def __init__(self, second: SecondStream, deadline: float) -> None:
        self._second = second
        self._deadline: float | None = deadline
        self._events: asyncio.Queue[tuple[int, StreamEvent | None]] = asyncio.Queue()
        self._tasks: list[asyncio.Task[None]] = []
        self.running: set[int] = set()

    def add(self, events: AsyncGenerator[StreamEvent]) -> None:
        number = len(self._tasks)
        self.running.add(number)
        self._tasks.append(asyncio.create_task(self._read(number, events)))

    async def next(self) -> tuple[int, StreamEvent | None]:
        """Return a stream's number and next event, None at its end; start the second if late."""
        try:
            async with asyncio.timeout_at(self._deadline):
                return await self._events.get()
        except TimeoutError:
            self._deadline = None
        if other := self._second():
            self.add(other)
        return await self._events.get()

    def keep_only(self, number: int) -> None:
        self._deadline = None
        for other, task in enumerate(self._tasks):
            if other != number:
                self.running.discard(other)
                task.cancel()

    async def failure(self, number: int) -> BaseException | None:
        """Return what a stream that has ended was ended by."""
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

    async def _read(self, number: int, events: AsyncGenerator[StreamEvent]) -> None:
        try:
            async with aclosing(events):
                async for event in events:
                    self._events.put_nowait((number, event))
        finally:
            self._events.put_nowait((number, None))
