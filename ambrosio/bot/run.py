"""The life of the bot, from the token to an orderly stop."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator
from contextlib import AsyncExitStack, contextmanager
from functools import partial
from typing import Any

import telegram
from telegram.error import InvalidToken, RetryAfter, TelegramError

from ..app import App
from ..commands.context import BotContext, BotStatus, DisplayDefaults
from ..commands.pairing import PAIRING_SECONDS
from ..config.settings import Settings
from ..core.backoff import Backoff
from ..core.errors import InvalidBotToken, StoreFailed, TelegramSilent
from ..providers.openai_client import preload
from . import ptb
from .alerts import alert_of_changed_tools, alert_owners, check_database, warn_without_budget
from .client import telegram_bot
from .delivery import Delivery
from .disk_sync import DiskSync
from .dispatcher import Dispatcher
from .erasing import Eraser
from .heartbeat import beat
from .metrics import render, serving_metrics
from .rate_limit import RateLimiter
from .reminders import ReminderTicker
from .streaming import AnswerStreamer
from .watchdog import watching

log = logging.getLogger(__name__)
MAX_PAUSE_SECONDS = 60.0
DAY_SECONDS = 86_400
# The first poll goes out before anything that keeps the processor busy.
FIRST_POLL_SECONDS = 0.5


async def serve(
    app: App,
    *,
    stop: asyncio.Event,
    now: Callable[[], float],
    say: Callable[[str], None],
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Run the bot until `stop` is set.

    Raises `InvalidBotToken`, `PollingConflict`, or `TelegramSilent` if the settings say so.
    """
    settings, store = app.settings, app.store
    bot, started_at = telegram_bot(settings), now()
    async with AsyncExitStack() as closing:
        closing.push_async_callback(bot.shutdown)
        if not await _introduce(bot, stop, sleep):
            return
        beat(settings.ambrosio_data_dir)
        watchdog = closing.enter_context(watching(settings.ambrosio_exit_after_minutes, stop))
        context = _context(app, now, username=bot.username, started_at=started_at)
        rate_limiter = RateLimiter(now)
        delivery = Delivery(bot, store, rate_limiter, sleep=sleep)
        disk_sync = DiskSync(store)
        streamer = AnswerStreamer(bot, rate_limiter, stream=settings.ambrosio_stream)
        asked = [name for name, _ in context.assistant.router.route()]
        log.info("listening as @%s; asking %s", bot.username, ", then ".join(asked))
        warn_without_budget(settings, context.providers)
        store.ledger.waive_images()
        await closing.enter_async_context(
            serving_metrics(settings.ambrosio_metrics, partial(render, context))
        )
        async with asyncio.TaskGroup() as group:
            dispatcher = Dispatcher(
                bot,
                context,
                delivery,
                streamer,
                disk_sync=disk_sync,
                group=group,
                grace_seconds=settings.ambrosio_grace_seconds,
                on_poll=_PollHook(context, settings, watchdog.beat),
                sleep=sleep,
            )
            pairing = _pair(context, say, stop, sleep)
            beside = _work_beside(context, delivery, sleep)
            with _running(group, [disk_sync.run(), pairing, *beside]):
                await dispatcher.run(stop)
        if watchdog.expired:
            raise TelegramSilent
    log.info("stopped; unanswered messages wait for the next start")


def _work_beside(
    context: BotContext, delivery: Delivery, sleep: Callable[[float], Awaitable[None]]
) -> list[Coroutine[Any, Any, None]]:
    """List what goes on beside the messages, for as long as the bot runs."""
    return [
        context.assistant.router.health.watch(),
        alert_owners(context, delivery),
        alert_of_changed_tools(context, delivery),
        check_database(context, delivery),
        ReminderTicker(context, delivery, sleep=sleep).run(),
        Eraser(context, delivery, sleep=sleep).run(),
        _prepare_later(context, sleep),
    ]


