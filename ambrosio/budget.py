"""How much may still be spent, and by whom.

What the ledger has, and what is on its way into it: a call holds its worst case from before it is
made, then what it has cost, until the ledger has that. So calls side by side cannot spend the same
dollar. A ceiling can be passed by one answer that grows longer than foreseen, and by no second one.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from .messages import ModelRef, Usage
from .money import day_began, month_began, month_name, nearly_spent

Outcome = Literal["done", "stopped", "failed"]


@dataclass(slots=True, eq=False)
class Hold:
    """Money of somebody that is spoken for."""

    person: int
    usd: Decimal


@dataclass(frozen=True, slots=True)
class Bill:
    """What one call has come to; `counts_usd` stands in where the price is not known."""

    ref: ModelRef
    usage: Usage | None
    usd: Decimal | None
    counts_usd: Decimal
    estimated: bool = False
    outcome: Outcome = "done"
    hold: Hold | None = None


def _nothing(_since: float, _person: int | None) -> Decimal:
    return Decimal(0)


def _nobody(_person: int) -> bool:
    return False


Spent = Callable[[float, int | None], Decimal]


class Budget:
    """The ceiling of the month, for the house and for each guest; months are those of UTC."""

    def __init__(
        self,
        *,
        now: Callable[[], float],
        spent: Spent = _nothing,
        ceiling: Decimal | None = None,
        share: Decimal | None = None,
        guest: Callable[[int], bool] = _nobody,
    ) -> None:
        """Take the rules.

        Args:
            now: tells the time.
            spent: gives what was spent since a moment, by one person or (None) by all.
            ceiling: what a month may cost.
            share: what a month may cost for each guest.
            guest: says whom `share` limits: owners have the whole ceiling.
        """
        self._now, self._spent, self._guest = now, spent, guest
        self.ceiling, self.share = ceiling, share
        self._holds: set[Hold] = set()

    def limit(self, person: int) -> Decimal | None:
        """Give a guest's share, None for those who have none."""
        return self.share if self._guest(person) else None

    def spent(self, person: int | None = None, *, today: bool = False) -> Decimal:
        """Sum what this month, or today, has cost, with what is not in the ledger yet."""
        began = day_began if today else month_began
        held = [it.usd for it in self._holds if person in {None, it.person}]
        return self._spent(began(self._now()), person) + sum(held, Decimal(0))

    def left(self, person: int) -> Decimal | None:
        """Say how much somebody may still spend this month; None: there is no ceiling."""
        rests = []
        if self.ceiling is not None:
            rests.append(self.ceiling - self.spent())
        if (limit := self.limit(person)) is not None:
            rests.append(limit - self.spent(person))
        return min(rests) if rests else None

    def hold(self, person: int, usd: Decimal) -> Hold:
        """Set money aside for a call."""
        hold = Hold(person, usd)
        self._holds.add(hold)
        return hold

    def settle(self, holds: Iterable[Hold | None]) -> None:
        """Let go what the ledger has now."""
        self._holds.difference_update(hold for hold in holds if hold)

    def warning(self) -> str:
        """Name the month whose ceiling is nearly reached; empty while there is enough."""
        return month_name(self._now()) if nearly_spent(self.spent(), self.ceiling) else ""
