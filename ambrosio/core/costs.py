"""What a call costs, what it may cost at most, and when a month begins.

Pure, in `Decimal`, in US dollars. A price that nobody knows is never zero: the dearest known one
stands in for it where money is counted, and `known` says that it must not be shown as the cost.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Literal

from .messages import ModelRef, Usage

MILLION = Decimal(1_000_000)
# Of the ceiling, when the owners are told.
WARNING_SHARE = Decimal("0.8")


@dataclass(frozen=True, slots=True)
class Pricing:
    """Prices of a model per million tokens; `known` is False if they are only a cautious guess."""

    input_usd: Decimal = Decimal(0)
    output_usd: Decimal = Decimal(0)
    cached_usd: Decimal = Decimal(0)
    known: bool = True

    @property
    def free(self) -> bool:
        """Whether a call costs nothing, whatever it takes."""
        return not (self.input_usd or self.output_usd or self.cached_usd)

    def cost(self, usage: Usage) -> Decimal:
        """Work out what was spent on so many tokens."""
        fresh = max(0, usage.prompt - usage.cached)
        asked = fresh * self.input_usd + usage.cached * self.cached_usd
        return (asked + usage.completion * self.output_usd) / MILLION

    def max_cost(self, prompt: int, answer: int) -> Decimal:
        """Work out what a call may cost: nothing of it cached, and the whole answer used."""
        return self.cost(Usage(prompt, answer))


FREE = Pricing()

CallKind = Literal["chat", "image", "speech"]
# An open call is under way, or was when the plug was pulled.
CallOutcome = Literal["open", "done", "stopped", "failed"]


@dataclass(frozen=True, slots=True)
class Expense:
    """One call of a provider; `usd` is None when its price is not known.

    `counts_usd` is what then counts against the budget in its place, and `estimated` says that the
    usage is a guess, since the server did not count.
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
        """What is taken from the budget for it."""
        return self.usd or Decimal(0) if self.charged_usd is None else self.charged_usd


def sum_usd(expenses: Iterable[Expense]) -> Decimal | None:
    """Add up what calls have cost; None if that is not known of each, or there are none."""
    known = [each.usd for each in expenses]
    return None if None in known or not known else sum(filter(None, known), Decimal(0))


def month_start(at: float) -> float:
    """Give the moment at which the month of a moment began, by UTC."""
    first = datetime.fromtimestamp(at, UTC).replace(day=1, hour=0, minute=0, second=0)
    return first.replace(microsecond=0).timestamp()


def day_start(at: float) -> float:
    """Give the moment at which the day of a moment began, by UTC."""
    return at - at % 86_400


def month_name(at: float) -> str:
    """Name a month, as `2026-11`."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m")


def nearly_spent(spent: Decimal, ceiling: Decimal | None) -> bool:
    """Say whether it is time for a warning; nobody needs one about a ceiling of zero."""
    return bool(ceiling) and ceiling is not None and spent >= ceiling * WARNING_SHARE


def format_usd(usd: Decimal) -> str:
    """Write an amount so that a small one is not nothing: `$0.0042`, `$0.37`, `$12.50`."""
    if usd and abs(usd) < Decimal("0.1"):
        small = f"${usd:.4f}"
        return small if small.strip("$0.") else "< $0.0001"
    return f"${usd:.2f}"
