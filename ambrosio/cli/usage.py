"""`ambrosio usage`: the ledger on the terminal, as a table or as JSON."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from decimal import Decimal

from rich.console import Console
from rich.table import Table

from ..config.catalogue import as_of
from ..core.costs import format_usd
from ..core.messages import ModelRef
from ..store import UsageSummary

# In a pipe there is no edge to keep to.
WIDE = 400


def as_json(accounts: Sequence[UsageSummary], say: Callable[[str], None]) -> None:
    """Print an object for each day, model and kind; amounts are strings and never rounded."""
    rows = [asdict(each) for each in accounts]
    say(json.dumps(rows, indent=2, default=lambda amount: f"{amount:f}"))


def as_table(accounts: Sequence[UsageSummary], console: Console) -> None:
    """Print a line for each day, model and kind, and the sum."""
    caption = f"prices of {as_of()}; ~ has estimates in it; days are those of UTC"
    table = Table(box=None, caption=caption, caption_justify="left", padding=(0, 1, 0, 0))
    table.add_column("day", no_wrap=True)
    # Where there is no room, only this one breaks.
    table.add_column("model", overflow="fold")
    table.add_column("kind", no_wrap=True)
    for name in ("calls", "read", "cached", "written", "pictures", "cost"):
        table.add_column(name, justify="right", no_wrap=True)
    for each in accounts:
        counts = (each.calls, each.prompt, each.cached, each.completion, each.images)
        model = str(ModelRef(each.provider, each.model))
        table.add_row(each.day, model, each.kind, *(f"{n:,}" for n in counts), _cost(each))
    table.add_section()
    usd = sum((each.usd for each in accounts), Decimal(0))
    unknown = sum(each.unknown for each in accounts)
    blind = f" + {unknown} unknown" if unknown else ""
    calls = f"{sum(each.calls for each in accounts):,}"
    table.add_row("", "", "", calls, "", "", "", "", format_usd(usd) + blind)
    if not console.is_terminal:
        console.width = WIDE
    console.print(table)


def _cost(account: UsageSummary) -> str:
    if account.unknown == account.calls:
        return "unknown"
    mark = "~" if account.estimated else ""
    return mark + format_usd(account.usd) + ("+" if account.unknown else "")
