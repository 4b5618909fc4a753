"""`ambrosio run`: from a token to a bot that polls, and back to a quiet end."""

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial

import telegram
from telegram.error import InvalidToken, TelegramError

from ..app import House
from ..commands.context import Desk, Looks
from ..commands.pairing import PAIRING_SECONDS, Pairing
from ..config.settings import Settings
from ..core.errors import StoreFailed, TokenRefused
from ..store import Store
from .alerts import _alarm, _warn
from .client import telegram_bot
from .delivery import Replies
from .dispatcher import Bot
from .heartbeat import beat
from .rate_limit import Pacer
from .streaming import Previewer

log = logging.getLogger(__name__)
LONGEST_PAUSE_SECONDS = 60.0
DAY_SECONDS = 86_400


async def serve(
    house: House,
    *,
    stop: asyncio.Event,
    now: Callable[[], float],
    say: Callable[[str], None],
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Be the bot until `stop` is set, or raise `TokenRefused` or `AnotherPoller`."""
    given, store = house.settings, house.store
    bot, desk = telegram_bot(given), _desk(house, now)
    async with AsyncExitStack() as closing:
        closing.push_async_callback(bot.shutdown)
        if not await _introduced(bot, stop, sleep):
            return
        desk.username = bot.username
        pacer = Pacer(now)
        replies = Replies(bot, store, pacer, sleep=sleep)
        previewer = Previewer(bot, pacer, stream=given.ambrosio_stream)
        living = Bot(
            bot,
            desk,
            replies,
            previewer,
            grace_seconds=given.ambrosio_grace_seconds,
            heard=_Heard(given, store, now),
            sleep=sleep,
        )
        log.info("listening as @%s; asking %s", bot.username, ", ".join(desk.providers))
        _warn(given, desk.providers)
        store.waive_pictures()
        async with asyncio.TaskGroup() as group:
            beside = [
                group.create_task(_pair(desk, say, stop, sleep)),
                group.create_task(house.assistant.router.health.watch()),
                group.create_task(_alarm(desk, replies)),
            ]
            try:
                await living.run(stop)
            finally:
                for task in beside:
                    task.cancel()
    log.info("stopped; what is left is answered after the next start")


def _desk(house: House, now: Callable[[], float]) -> Desk:
    given = house.settings
    return Desk(
        store=house.store,
        assistant=house.assistant,
        studio=house.studio,
        providers=house.providers,
        owners=partial(_owners, given, house.store),
        now=now,
        looks=Looks(
            stream=given.ambrosio_stream,
            rich=given.ambrosio_rich == "auto",
            reasoning=given.ambrosio_reasoning == "show",
        ),
        folder=given.ambrosio_data_dir,
        started_at=now(),
    )


def _owners(given: Settings, store: Store) -> frozenset[int]:
    return given.ambrosio_owner | store.owners()


class _Heard:
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


async def _introduced(
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
            raise TokenRefused from exc
        except TelegramError as exc:
            log.warning("no word from Telegram: %s; again in %.0f s", type(exc).__name__, pause)
            await sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
        else:
            return True
    return False


async def _pair(
    desk: Desk,
    say: Callable[[str], None],
    stop: asyncio.Event,
    sleep: Callable[[float], Awaitable[None]],
) -> None:
    """Print pairing links, one after the other, until there is an owner."""
    while not desk.owners() and not stop.is_set():
        pairing = Pairing(secrets.token_urlsafe(16), desk.now(), owner=True)
        desk.pairings[:] = [each for each in desk.pairings if not each.owner] + [pairing]
        minutes = PAIRING_SECONDS // 60
        say(f"Nobody owns this bot yet. Open this link within {minutes} minutes, and you do:")
        say(f"https://t.me/{desk.username}?start={pairing.code}")
        await sleep(PAIRING_SECONDS)
