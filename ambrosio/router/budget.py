"""How much may still be spent, and by whom.

A call is in the ledger at its worst case from before it is made, and at what it has cost from its
end on. So calls side by side cannot spend the same dollar, and one that a pulled plug has cut off
still counts. A ceiling can be passed by one call and by no second one: where a server takes no
limit for an answer, or a script has more tokens to the byte than our guess.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Protocol

from ..core.costs import Expense, month_name, month_start, nearly_spent
from .policy import Candidate, allowed_providers

# What an answer may take where there is a ceiling: the worst case counts on it, and it is sent.
MAX_TOKENS = 8192


class CallLedger(Protocol):
    """Where calls are entered."""

    def spent(self, since: float, person: int | None = None) -> Decimal:
        """Sum what counts since a moment, of one person or (None) of all."""
        ...

    def enter(self, expense: Expense, call: int | None = None) -> int:
        """Enter a call, or what one that is there has come to; give its number."""
        ...


@dataclass(slots=True)
class InMemoryLedger:
    """A ledger that is wiped when Ambrosio ends, and knows no days."""

    calls: list[Expense] = field(default_factory=list)

    def spent(self, since: float, person: int | None = None) -> Decimal:  # noqa: ARG002
        """Sum what counts, of one person or (None) of all."""
        counts = [each.charge for each in self.calls if person in {None, each.user_id}]
        return sum(counts, Decimal(0))

    def enter(self, expense: Expense, call: int | None = None) -> int:
        """Enter a call, or what one that is there has come to; give its number."""
        if call is None:
            call = len(self.calls)
        self.calls[call:] = [expense, *self.calls[call + 1 :]]
        return call


def _nobody(_person: int) -> bool:
    return False


class Budget:
    """The ceiling of the month, for the house and for each guest; months are those of UTC."""

    def __init__(
        self,
        *,
        now: Callable[[], float],
        ledger: CallLedger | None = None,
        ceiling: Decimal | None = None,
        share: Decimal | None = None,
        guest: Callable[[int], bool] = _nobody,
    ) -> None:
        """Take the rules.

        Args:
            now: tells the time.
            ledger: knows what was spent, and takes what is.
            ceiling: what a month may cost.
            share: what a month may cost for each guest.
            guest: says whom `share` limits: owners have the whole ceiling.
        """
        self._now, self._ledger, self._guest = now, ledger or InMemoryLedger(), guest
        self.ceiling, self.share = ceiling, share
        # The month in which a call was too dear for what was left of the ceiling.
        self._short = ""

    def limit(self, user_id: int) -> Decimal | None:
        """Give a guest's share, None for those who have none."""
        return self.share if self._guest(user_id) else None

    def spent(self, user_id: int | None = None) -> Decimal:
        """Sum what this month has cost, with the worst of what is under way."""
        return self._ledger.spent(month_start(self._now()), user_id)

    def left(self, user_id: int) -> Decimal | None:
        """Say how much somebody may still spend this month; None: there is no ceiling."""
        rests = []
        if self.ceiling is not None:
            rests.append(self.ceiling - self.spent())
        if (limit := self.limit(user_id)) is not None:
            rests.append(limit - self.spent(user_id))
        return min(rests) if rests else None

    def allowed_providers(
        self, standings: Iterable[Candidate], *, user_id: int, local_only: bool
    ) -> tuple[str, ...]:
        """List who may be asked, by `policy` and by what is left."""
        standings = list(standings)
        if self.ceiling is not None:
            whole = allowed_providers(standings, local_only=local_only, left=None)
            covered = allowed_providers(
                standings, local_only=local_only, left=self.ceiling - self.spent()
            )
            self._short = self._short if covered == whole else month_name(self._now())
        return allowed_providers(standings, local_only=local_only, left=self.left(user_id))

    def reserve(self, worst: Expense) -> int | None:
        """Enter a call that is about to be made; one that costs nothing waits for its end."""
        if not worst.charge:
            return None
        return self._ledger.enter(replace(worst, estimated=True, outcome="open"))

    def settle(self, call: int | None, expense: Expense) -> None:
        """Enter what a call has come to."""
        self._ledger.enter(expense, call)

    def warning(self) -> str:
        """Name the month whose ceiling is nearly reached; empty while there is enough."""
        month = month_name(self._now())
        nearly = self.ceiling and (self._short == month or nearly_spent(self.spent(), self.ceiling))
        return month if nearly else ""
