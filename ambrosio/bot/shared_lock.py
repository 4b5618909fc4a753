"""A lock that many may share, or one hold alone."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class SharedLock:
    """Who wants it alone waits for those who share it, and comes before those who ask later."""

    def __init__(self) -> None:
        self._sharing = 0
        self._held_alone = False
        self._waiting_to_be_alone = 0
        self._changed = asyncio.Event()

    @asynccontextmanager
    async def shared(self) -> AsyncIterator[bool]:
        """Hold it together with others; yield whether that had to be waited for."""
        waited = False
        while self._held_alone or self._waiting_to_be_alone:
            waited = True
            await self._changed.wait()
        self._sharing += 1
        try:
            yield waited
        finally:
            self._sharing -= 1
            self._notify()

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[bool]:
        """Hold it alone; yield whether that had to be waited for."""
        waited = False
        self._waiting_to_be_alone += 1
        try:
            while self._held_alone or self._sharing:
                waited = True
                await self._changed.wait()
            self._held_alone = True
        finally:
            self._waiting_to_be_alone -= 1
            # Those behind one that gives up need not wait any longer.
            self._notify()
        try:
            yield waited
        finally:
            self._held_alone = False
            self._notify()

    def _notify(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
