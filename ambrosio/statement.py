"""`ambrosio usage`: the ledger on the terminal, as a table or as JSON."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from decimal import Decimal

from rich.console import Console
from rich.table import Table

from .catalogue import as_of
from .messages import ModelRef
from .money import dollars
from .store import Account


def as_json(accounts: Sequence[Account], say: Callable[[str], None]) -> None:
    """Print an object for each day, model and kind; amounts are strings and never rounded."""
    rows = [asdict(each) for each in accounts]
    say(json.dumps(rows, indent=2, default=lambda amount: f"{amount:f}"))


def as_table(accounts: Sequence[Account], console: Console) -> None:
    """Print a line for each day, model and kind, and the sum."""
    table = Table(caption=f"prices of {as_of()}; ~ has estimates in it; days are those of UTC")
    for name in ("day", "model", "kind"):
        table.add_column(name)
    for name in ("calls", "read", "cached", "written", "pictures", "cost"):
        table.add_column(name, justify="right")
    for each in accounts:
        counts = (each.calls, each.prompt, each.cached, each.completion, each.pictures)
        model = str(ModelRef(each.provider, each.model))
        table.add_row(each.day, model, each.kind, *(f"{n:,}" for n in counts), _cost(each))
    table.add_section()
    usd = sum((each.usd for each in accounts), Decimal(0))
    unknown = sum(each.unknown for each in accounts)
    blind = f" + {unknown} unknown" if unknown else ""
    calls = f"{sum(each.calls for each in accounts):,}"
    table.add_row("", "", "", calls, "", "", "", "", dollars(usd) + blind)
    console.print(table)


def _cost(account: Account) -> str:
    if account.unknown == account.calls:
        return "unknown"
    mark = "~" if account.estimated else ""
    return mark + dollars(account.usd) + ("+" if account.unknown else "")
