"""Which providers may be asked: the rules of privacy and of money.

Pure. What it promises: a provider is asked only if `allowed_providers` lists it. What it does not:
a local provider is one at a private address, or one that its operator declares local; where that
server passes things on to, nobody here can see. Telegram itself sees every message.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Candidate:
    """A provider as the rules see it; `max_cost_usd` is what this one call may cost at most."""

    name: str
    paid: bool
    local: bool = False
    max_cost_usd: Decimal = Decimal(0)


def allowed_providers(
    candidates: Iterable[Candidate], *, local_only: bool = False, left: Decimal | None
) -> tuple[str, ...]:
    """List who may be asked, in the order given.

    Args:
        candidates: the providers in question.
        local_only: nothing may leave this machine and its network.
        left: what may still be spent, in US dollars; None if there is no ceiling. A paid provider
            needs its maximum cost covered, and zero means zero.
    """
    return tuple(
        candidate.name
        for candidate in candidates
        if (candidate.local or not local_only)
        and (not candidate.paid or _is_covered(candidate, left))
    )


def _is_covered(candidate: Candidate, left: Decimal | None) -> bool:
    return left is None or (left > 0 and candidate.max_cost_usd <= left)
