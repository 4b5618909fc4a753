"""Reading an answer in batches of a few tokens, where reading takes time from the model.

A token that is read by itself costs about half a millisecond, twice its share of a batch. A model
on the same machine loses more than that: its threads wait for each other, so all of them wait for
the one whose processor the bot has taken.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

# The first words are shown as they come, and so is all of a short answer.
FIRST_WORDS_SECONDS = 0.5
# Previews are further apart, so only the end of an answer comes later, by half of this.
BATCH_SECONDS = 0.05
# What comes sooner was there already.
WAITED_SECONDS = 0.002


class BatchReader:
    """Reads the pieces of one answer, in batches once its first words are out."""

    def __init__(
        self,
        *,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._now, self._sleep = now, sleep
        self._started_at: float | None = None
        self._waited = False

    def on_start(self) -> None:
        """Note that the first words of the answer are here."""
        if self._started_at is None:
            self._started_at = self._now()

    async def read(self, next_piece: Callable[[], Awaitable[T]]) -> T:
        """Return what `next_piece` reads; if the last one had to be waited for, pause before."""
        if self._waited and self._is_under_way():
            await self._sleep(BATCH_SECONDS)
        began = self._now()
        piece = await next_piece()
        self._waited = self._now() - began > WAITED_SECONDS
        return piece

    def _is_under_way(self) -> bool:
        return self._started_at is not None and self._now() - self._started_at > FIRST_WORDS_SECONDS