@contextmanager
def _running(group: asyncio.TaskGroup, work: Iterable[Coroutine[Any, Any, None]]) -> Iterator[None]:
    """Let work go on in tasks until the block ends."""
    tasks = [group.create_task(one) for one in work]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()


async def _prepare_later(context: BotContext, sleep: Callable[[float], Awaitable[None]]) -> None:
    """Do what takes a moment and need not be done before the first messages are fetched."""
    await sleep(FIRST_POLL_SECONDS)
    await preload()
    # Under the first answer, it should be known whether there is anybody to read it aloud.
    await context.speech.calls.able()


def _context(app: App, now: Callable[[], float], *, username: str, started_at: float) -> BotContext:
    settings = app.settings
    return BotContext(
        store=app.store,
        assistant=app.assistant,
        image_assistant=app.image_assistant,
        providers=app.providers,
        transcripts=app.transcripts,
        speech=app.speech,
        media=app.media,
        mcp=app.mcp,
        owners=lambda: settings.ambrosio_owner | app.store.people.owners(),
        now=now,
        username=username,
        data_dir=settings.ambrosio_data_dir,
        default_zone=settings.ambrosio_zone,
        status=BotStatus(started_at),
        display=DisplayDefaults(
            stream=settings.ambrosio_stream,
            rich=settings.ambrosio_rich == "auto",
            reasoning=settings.ambrosio_reasoning == "show",
        ),
    )


class _PollHook:
    """Runs after every completed getUpdates: signs of life, and once a day the clean-up."""

    def __init__(
        self, context: BotContext, settings: Settings, on_alive: Callable[[], None]
    ) -> None:
        self._context, self._settings, self._on_alive = context, settings, on_alive
        self._tidied_at = float("-inf")

    def __call__(self) -> None:
        beat(self._settings.ambrosio_data_dir)
        self._on_alive()
        days, now = self._settings.ambrosio_retention_days, self._context.now()
        if now < self._tidied_at + DAY_SECONDS:
            return
        self._tidied_at = now
        try:
            self._context.store.pictures.sweep()
            if days:
                self._context.store.erasing.begin_expiry(now - days * DAY_SECONDS)
                self._context.erasures_changed.set()
        except (OSError, StoreFailed) as exc:
            log.warning("the disk: %s", exc)


async def _introduce(
    bot: telegram.Bot, stop: asyncio.Event, sleep: Callable[[float], Awaitable[None]]
) -> bool:
    """Fetch the bot's own name, waiting for the network; False if stopped meanwhile."""
    backoff = Backoff(1.0, MAX_PAUSE_SECONDS)
    while not stop.is_set():
        try:
            await bot.initialize()
            # A forgotten webhook would answer every poll with a conflict.
            await bot.delete_webhook()
        except InvalidToken as exc:
            raise InvalidBotToken from exc
        except TelegramError as exc:
            pause = backoff.next_seconds()
            if isinstance(exc, RetryAfter):
                # Asking earlier would prolong it.
                pause = max(pause, ptb.retry_after_seconds(exc))
            log.warning("Telegram cannot be reached: %s; again in %.0f s", ptb.reason(exc), pause)
            await _sleep_or_stop(sleep(pause), stop)
        else:
            return True
    return False


async def _sleep_or_stop(sleeping: Awaitable[None], stop: asyncio.Event) -> None:
    """Sleep, but no longer than until `stop` is set."""
    tasks = (asyncio.ensure_future(sleeping), asyncio.ensure_future(stop.wait()))
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()


async def _pair(
    context: BotContext,
    say: Callable[[str], None],
    stop: asyncio.Event,
    sleep: Callable[[float], Awaitable[None]],
) -> None:
    """Print pairing links, one after the other, until there is an owner."""
    while not context.owners() and not stop.is_set():
        pairing = context.pairings.create(context.now(), for_owner=True)
        minutes = PAIRING_SECONDS // 60
        say(f"This bot has no owner yet. To own it, open this link within {minutes} minutes:")
        say(f"https://t.me/{context.username}?start={pairing.code}")
        await sleep(PAIRING_SECONDS)
