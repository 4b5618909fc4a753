"""Who may speak to Ambrosio, what counts as a vv question, and who may be asked for what.

Pure: every rule is a function of its arguments. What it covers: an update reaches the inbox only
through `gate`, and a provider is asked only if `permitted` lists it. What it does not: Telegram
itself sees every message, and a local provider is what stands at a private address or what its
owner calls local; where that passes things on to, nobody here can see.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

# --- who may be asked -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Candidate:
    """What the rules need to know of a provider."""

    name: str
    paid: bool
    local: bool = False
    max_cost_usd: Decimal = Decimal(0)


def allowed_providers(
    candidates: Iterable[Candidate], *, local_only: bool = False, left: Decimal | None
) -> tuple[str, ...]:
    """List who may be asked: what is private stays home, and the others need to be affordable.

    So much money is `left`; None: there is no ceiling. Who is paid is asked only if the worst case
    of this call is covered; zero means zero.
    """
    return tuple(
        each.name
        for each in candidates
        if not (local_only and not each.local) and (not each.paid or _covered(each, left))
    )


def _covered(standing: Candidate, left: Decimal | None) -> bool:
    return left is None or (left > 0 and standing.max_cost_usd <= left)
