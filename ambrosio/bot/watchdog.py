"""Ends a process that Telegram no longer reaches, so that Docker or systemd starts another one.

A new process has new connections and a new look at the network. Only for a bot that has heard from
Telegram before: one that waits for the network at its start gains nothing from another start.
"""

import asyncio
import faulthandler
import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

log = logging.getLogger(__name__)

LOOKS_A_MINUTE = 4
LOOK_SECONDS = 60 / LOOKS_A_MINUTE
# An orderly stop takes the grace period of running answers, 80 seconds at most.
STOP_LOOKS = 8


def _end_at_once() -> None:
    """End the process from another thread, and show where it hangs: no text, only places."""
    faulthandler.dump_traceback(sys.__stderr__ or 2, all_threads=True)
    os._exit(1)


class Watchdog:
    """Counts the looks since the last sign of life.

    It reads no clock: time in which the machine or the process was suspended is no silence.
    """

    def __init__(
        self,
        minutes: int,
        on_silence: Callable[[], object],
        *,
        end: Callable[[], None] = _end_at_once,
    ) -> None:
        """Prepare to watch.

        Args:
            minutes: how long Telegram may be silent.
            on_silence: asks the process to stop; called from another thread.
            end: ends a process that did not stop.
        """
        self._max_looks = minutes * LOOKS_A_MINUTE
        self._on_silence, self._end = on_silence, end
        self._looks = 0
        self._heard = self.expired = False

    def beat(self) -> None:
        """Note that Telegram has answered."""
        self._looks, self._heard = 0, True

    def look(self) -> None:
        """Check once; to be called every `LOOK_SECONDS`."""
        if not self._heard:
            return
        self._looks += 1
        if self._looks == self._max_looks and not self.expired:
            self.expired = True
            log.error("Telegram has not answered for too long; stopping")
            self._on_silence()
        elif self.expired and self._looks >= self._max_looks + STOP_LOOKS:
            # The event loop hangs, or the stop does.
            self._end()


@contextmanager
def watching(minutes: int, stop: asyncio.Event) -> Iterator[Watchdog]:
    """Set `stop` after so many minutes without a sign of life; 0 never does."""
    loop, ended = asyncio.get_running_loop(), threading.Event()
    watchdog = Watchdog(minutes, lambda: loop.call_soon_threadsafe(stop.set))

    def watch() -> None:
        while not ended.wait(LOOK_SECONDS):
            watchdog.look()

    if minutes:
        threading.Thread(target=watch, name="watchdog", daemon=True).start()
    try:
        yield watchdog
    finally:
        ended.set()
