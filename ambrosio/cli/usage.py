"""`ambrosio usage`: calls and costs from the ledger, as a table or as JSON."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import click
from rich.console import Console
from rich.table import Table

from ..app import now
from ..config.catalogue import as_of
from ..config.settings import Settings
from ..core.costs import format_usd, month_start
from ..core.messages import ModelRef
from ..core.zones import local_time
from ..store import Store, UsageSummary

# Columns; a pipe has no edge where the table must break.
PIPE_WIDTH = 400


async def usage(settings: Settings, since: datetime | None, *, as_json: bool) -> int:
    """Print the usage since a day, by default the first of this month; return the exit code."""
    zone = settings.ambrosio_zone
    start = since.replace(tzinfo=ZoneInfo(zone)).timestamp() if since else month_start(now(), zone)
    with Store(settings.database, now=now) as store:
        summaries = store.ledger.usage(start, zone=zone)
    if as_json:
        _print_json(summaries)
    elif not summaries:
        click.echo(f"No calls since {local_time(start, zone):%-d %B %Y}.")
    else:
        _print_table(summaries, Console(), zone)
    return 0


def _print_json(summaries: Sequence[UsageSummary]) -> None:
    """Print an object per day, model and kind; amounts are strings and never rounded."""
    rows = [asdict(summary) for summary in summaries]
    click.echo(json.dumps(rows, indent=2, default=lambda amount: f"{amount:f}"))


def _print_table(summaries: Sequence[UsageSummary], console: Console, zone: str) -> None:
    """Print a row per day, model and kind, and the total."""
    caption = f"prices as of {as_of()}; ~ includes estimates; days in {zone}"
    table = Table(box=None, caption=caption, caption_justify="left", padding=(0, 1, 0, 0))
    table.add_column("day", no_wrap=True)
    # The only column that may wrap.
    table.add_column("model", overflow="fold")
    table.add_column("kind", no_wrap=True)
    for name in ("calls", "read", "cached", "written", "images", "cost"):
        table.add_column(name, justify="right", no_wrap=True)
    for summary in summaries:
        counts = (
            summary.calls,
            summary.prompt,
            summary.cached,
            summary.completion,
            summary.images,
        )
        table.add_row(
            summary.day,
            str(ModelRef(summary.provider, summary.model)),
            summary.kind,
            *(f"{count:,}" for count in counts),
            _format_cost(summary),
        )
    table.add_section()
    usd = sum((summary.usd for summary in summaries), Decimal(0))
    unknown = sum(summary.unknown for summary in summaries)
    total = format_usd(usd) + (f" + {unknown} unknown" if unknown else "")
    calls = f"{sum(summary.calls for summary in summaries):,}"
    table.add_row("", "", "", calls, "", "", "", "", total)
    if not console.is_terminal:
        console.width = PIPE_WIDTH
    console.print(table)


def _format_cost(summary: UsageSummary) -> str:
    if summary.unknown == summary.calls:
        return "unknown"
    mark = "~" if summary.estimated else ""
    return mark + format_usd(summary.usd) + ("+" if summary.unknown else "")
