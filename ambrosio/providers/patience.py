"""How long a server may be silent, and what the person reads meanwhile.

A server that is slow says so: any bytes, and an answer to its health check, are signs of life. A
local one that gives neither is hung. What is read, and from where, is `stream`'s.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Never

from ..config.provider import ProviderConfig
from ..core.messages import StatusNote
from ..core.provider_errors import Hung, TimedOut

# How long a health check may take, and how often it is tried: with the silence before it, a hung
# server is noticed within 20 seconds.
HEALTH_SECONDS = 4.0
HEALTH_TRIES = 2
# When the person first reads why they wait, and how often from then on.
NOTE_SECONDS = 8.0
NOTE_AGAIN_SECONDS = 60.0
# After the finish reason only the usage is missing, which is not worth a long wait.
CLOSING_SECONDS = 2.0


class Patience:
    """Watches the silence of one server during one request.

    Args:
        name: the provider's name.
        config: how long the server may be silent.
        is_alive: asks the server for a sign of life; False if none comes.
        local: whether the server is local: a remote one hides behind others that answer for it.
        extra_seconds: how much longer than others this request may take to begin its answer.
        answers_beside_work: whether the server is known to answer while it computes; of another,
            silence says nothing.
        now: the clock.
        sleep: waits.
    """

    def __init__(
        self,
        name: str,
        config: ProviderConfig,
        is_alive: Callable[[], Awaitable[bool]],
        *,
        local: bool,
        extra_seconds: float = 0,
        answers_beside_work: Callable[[], bool] = lambda: True,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._name, self._config, self._is_alive, self._local = name, config, is_alive, local
        self._limit_seconds = config.start_seconds + extra_seconds
        self._answers_beside_work = answers_beside_work
        self._now, self._sleep = now, sleep
        self._began_at = self._bytes_at = self._alive_at = now()
        self._check_at = self._began_at + config.health_after_seconds
        self._note_at = self._began_at + NOTE_SECONDS

    def on_bytes(self) -> None:
        """Note that the server has sent something, whatever it was."""
        self._bytes_at = self._alive_at = self._now()
        self._check_at = self._alive_at + self._config.health_after_seconds

    def on_note(self) -> None:
        """Note that the person has just read why they wait."""
        self._note_at = self._now() + NOTE_AGAIN_SECONDS

    async def watch_start(self, tell: Callable[[StatusNote], None]) -> Never:
        """Watch until the answer starts, which cancels this; raise `Hung` or `TimedOut`."""
        while True:
            now = self._now()
            if now >= self._bytes_at + self._limit_seconds:
                raise TimedOut(self._name)
            if self._local and now >= self._check_at:
                await self.check_health()
            if self._now() >= self._note_at:
                tell(StatusNote(self._note()))
                self.on_note()
            due = [self._bytes_at + self._limit_seconds, self._note_at]
            if self._local:
                due.append(self._check_at)
            await self._sleep(max(0.0, min(due) - self._now()))

    async def watch_answer(self) -> Never:
        """Watch an answer that has started; raise `TimedOut` when it stalls."""
        while True:
            left = self._bytes_at + self._config.chunk_timeout_seconds - self._now()
            if left <= 0:
                raise TimedOut(self._name)
            await self._sleep(left)

    async def watch_end(self) -> None:
        """Return when what may follow the finish reason is no longer worth waiting for."""
        await self._sleep(CLOSING_SECONDS)

    async def check_health(self) -> None:
        """Return if the server gives a sign of life, or raise `Hung`.

        Also returns if it is silent and may only be at work; it is asked again a minute later.
        """
        bytes_at, answer = self._bytes_at, None
        for _ in range(HEALTH_TRIES):
            answer = await self._answers()
            if answer or self._bytes_at != bytes_at:
                self._alive_at = self._now()
                self._check_at = self._alive_at + self._config.health_after_seconds
                return
        if answer is False or self._answers_beside_work():
            raise Hung(self._name)
        self._check_at = self._now() + NOTE_AGAIN_SECONDS

    async def _answers(self) -> bool | None:
        """Ask for a sign of life: False if the connection fails, None if nothing comes in time."""
        seconds = min(HEALTH_SECONDS, self._config.health_after_seconds)
        asking = asyncio.ensure_future(self._is_alive())
        timer = asyncio.ensure_future(self._sleep(seconds))
        try:
            await asyncio.wait({asking, timer}, return_when=asyncio.FIRST_COMPLETED)
            return asking.result() if asking.done() else None
        finally:
            asking.cancel()
            timer.cancel()
            await asyncio.gather(asking, timer, return_exceptions=True)

    def _note(self) -> str:
        """Say why there is no text yet."""
        waited = self._now() - self._began_at
        if self._alive_at == self._began_at:
            return f"{self._name} has not responded yet."
        if waited < NOTE_AGAIN_SECONDS:
            return f"{self._name} is busy; your answer will follow."
        minutes = int(waited // 60)
        after = "a minute" if minutes == 1 else f"{minutes} minutes"
        return f"{self._name} is still busy after {after}; your answer will follow."
