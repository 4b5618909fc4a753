"""How much may still be spent, and by whom.

A call is entered in the ledger at its maximum cost before it is made, and at its real cost when it
ends. So concurrent calls cannot spend the same dollar, and a call that a power cut ended still
counts. One call may exceed the ceiling, and no second one: where a server takes no limit for an
answer, or a script has more tokens to the byte than our estimate.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Protocol

from ..core.costs import CallKind, CallOutcome, Expense, month_name, month_start, nearly_spent
from .policy import Candidate, allowed_providers

# The token limit of an answer where there is a ceiling: sent, and counted on in the maximum cost.
MAX_TOKENS = 8192


class CallLedger(Protocol):
    """Where calls are entered; `store.ledger` is the one that lasts."""

    def spent(self, since: float, user_id: int | None = None) -> Decimal:
        """Sum what counts since a time (Unix seconds), of one user or (None) of all."""
        ...

    def enter(self, expense: Expense, call_id: int | None = None) -> int:
        """Enter a call, or update the one with that id; return its id."""
        ...


@dataclass(slots=True)
class InMemoryLedger:
    """A ledger for tests and single runs: it ends with the process and ignores dates."""

    calls: list[Expense] = field(default_factory=list)

    def spent(self, since: float, user_id: int | None = None) -> Decimal:  # noqa: ARG002
        """Sum what counts, of one user or (None) of all."""
        charges = [call.charge for call in self.calls if user_id in {None, call.user_id}]
        return sum(charges, Decimal(0))

    def enter(self, expense: Expense, call_id: int | None = None) -> int:
        """Enter a call, or update the one with that id; return its id."""
        if call_id is None:
            call_id = len(self.calls)
        self.calls[call_id:] = [expense, *self.calls[call_id + 1 :]]
        return call_id


def _no_guests(_user_id: int) -> bool:
    return False


class Budget:
    """The monthly ceiling, for everybody together and for each guest."""

    def __init__(
        self,
        *,
        now: Callable[[], float],
        ledger: CallLedger | None = None,
        ceiling: Decimal | None = None,
        share: Decimal | None = None,
        guest: Callable[[int], bool] = _no_guests,
        zone: str = "UTC",
    ) -> None:
        """Set the limits.

        Args:
            now: the clock.
            ledger: where calls are entered; in memory if there is none.
            ceiling: what a month may cost, in US dollars; None is no ceiling.
            share: what a month may cost for each guest.
            guest: whether a user is one, and so limited to `share`.
            zone: the time zone in which months begin.
        """
        self._now, self._ledger, self._guest = now, ledger or InMemoryLedger(), guest
        self.ceiling, self.share, self._zone = ceiling, share, zone
        # The calls since the start, by provider, kind and outcome.
        self.calls: Counter[tuple[str, CallKind, CallOutcome]] = Counter()
        # The last month in which a call was too expensive for what was left.
        self._scarce_month = ""

    def limit(self, user_id: int) -> Decimal | None:
        """Return a guest's share; None for users without one."""
        return self.share if self._guest(user_id) else None

    def spent(self, user_id: int | None = None) -> Decimal:
        """Sum what this month has cost, calls under way at their maximum."""
        return self._ledger.spent(month_start(self._now(), self._zone), user_id)

    def left(self, user_id: int) -> Decimal | None:
        """Return what a user may still spend this month; None if there is no ceiling."""
        limits = []
        if self.ceiling is not None:
            limits.append(self.ceiling - self.spent())
        if (limit := self.limit(user_id)) is not None:
            limits.append(limit - self.spent(user_id))
        return min(limits) if limits else None

    def allowed_providers(
        self, candidates: Iterable[Candidate], *, user_id: int, local_only: bool
    ) -> tuple[str, ...]:
        """List who may be asked, by `policy` and by what is left."""
        candidates = list(candidates)
        if self.ceiling is not None:
            whole = allowed_providers(candidates, local_only=local_only, left=None)
            covered = allowed_providers(
                candidates, local_only=local_only, left=self.ceiling - self.spent()
            )
            self._scarce_month = self._scarce_month if covered == whole else self._month()
        return allowed_providers(candidates, local_only=local_only, left=self.left(user_id))

    def reserve(self, maximum: Expense) -> int | None:
        """Enter a call before it is made and return its id; None for one that is free."""
        if not maximum.charge:
            return None
        return self._ledger.enter(replace(maximum, estimated=True, outcome="open"))

    def settle(self, call_id: int | None, expense: Expense) -> None:
        """Enter what a call has really cost."""
        self.calls[expense.ref.provider, expense.kind, expense.outcome] += 1
        self._ledger.enter(expense, call_id)

    def warning(self) -> str:
        """Return the month, if its ceiling is nearly reached, else an empty text."""
        month = self._month()
        nearly = self.ceiling and (
            self._scarce_month == month or nearly_spent(self.spent(), self.ceiling)
        )
        return month if nearly else ""

    def _month(self) -> str:
        return month_name(self._now(), self._zone)
