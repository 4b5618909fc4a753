"""The queue in front of a server that answers few requests at a time.

A server with one slot lets a second chat wait without a word. Here a request knows its position,
concise ones go first, and where there are several slots a chat gets the one it had before, whose
cache still holds its conversation.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


class Ticket:
    """A position in the queue (`ahead` counts the requests before it), and later the slot."""

    def __init__(self, chat_key: str, *, priority: bool) -> None:
        self.chat_key, self.priority = chat_key, priority
        self.slot: int | None = None
        self.ahead = 0
        self.called = asyncio.Event()

    async def wait(self, seconds: float) -> bool:
        """Wait so long for the slot; return whether it is there."""
        try:
            async with asyncio.timeout(seconds):
                await self.called.wait()
        except TimeoutError:
            return False
        return True


class SlotQueue:
    """The slots of one server, and the requests that wait for them."""

    def __init__(self, count: int) -> None:
        self.count = max(1, count)
        # The one that has been idle longest comes first.
        self._free = list(range(self.count))
        self._last: dict[str, int] = {}
        self._queue: list[Ticket] = []

    @contextmanager
    def wait_in_line(self, chat_key: str, *, priority: bool) -> Iterator[Ticket]:
        """Queue up; leave the queue or return the slot at the end of the block."""
        ticket = Ticket(chat_key, priority=priority)
        behind = (n for n, other in enumerate(self._queue) if priority and not other.priority)
        self._queue.insert(next(behind, len(self._queue)), ticket)
        self._assign()
        try:
            yield ticket
        finally:
            if ticket.slot is None:
                self._queue.remove(ticket)
            else:
                self._free.append(ticket.slot)
            self._assign()

    def _assign(self) -> None:
        """Hand out the free slots, and update the positions of the others."""
        while self._free and self._queue:
            ticket = self._queue.pop(0)
            last = self._last.get(ticket.chat_key)
            ticket.slot = last if last in self._free else self._free[0]
            self._free.remove(ticket.slot)
            # The chat that had it before has lost its cache there.
            self._last = {key: slot for key, slot in self._last.items() if slot != ticket.slot}
            self._last[ticket.chat_key] = ticket.slot
            ticket.called.set()
        for ahead, ticket in enumerate(self._queue, start=self.count):
            ticket.ahead = ahead
