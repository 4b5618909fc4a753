"""What a call costs, what it may cost at most, and when a month starts.

Pure; amounts are `Decimal`, in US dollars. An unknown price never counts as zero: the budget uses
the highest known price instead, and `known` says that this must not be shown as the real cost.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal

from .messages import ModelRef, Usage
from .zones import local_time

MILLION = Decimal(1_000_000)
# The share of the budget at which the owners are warned.
WARNING_SHARE = Decimal("0.8")


@dataclass(frozen=True, slots=True)
class Pricing:
    """Prices of a model in dollars per million tokens; `known` is False if they are a guess."""

    input_usd: Decimal = Decimal(0)
    output_usd: Decimal = Decimal(0)
    cached_usd: Decimal = Decimal(0)
    known: bool = True

    @property
    def free(self) -> bool:
        """Whether all calls are free."""
        return not (self.input_usd or self.output_usd or self.cached_usd)

    def cost(self, usage: Usage) -> Decimal:
        """Return what these tokens cost."""
        uncached = max(0, usage.prompt - usage.cached)
        prompt_usd = uncached * self.input_usd + usage.cached * self.cached_usd
        return (prompt_usd + usage.completion * self.output_usd) / MILLION

    def max_cost(self, prompt: int, answer: int) -> Decimal:
        """Return the most a call can cost, given its tokens: nothing cached, a full answer."""
        return self.cost(Usage(prompt, answer))


FREE = Pricing()

CallKind = Literal["chat", "image", "transcript", "speech", "search"]
# "open": the call is in progress, or was when the process died.
CallOutcome = Literal["open", "done", "stopped", "failed"]


@dataclass(frozen=True, slots=True)
class Expense:
    """One call to a provider; `usd` is its cost, None if the price is unknown.

    `charged_usd` counts against the budget instead, None to count `usd`. `estimated` means that the
    server reported no usage and it was estimated.
    """

    user_id: int
    ref: ModelRef
    usage: Usage | None
    usd: Decimal | None
    charged_usd: Decimal | None = None
    kind: CallKind = "chat"
    estimated: bool = False
    outcome: CallOutcome = "done"
    images: int = 0

    @property
    def charge(self) -> Decimal:
        """What counts against the budget."""
        return self.usd or Decimal(0) if self.charged_usd is None else self.charged_usd


def price_call(
    user_id: int,
    ref: ModelRef,
    kind: CallKind,
    *,
    units: Decimal,
    usd_per_unit: Decimal | None,
    highest: Decimal,
) -> Expense:
    """Return the expense of a call that is priced beforehand; `highest` is for an unknown price."""
    usd = units * (highest if usd_per_unit is None else usd_per_unit)
    told = None if usd_per_unit is None else usd
    return Expense(user_id, ref, None, told, charged_usd=usd, kind=kind)


def sum_usd(expenses: Iterable[Expense]) -> Decimal | None:
    """Add up the cost of calls; None if any of it is unknown, or if there are no calls."""
    costs = [expense.usd for expense in expenses]
    return None if None in costs or not costs else sum(filter(None, costs), Decimal(0))


def month_start(at: float, zone: str = "UTC") -> float:
    """Return the start of the month in a time zone; both are Unix times in seconds."""
    return _midnight(local_time(at, zone).replace(day=1))


def day_start(at: float, zone: str = "UTC", *, days_back: int = 0) -> float:
    """Return the start of the day in a time zone, or of one so many days before."""
    return _midnight(local_time(at, zone) - timedelta(days=days_back))


def _midnight(moment: datetime) -> float:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0).timestamp()


def month_name(at: float, zone: str = "UTC") -> str:
    """Return the month of a Unix time, such as `2026-11`."""
    return local_time(at, zone).strftime("%Y-%m")


def nearly_spent(spent: Decimal, ceiling: Decimal | None) -> bool:
    """Return whether to warn the owners; a budget of 0 needs no warning."""
    return bool(ceiling) and ceiling is not None and spent >= ceiling * WARNING_SHARE


def format_usd(usd: Decimal) -> str:
    """Format an amount, small ones with more digits: `$0.0042`, `$0.37`, `$12.50`."""
    if usd and abs(usd) < Decimal("0.1"):
        small = f"${usd:.4f}"
        return small if small.strip("$0.") else "< $0.0001"
    return f"${usd:.2f}"
