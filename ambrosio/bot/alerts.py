"""TODO docstring."""

import logging
from collections.abc import Mapping

from ..commands.context import Desk
from ..config import catalogue
from ..config.settings import Settings
from ..core.errors import ModelGone, ProviderError, StoreFailed
from ..core.messages import Place
from ..providers.openai_compatible import OpenAIProvider
from .answer_view import notice
from .delivery import Replies

log = logging.getLogger(__name__)


# Of the models that are there when one is gone.
MOST_NAMES = 8


def _warn(given: Settings, providers: Mapping[str, OpenAIProvider]) -> None:
    if given.ambrosio_monthly_budget_usd is None and any(it.paid for it in providers.values()):
        log.warning("AMBROSIO_MONTHLY_BUDGET_USD is not set: paid providers have no ceiling")


async def _alarm(desk: Desk, replies: Replies) -> None:
    """Tell the owners, once each, of what nobody else can mend."""
    while True:
        exc = await desk.assistant.router.health.alarms.get()
        route = desk.assistant.router.route()
        others = [name for name, _ in route if name != exc.provider]
        text = f"{exc.alarm(others)} {await _there(desk, exc)}".strip()
        for owner in sorted(desk.owners()):
            place = Place(owner)
            try:
                desk.store.enqueue(*notice(place, text))
            except StoreFailed as failed:
                log.warning("the owner does not know that %s: %s", exc, failed)
            else:
                await replies.deliver(place)


async def _there(desk: Desk, exc: ProviderError) -> str:
    """List what a provider serves in the place of a model that is gone."""
    if not isinstance(exc, ModelGone):
        return ""
    try:
        served = await desk.providers[exc.provider].models()
    except ProviderError:
        return ""
    names = sorted(each.id for each in served if each.kind in {"chat", "language"})
    known = [name for name in names if catalogue.known(name)]
    shown = [*known, *(name for name in names if name not in known)][:MOST_NAMES]
    return f"It has: {', '.join(f'`{name}`' for name in shown)}." if shown else ""
