"""Sending reminders when they are due; no model is asked.

A due reminder becomes a message in the outbox in the transaction that advances it.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from ..commands.context import BotContext
from ..commands.reminders import due_message
from ..core.errors import StoreFailed
from ..core.messages import OutgoingMessage
from ..store import Reminder
from .delivery import Delivery

log = logging.getLogger(__name__)

# A timer does not count while the machine sleeps, so the clock is looked at again.
MAX_SLEEP_SECONDS = 60.0
DISK_PAUSE_SECONDS = 5.0


class ReminderTicker:
    """Sends what is due, and sleeps until the next reminder or until one is made."""

    def __init__(
        self,
        context: BotContext,
        delivery: Delivery,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._context, self._delivery, self._sleep = context, delivery, sleep

    async def run(self) -> None:
        """Send reminders until cancelled."""
        while True:
            self._context.reminders_changed.clear()
            try:
                seconds = await self._send_due()
            except StoreFailed as exc:
                log.warning("the disk: %s", exc)
                seconds = DISK_PAUSE_SECONDS
            await self._wait(seconds)

    async def _send_due(self) -> float | None:
        """Send what is due; return the seconds until the next reminder, None without one."""
        store, now = self._context.store, self._context.now()
        while (due_at := store.reminders.next_due_at()) is not None and due_at <= now:
            for chat in store.send_due(now, self._write):
                self._delivery.deliver_soon(chat)
            # After a long downtime there may be thousands; the others are answered in between.
            await asyncio.sleep(0)
        store.reminders.drop_sent(now)
        next_due_at = store.reminders.next_due_at()
        return None if next_due_at is None else max(0.0, next_due_at - self._context.now())

    def _write(self, reminder: Reminder) -> OutgoingMessage | None:
        if not self._context.may_receive(reminder.chat, reminder.user_id):
            log.info("a reminder was deleted: its person or its group is no longer let in")
            return None
        return due_message(self._context, reminder)

    async def _wait(self, seconds: float | None) -> None:
        woken = self._context.reminders_changed.wait()
        if seconds is None:
            await woken
            return
        timer = asyncio.ensure_future(self._sleep(min(seconds, MAX_SLEEP_SECONDS)))
        waiting = asyncio.ensure_future(woken)
        try:
            await asyncio.wait((timer, waiting), return_when=asyncio.FIRST_COMPLETED)
        finally:
            timer.cancel()
            waiting.cancel()
