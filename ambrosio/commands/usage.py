"""`/usage`: the calls of today and this month, their cost, and what is left of the budget.

Owners see all users, guests only themselves.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from ..core.costs import day_start, format_usd, month_start
from ..store import UsageSummary
from .context import BotContext, CommandCall, CommandResult

CHART_DAYS = 30
# A chart of fewer days with calls says nothing.
MIN_CHART_DAYS = 3
BARS = "▁▂▃▄▅▆▇"
DAY_SECONDS = 86_400


async def usage(context: BotContext, call: CommandCall) -> CommandResult:
    """Show today, this month, the budget, and a chart of the last thirty days."""
    now, budget = context.now(), context.assistant.router.budget
    user_id = None if call.user_id in context.owners() else call.user_id
    chart_since = day_start(now) - (CHART_DAYS - 1) * DAY_SECONDS
    summaries = context.store.ledger.usage(min(chart_since, month_start(now)), user_id)
    month = [summary for summary in summaries if summary.day >= _day(month_start(now))]
    today = [summary for summary in summaries if summary.day == _day(now)]
    limit = budget.ceiling if user_id is None else budget.limit(call.user_id)
    notes = [_budget_line(limit, budget.left(call.user_id))]
    if any(summary.unknown for summary in month):
        notes.append("Calls with an unknown price count at the highest known price.")
    if any(summary.estimated for summary in month):
        notes.append("Interrupted calls are estimates.")
    notes.append("_Days and months are in UTC._")
    totals = [f"**Today** {_total(today)}", f"**This month** {_total(month)}", *_rows(month)]
    # A line right behind the list would be part of its last row.
    parts = ["  \n".join(totals), *_chart(summaries, date.fromisoformat(_day(now)))]
    return CommandResult("\n\n".join([*parts, "  \n".join(notes)]))


def _day(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).date().isoformat()


def _total(summaries: Sequence[UsageSummary]) -> str:
    calls = sum(summary.calls for summary in summaries)
    return f"{calls} call{'' if calls == 1 else 's'}, {_cost(summaries)}"


def _cost(summaries: Sequence[UsageSummary]) -> str:
    """Write the known cost, and for how many calls it is unknown."""
    usd = sum((summary.usd for summary in summaries), Decimal(0))
    unknown = sum(summary.unknown for summary in summaries)
    known = "" if unknown and not usd else format_usd(usd)
    return " and ".join(
        part for part in (known, f"{unknown} at an unknown price" if unknown else "") if part
    )


def _rows(month: Sequence[UsageSummary]) -> list[str]:
    """Write a line for each provider and kind."""
    groups: dict[tuple[str, str], list[UsageSummary]] = {}
    for summary in month:
        groups.setdefault((summary.provider, summary.kind), []).append(summary)
    return [
        f"- {provider} {kind}: {', '.join(filter(None, (_total(summaries), _amount(summaries))))}"
        for (provider, kind), summaries in sorted(groups.items())
    ]


def _amount(summaries: Sequence[UsageSummary]) -> str:
    if all(summary.kind == "search" for summary in summaries):
        return ""
    if images := sum(summary.images for summary in summaries):
        return f"{images:,} image{'' if images == 1 else 's'}"
    prompt = sum(summary.prompt for summary in summaries)
    completion = sum(summary.completion for summary in summaries)
    return f"{prompt:,} tokens read, {completion:,} written"


def _budget_line(limit: Decimal | None, left: Decimal | None) -> str:
    if left is None:
        return "No budget is set."
    rest = format_usd(max(left, Decimal(0)))
    if limit is None:
        return f"**Left this month** {rest}"
    return f"**Budget** {format_usd(limit)} a month, {rest} left"


def _chart(summaries: Sequence[UsageSummary], today: date) -> list[str]:
    """Draw dollars a day, or calls a day if they cost nothing, as a line of bars."""
    days = [today - timedelta(days=back) for back in reversed(range(CHART_DAYS))]
    costs, calls = dict.fromkeys(days, Decimal(0)), dict.fromkeys(days, Decimal(0))
    for summary in summaries:
        day = date.fromisoformat(summary.day)
        if day in costs:
            costs[day] += summary.charged_usd
            calls[day] += summary.calls
    if sum(1 for count in calls.values() if count) < MIN_CHART_DAYS:
        return []
    amounts, unit = (costs, "Dollars") if any(costs.values()) else (calls, "Calls")
    best = max(amounts, key=lambda day: amounts[day])
    highest = format_usd(amounts[best]) if unit == "Dollars" else str(amounts[best])
    title = f"{unit} a day, last {CHART_DAYS} days (highest: {highest} on {best:%-d %B})"
    return [f"{title}\n\n```\n{_bars(list(amounts.values()))}\n```"]


def _bars(amounts: Sequence[Decimal]) -> str:
    """Write a bar for each amount; only an amount of zero has the lowest one."""
    highest = max(amounts)
    steps = len(BARS) - 2
    return "".join(BARS[1 + round(amount / highest * steps) if amount else 0] for amount in amounts)
