"""`ambrosio run`: from a token to a bot that polls, and back to a quiet end."""

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial

import telegram
from telegram.error import InvalidToken, TelegramError

from ..app import App
from ..commands.context import BotContext, DisplayDefaults
from ..commands.pairing import PAIRING_SECONDS, Pairing
from ..config.settings import Settings
from ..core.errors import InvalidBotToken, StoreFailed
from ..store import Store
from .alerts import alert_owners, warn_without_budget
from .client import telegram_bot
from .delivery import Delivery
from .dispatcher import Dispatcher
from .heartbeat import beat
from .rate_limit import RateLimiter
from .streaming import AnswerStreamer

log = logging.getLogger(__name__)
MAX_PAUSE_SECONDS = 60.0
DAY_SECONDS = 86_400


async def serve(
    house: App,
    *,
    stop: asyncio.Event,
    now: Callable[[], float],
    say: Callable[[str], None],
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Be the bot until `stop` is set, or raise `InvalidBotToken` or `PollingConflict`."""
    given, store = house.settings, house.store
    bot, desk = telegram_bot(given), _context(house, now)
    async with AsyncExitStack() as closing:
        closing.push_async_callback(bot.shutdown)
        if not await _introduce(bot, stop, sleep):
            return
        desk.username = bot.username
        pacer = RateLimiter(now)
        replies = Delivery(bot, store, pacer, sleep=sleep)
        previewer = AnswerStreamer(bot, pacer, stream=given.ambrosio_stream)
        living = Dispatcher(
            bot,
            desk,
            replies,
            previewer,
            grace_seconds=given.ambrosio_grace_seconds,
            heard=_PollHook(given, store, now),
            sleep=sleep,
        )
        log.info("listening as @%s; asking %s", bot.username, ", ".join(desk.providers))
        warn_without_budget(given, desk.providers)
        store.waive_images()
        async with asyncio.TaskGroup() as group:
            beside = [
                group.create_task(_pair(desk, say, stop, sleep)),
                group.create_task(house.assistant.router.health.watch()),
                group.create_task(alert_owners(desk, replies)),
            ]
            try:
                await living.run(stop)
            finally:
                for task in beside:
                    task.cancel()
    log.info("stopped; what is left is answered after the next start")


def _context(house: App, now: Callable[[], float]) -> BotContext:
    given = house.settings
    return BotContext(
        store=house.store,
        assistant=house.assistant,
        image_assistant=house.image_assistant,
        providers=house.providers,
        owners=partial(_owners, given, house.store),
        now=now,
        display=DisplayDefaults(
            stream=given.ambrosio_stream,
            rich=given.ambrosio_rich == "auto",
            reasoning=given.ambrosio_reasoning == "show",
        ),
        folder=given.ambrosio_data_dir,
        started_at=now(),
    )


def _owners(given: Settings, store: Store) -> frozenset[int]:
    return given.ambrosio_owner | store.owners()


class _PollHook:
    """What is done whenever Telegram was heard: a sign of life, and once a day some tidying up."""

    def __init__(self, given: Settings, store: Store, now: Callable[[], float]) -> None:
        self._given, self._store, self._now = given, store, now
        self._tidied_at = float("-inf")

    def __call__(self) -> None:
        beat(self._given.ambrosio_data_dir)
        days, now = self._given.ambrosio_retention_days, self._now()
        if not days or now < self._tidied_at + DAY_SECONDS:
            return
        self._tidied_at = now
        try:
            count = self._store.expire(now - days * DAY_SECONDS)
        except StoreFailed as exc:
            log.warning("the disk: %s", exc)
        else:
            log.info("forgot %d turns older than %d days", count, days)


async def _introduce(
    bot: telegram.Bot, stop: asyncio.Event, sleep: Callable[[float], Awaitable[None]]
) -> bool:
    """Learn the bot's own name, waiting for the network as long as it takes."""
    pause = 1.0
    while not stop.is_set():
        try:
            await bot.initialize()
            # A forgotten webhook would answer every poll with a conflict.
            await bot.delete_webhook()
        except InvalidToken as exc:
            raise InvalidBotToken from exc
        except TelegramError as exc:
            log.warning("no word from Telegram: %s; again in %.0f s", type(exc).__name__, pause)
            await sleep(pause)
            pause = min(pause * 2, MAX_PAUSE_SECONDS)
        else:
            return True
    return False


async def _pair(
    desk: BotContext,
    say: Callable[[str], None],
    stop: asyncio.Event,
    sleep: Callable[[float], Awaitable[None]],
) -> None:
    """Print pairing links, one after the other, until there is an owner."""
    while not desk.owners() and not stop.is_set():
        pairing = Pairing(secrets.token_urlsafe(16), desk.now(), for_owner=True)
        desk.pairings[:] = [each for each in desk.pairings if not each.for_owner] + [pairing]
        minutes = PAIRING_SECONDS // 60
        say(f"Nobody owns this bot yet. Open this link within {minutes} minutes, and you do:")
        say(f"https://t.me/{desk.username}?start={pairing.code}")
        await sleep(PAIRING_SECONDS)
