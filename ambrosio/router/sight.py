"""Who may be shown pictures: those that see, among those that privacy and money allow."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..core.errors import BudgetSpent, NobodySees, NobodySeesHere
from ..core.messages import ModelRef, PicturePart
from ..core.provider_errors import ProviderError
from .call import Target
from .request import CompletionRequest, Provider

# The longer side of a picture, in pixels. One set of bytes is kept, chosen by who looks first: a
# processor needs a minute for 1,280 pixels where nothing limits it, and 800 show nearly as much.
LOCAL_SIDE, REMOTE_SIDE = 800, 1280
# A picture that is not there yet, to find out who would look at it.
UNREAD = PicturePart("", REMOTE_SIDE, REMOTE_SIDE)


@dataclass(frozen=True, slots=True)
class Viewers:
    """Who may be asked, in order, and the names of those that are passed over as blind."""

    targets: Sequence[Target]
    blind: frozenset[str] = frozenset()


async def find_viewers(
    request: CompletionRequest, allowed: Sequence[Target], providers: Mapping[str, Provider]
) -> Viewers:
    """Choose who is asked a request with pictures, or raise `NobodySees` or `BudgetSpent`.

    A question with pictures goes only to those that see. Where only its history has some, those
    that see come first, and the others are told that there was a picture.
    """
    if not request.has_pictures or not allowed:
        return Viewers(allowed)
    seeing = [target for target in allowed if await _sees(target.provider, target.model)]
    others = [target for target in allowed if target not in seeing]
    if not request.pictures:
        return Viewers([*seeing, *others])
    if not seeing:
        raise await _why_nobody(request, allowed, providers)
    return Viewers(seeing, frozenset(target.provider.name for target in others))


async def _sees(provider: Provider, model: str = "") -> bool:
    try:
        return await provider.sees(model)
    except ProviderError:
        # It cannot be asked now. The call itself finds out, once it can.
        return True


async def _why_nobody(
    request: CompletionRequest, allowed: Sequence[Target], providers: Mapping[str, Provider]
) -> NobodySees | BudgetSpent:
    asked = [target.provider.name for target in allowed]
    others = [provider for name, provider in providers.items() if name not in asked]
    if request.is_local_only:
        able = [provider.name for provider in others if await _sees(provider)]
        return (NobodySeesHere if able else NobodySees)(
            asked, offer="" if able else await offer_viewer(allowed)
        )
    for provider in others:
        if provider.paid and await _sees(provider):
            return BudgetSpent()
    return NobodySees(asked, offer=await offer_viewer(allowed))


async def offer_viewer(allowed: Iterable[Target]) -> str:
    """Name a model that sees, at a provider that may be asked; "" if none is known."""
    for target in allowed:
        for model in await target.provider.models_that_see():
            return str(ModelRef(target.provider.name, model))
    return ""
