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
    app: App,
    *,
    stop: asyncio.Event,
    now: Callable[[], float],
    say: Callable[[str], None],
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Be the bot until `stop` is set, or raise `InvalidBotToken` or `PollingConflict`."""
    settings, store = app.settings, app.store
    bot, context = telegram_bot(settings), _context(app, now)
    async with AsyncExitStack() as closing:
        closing.push_async_callback(bot.shutdown)
        if not await _introduce(bot, stop, sleep):
            return
        context.username = bot.username
        pacer = RateLimiter(now)
        replies = Delivery(bot, store, pacer, sleep=sleep)
        previewer = AnswerStreamer(bot, pacer, stream=settings.ambrosio_stream)
        living = Dispatcher(
            bot,
            context,
            replies,
            previewer,
            grace_seconds=settings.ambrosio_grace_seconds,
            heard=_PollHook(settings, store, now),
            sleep=sleep,
        )
        log.info("listening as @%s; asking %s", bot.username, ", ".join(context.providers))
        warn_without_budget(settings, context.providers)
        store.waive_images()
        async with asyncio.TaskGroup() as group:
            beside = [
                group.create_task(_pair(context, say, stop, sleep)),
                group.create_task(app.assistant.router.health.watch()),
                group.create_task(alert_owners(context, replies)),
            ]
            try:
                await living.run(stop)
            finally:
                for task in beside:
                    task.cancel()
    log.info("stopped; what is left is answered after the next start")


def _context(app: App, now: Callable[[], float]) -> BotContext:
    settings = app.settings
    return BotContext(
        store=app.store,
        assistant=app.assistant,
        image_assistant=app.image_assistant,
        providers=app.providers,
        owners=partial(_owners, settings, app.store),
        now=now,
        display=DisplayDefaults(
            stream=settings.ambrosio_stream,
            rich=settings.ambrosio_rich == "auto",
            reasoning=settings.ambrosio_reasoning == "show",
        ),
        folder=settings.ambrosio_data_dir,
        started_at=now(),
    )


def _owners(settings: Settings, store: Store) -> frozenset[int]:
    return settings.ambrosio_owner | store.owners()


class _PollHook:
    """What is done whenever Telegram was heard: a sign of life, and once a day some tidying up."""

    def __init__(self, settings: Settings, store: Store, now: Callable[[], float]) -> None:
        self._given, self._store, self._now = settings, store, now
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
    context: BotContext,
    say: Callable[[str], None],
    stop: asyncio.Event,
    sleep: Callable[[float], Awaitable[None]],
) -> None:
    """Print pairing links, one after the other, until there is an owner."""
    while not context.owners() and not stop.is_set():
        pairing = Pairing(secrets.token_urlsafe(16), context.now(), for_owner=True)
        context.pairings[:] = [each for each in context.pairings if not each.for_owner] + [pairing]
        minutes = PAIRING_SECONDS // 60
        say(f"Nobody owns this bot yet. Open this link within {minutes} minutes, and you do:")
        say(f"https://t.me/{context.username}?start={pairing.code}")
        await sleep(PAIRING_SECONDS)
