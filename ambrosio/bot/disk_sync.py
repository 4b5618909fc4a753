"""Syncing the disk in a thread, once for all that was written meanwhile.

What is committed survives the end of the process at once. That it survives a power cut takes a sync
of the disk, 5 to 250 ms, during which the bot would answer nobody: so the store leaves it to this
task while the bot runs.
"""

import asyncio
import logging

from ..core.errors import StoreFailed
from ..store import Store

log = logging.getLogger(__name__)


class DiskSync:
    """Syncs the store after every change, until cancelled."""

    def __init__(self, store: Store) -> None:
        self._database = store.database
        self._wanted = asyncio.Event()
        self._next: asyncio.Future[None] | None = None

    async def run(self) -> None:
        """Sync until cancelled."""
        with self._database.syncing_later(self._wanted.set):
            while True:
                await self._wanted.wait()
                self._wanted.clear()
                await self._sync()

    async def _sync(self) -> None:
        waiting, self._next = self._next, None
        failure = None
        try:
            await asyncio.to_thread(self._database.sync)
        except StoreFailed as exc:
            failure = exc
            log.warning("the disk: %s", exc)
        finally:
            if waiting and not waiting.done():
                waiting.set_exception(failure) if failure else waiting.set_result(None)

    async def done(self) -> None:
        """Return when all that was written before is on the disk, or raise `StoreFailed`."""
        if self._next is None:
            self._next = asyncio.get_running_loop().create_future()
        self._wanted.set()
        await asyncio.shield(self._next)
