"""Publishes changes to subscribers and to waiting code, so that nothing has to poll."""

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self, TypeVar

from .. import Json

T = TypeVar("T")


class Subscription:
    """The changes from now on, one dictionary each: `async for event in subscription`."""

    def __init__(self, listeners: set["Subscription"]) -> None:
        self._listeners = listeners
        self.queue: asyncio.Queue[Json | None] = asyncio.Queue()
        listeners.add(self)

    def close(self) -> None:
        """Unsubscribe; the loop over this subscription ends."""
        self._listeners.discard(self)
        self.queue.put_nowait(None)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Json:
        event = await self.queue.get()
        if event is None:
            raise StopAsyncIteration
        return event


class EventBus:
    """Wakes waiting code on each change and sends the change to the subscribers."""

    def __init__(self) -> None:
        self._changed = asyncio.Event()
        self._listeners: set[Subscription] = set()

    def publish(self, event: str, **details: Any) -> None:
        """Send an event to all subscribers and wake waiting code."""
        for listener in self._listeners:
            listener.queue.put_nowait({"event": event, **details})
        self.wake()

    def wake(self) -> None:
        """Make waiting code check again, without an event."""
        self._changed.set()
        self._changed = asyncio.Event()

    def subscribe(self) -> Subscription:
        """Subscribe to all changes from now on."""
        return Subscription(self._listeners)

    def close(self) -> None:
        """End all subscriptions."""
        for listener in list(self._listeners):
            listener.close()

    async def wait_until(self, predicate: Callable[[], T], *, seconds: float) -> T:
        """Wait until the predicate is true and return its value, or raise `TimeoutError`."""
        async with asyncio.timeout(seconds):
            while not (value := predicate()):
                await self._changed.wait()
            return value
