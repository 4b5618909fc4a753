"""Fetching what people sent from Telegram.

The address of a file holds the bot's token, so it is used here and given to nobody.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

import telegram
from telegram.error import BadRequest, Forbidden, InvalidToken, RetryAfter, TelegramError

from ..core.file_errors import EmptyFile, FileNotFetched, FileTooLarge
from . import ptb

log = logging.getLogger(__name__)

# Telegram lets a bot download no more.
MAX_BYTES = 20_000_000
MAX_TRIES = 3
PAUSE_SECONDS = 1.0
MAX_PAUSE_SECONDS = 10.0


class Downloads:
    """Downloads files by their `file_id`."""

    def __init__(
        self, bot: telegram.Bot, *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self._bot, self._sleep = bot, sleep

    async def fetch(self, file_id: str, *, size: int = 0) -> bytes:
        """Return the bytes of a file; `size` is what Telegram says it has, 0 if unknown.

        Raises:
            FileTooLarge: it has more than 20 MB.
            FileNotFetched: Telegram does not hand it over.
            EmptyFile: there is nothing in it.
        """
        if size > MAX_BYTES:
            raise FileTooLarge(MAX_BYTES // 1_000_000)
        for left in reversed(range(MAX_TRIES)):
            try:
                content = await self._fetch_once(file_id)
            except TelegramError as exc:
                log.info("a file could not be downloaded: %s", type(exc).__name__)
                if not left:
                    raise FileNotFetched from exc
                await self._sleep(_pause_seconds(exc))
            else:
                if not content:
                    raise EmptyFile
                return content
        raise FileNotFetched

    async def _fetch_once(self, file_id: str) -> bytes:
        """Ask for the address of a file and download it; a refusal is final."""
        try:
            file = await self._bot.get_file(file_id)
            return bytes(await file.download_as_bytearray())
        except (BadRequest, Forbidden, InvalidToken) as exc:
            # Only the text tells this refusal from the others.
            if "too big" in exc.message.lower():
                raise FileTooLarge(MAX_BYTES // 1_000_000) from exc
            raise FileNotFetched from exc


def _pause_seconds(exc: TelegramError) -> float:
    if isinstance(exc, RetryAfter):
        return min(ptb.retry_after_seconds(exc), MAX_PAUSE_SECONDS)
    return PAUSE_SECONDS
