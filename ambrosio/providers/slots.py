"""The line in front of a server that answers few at a time.

A server with one slot would let the second chat wait without a word. Here it knows its place, the
hasty go first, and where there are several slots a chat gets the one it had before, whose memory
still holds its conversation.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


class Ticket:
    """A place in the line (`ahead` counts those before it), and later the slot."""

    def __init__(self, chat: str, *, hasty: bool) -> None:
        self.chat, self.priority = chat, hasty
        self.slot: int | None = None
        self.ahead = 0
        self.called = asyncio.Event()

    async def wait(self, seconds: float) -> bool:
        """Wait for the slot, but not for ever; say whether it is there."""
        try:
            async with asyncio.timeout(seconds):
                await self.called.wait()
        except TimeoutError:
            return False
        return True


class SlotQueue:
    """The slots of one server, and who waits for them."""

    def __init__(self, count: int) -> None:
        self.count = max(1, count)
        # The one that has been idle for longest comes first.
        self._free = list(range(self.count))
        self._last: dict[str, int] = {}
        self._line: list[Ticket] = []

    @contextmanager
    def wait_in_line(self, chat: str, *, priority: bool) -> Iterator[Ticket]:
        """Stand in line, and leave it or give the slot back at the end."""
        ticket = Ticket(chat, hasty=priority)
        behind = (n for n, other in enumerate(self._line) if priority and not other.priority)
        self._line.insert(next(behind, len(self._line)), ticket)
        self._assign()
        try:
            yield ticket
        finally:
            if ticket.slot is None:
                self._line.remove(ticket)
            else:
                self._free.append(ticket.slot)
            self._assign()

    def _assign(self) -> None:
        """Give what is free to those in front, and tell the others where they stand."""
        while self._free and self._line:
            ticket = self._line.pop(0)
            last = self._last.get(ticket.chat)
            ticket.slot = last if last in self._free else self._free[0]
            self._free.remove(ticket.slot)
            # Whoever had it before has lost its memory there.
            self._last = {chat: slot for chat, slot in self._last.items() if slot != ticket.slot}
            self._last[ticket.chat] = ticket.slot
            ticket.called.set()
        for ahead, ticket in enumerate(self._line, start=self.count):
            ticket.ahead = ahead
