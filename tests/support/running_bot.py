"""The whole bot against the Bot API emulator and model servers on loopback."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ambrosio.app import open_app
from ambrosio.assistant.answers import Assistant
from ambrosio.bot.run import serve
from ambrosio.config import settings
from ambrosio.emulators.botapi.api import BotApi
from ambrosio.store import Store

from . import PATIENCE_SECONDS

OWNER = 42
SDXL = "stabilityai/stable-diffusion-xl-base-1.0"


@dataclass
class RunningBot:
    """A running bot: its store, what it has printed, and the way to end it."""

    api: BotApi
    store: Store
    assistant: Assistant
    stop: asyncio.Event
    printed: list[str]
    task: asyncio.Task[None]

    async def settled(self) -> None:
        """Wait until nothing is left to be answered or delivered."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            # The database has no event to wait for.
            while self._busy():  # noqa: ASYNC110
                await asyncio.sleep(0.005)

    def _busy(self) -> bool:
        return bool(
            self.api.updates.pending
            or self.store.inbox.waiting()
            or self.store.outbox.undelivered()
            or self.store.erasing.pending()
        )


async def never_wakes(_seconds: float) -> None:
    """Sleep for a bot whose clock only the test moves: whoever waits for a moment waits for ever.

    With the emulator's own sleep, a reminder that waits drives the clock on by a minute each time.
    """
    await asyncio.Event().wait()


@asynccontextmanager
async def running_bot(
    api: BotApi, telegram_url: str, folder: Path, *, sleep: Any = None, **given: Any
) -> AsyncIterator[RunningBot]:
    """Run the bot until the block ends, then stop it in good order.

    It lives by the emulator's clock: whoever sleeps moves that on instead of waiting.
    """
    now: Any = api.state.now
    sleep = sleep or now.sleep
    values = {
        "telegram_bot_token": api.token,
        "telegram_base_url": telegram_url,
        "ambrosio_owner": frozenset({OWNER}),
        "ambrosio_data_dir": folder,
        "ambrosio_grace_seconds": 0,
        # The bot's own sleeps move the clock by hours.
        "ambrosio_conversation_hours": 0,
    }
    loaded = settings.load(folder, **{**values, **given})
    stop = asyncio.Event()
    printed: list[str] = []
    async with (
        open_app(loaded, now=now, sleep=sleep) as house,
        asyncio.TaskGroup() as group,
    ):
        task = group.create_task(serve(house, stop=stop, now=now, say=printed.append, sleep=sleep))
        try:
            yield RunningBot(api, house.store, house.assistant, stop, printed, task)
        finally:
            stop.set()
