"""Erasing what people want forgotten, and what has grown old, in a thread beside everything else.

Whoever asked is told when no byte of it is left.
"""

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial

from ..commands.context import BotContext
from ..commands.personal_data import describe_erased
from ..core.errors import StoreFailed
from ..core.messages import OutgoingMessage
from ..store import Erasure
from .answer_view import render_notice
from .delivery import Delivery

log = logging.getLogger(__name__)

DISK_PAUSE_SECONDS = 5.0
# Between two steps, for those who wait to write.
MIN_PAUSE_SECONDS = 0.005


class Eraser:
    """Erases one thing after the other, also what the process before has left unfinished."""

    def __init__(
        self,
        context: BotContext,
        delivery: Delivery,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._context, self._delivery, self._sleep = context, delivery, sleep

    async def run(self) -> None:
        """Erase until cancelled."""
        while True:
            self._context.erasures_changed.clear()
            try:
                while pending := self._context.store.erasing.pending():
                    await self._erase(pending[0])
            except StoreFailed as exc:
                log.warning("the disk: %s", exc)
                await self._sleep(DISK_PAUSE_SECONDS)
                continue
            await self._context.erasures_changed.wait()

    async def _erase(self, erasure: Erasure) -> None:
        store, stop = self._context.store, threading.Event()

        def pause(seconds: float) -> None:
            stop.wait(max(seconds, MIN_PAUSE_SECONDS))

        work = asyncio.ensure_future(
            asyncio.to_thread(partial(store.erase, erasure, pause=pause, stopped=stop.is_set))
        )
        try:
            erased = await asyncio.shield(work)
        finally:
            # The step that it is in takes a moment, and needs the database.
            stop.set()
            await asyncio.wait([work])
        if erased is None:
            return
        log.info("%d turns are forgotten (%s)", erased.turns, erased.kind)
        store.close_erasure(erased, self._report(erased))
        if erased.kind != "expiry":
            await self._delivery.deliver(erased.chat)

    def _report(self, erased: Erasure) -> list[OutgoingMessage]:
        """Write the message for whoever asked, in the place of the one that says it is begun."""
        if erased.kind == "expiry":
            return []
        messages = render_notice(erased.chat, describe_erased(erased))
        # In a group that has become a supergroup, older messages have no number.
        edited_id = erased.message_id if erased.message_id > 0 else None
        return [replace(messages[0], edit_message_id=edited_id), *messages[1:]]
