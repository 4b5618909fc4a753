"""What owners are told unasked: failures that only they can fix, and a missing budget."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping

from ..commands.context import BotContext
from ..config import catalogue
from ..config.settings import Settings
from ..core import texts
from ..core.errors import StoreFailed
from ..core.messages import Chat
from ..core.provider_errors import ModelNotFound, ProviderError
from ..providers.openai_compatible import OpenAIProvider
from .answer_view import render_notice
from .delivery import Delivery

log = logging.getLogger(__name__)


# The start has better things to do than to read a large file.
CHECK_AFTER_SECONDS = 60.0
# Of the models that a provider has, when the configured one is gone.
MAX_MODEL_NAMES = 8


def warn_without_budget(settings: Settings, providers: Mapping[str, OpenAIProvider]) -> None:
    """Log a warning if there are paid providers and no budget."""
    if settings.ambrosio_monthly_budget_usd is None and any(
        provider.paid for provider in providers.values()
    ):
        log.warning("AMBROSIO_MONTHLY_BUDGET_USD is not set: paid providers have no spending limit")


async def alert_owners(context: BotContext, delivery: Delivery) -> None:
    """Send each alert of the health monitor to all owners, until cancelled."""
    while True:
        exc = await context.assistant.router.health.alarms.get()
        route = context.assistant.router.route()
        others = [name for name, _ in route if name != exc.provider]
        text = f"{exc.owner_alert(others)} {await _served_models(context, exc)}".strip()
        for owner in sorted(context.owners()):
            chat = Chat(owner)
            try:
                context.store.outbox.enqueue(*render_notice(chat, text))
            except StoreFailed as failed:
                log.warning("the owner does not know that %s: %s", exc, failed)
            else:
                delivery.deliver_soon(chat)


async def check_database(
    context: BotContext,
    delivery: Delivery,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Look through the database for damage, some time after the start, and tell the owners."""
    await sleep(CHECK_AFTER_SECONDS)
    if not (damage := await asyncio.to_thread(context.store.database.damage)):
        return
    log.error("the database is damaged: %s", damage)
    for owner in sorted(context.owners()):
        chat = Chat(owner)
        try:
            context.store.outbox.enqueue(*render_notice(chat, texts.DATABASE_DAMAGED))
        except StoreFailed:
            await delivery.tell_now(chat, texts.DATABASE_DAMAGED)
        else:
            delivery.deliver_soon(chat)


async def _served_models(context: BotContext, exc: ProviderError) -> str:
    """List the models that a provider serves, if the configured one is gone."""
    if not isinstance(exc, ModelNotFound):
        return ""
    try:
        served = await context.providers[exc.provider].models()
    except ProviderError:
        return ""
    names = sorted(model.id for model in served if model.kind in {"chat", "language"})
    known = [name for name in names if catalogue.look_up(name)]
    shown = [*known, *(name for name in names if name not in known)][:MAX_MODEL_NAMES]
    return f"Available: {', '.join(f'`{name}`' for name in shown)}." if shown else ""
