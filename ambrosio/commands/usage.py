"""`/usage`: the calls of today and this month, their cost, and what is left of the budget.

Owners see all users, guests only themselves. Days are those of the person's time zone.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal

from ..core.costs import day_start, format_usd, month_start
from ..core.zones import local_time
from ..store import UsageSummary
from .context import BotContext, CommandCall, CommandResult

CHART_DAYS = 7
# A chart of fewer days with calls says nothing.
MIN_CHART_DAYS = 3
# With its day and amount, a bar of full length fits the width of a phone.
BAR, MAX_BAR_CHARS = "▇", 12


async def usage(context: BotContext, call: CommandCall) -> CommandResult:
    """Show today, this month, the budget, and a chart of the last seven days."""
    now, zone, budget = context.now(), context.zone(call.user_id), context.assistant.router.budget
    user_id = None if call.user_id in context.owners() else call.user_id
    chart_since = day_start(now, zone, days_back=CHART_DAYS - 1)
    since = min(chart_since, month_start(now, zone))
    summaries = context.store.ledger.usage(since, user_id, zone=zone)
    day = local_time(now, zone).date()
    month = [summary for summary in summaries if summary.day >= day.replace(day=1).isoformat()]
    today = [summary for summary in summaries if summary.day == day.isoformat()]
    limit = budget.ceiling if user_id is None else budget.limit(call.user_id)
    notes = [_budget_line(limit, budget.left(call.user_id))]
    if any(summary.unknown for summary in month):
        notes.append("Calls with an unknown price count at the highest known price.")
    if any(summary.estimated for summary in month):
        notes.append("Interrupted calls are estimates.")
    if zone != context.default_zone and limit is not None:
        notes.append(f"_The budget's month starts at midnight in {context.default_zone}._")
    totals = [f"**Today** {_total(today)}", f"**This month** {_total(month)}", *_rows(month)]
    # A line right behind the list would be part of its last row.
    parts = ["  \n".join(totals), *_chart(summaries, day)]
    return CommandResult("\n\n".join([*parts, "  \n".join(notes)]))


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
        ", ".join(filter(None, (f"- {provider} {kind}: {_total(summaries)}", _amount(summaries))))
        for (provider, kind), summaries in sorted(groups.items())
    ]


def _amount(summaries: Sequence[UsageSummary]) -> str:
    if images := sum(summary.images for summary in summaries):
        return f"{images:,} image{'' if images == 1 else 's'}"
    prompt = sum(summary.prompt for summary in summaries)
    completion = sum(summary.completion for summary in summaries)
    if not prompt and not completion:
        # Sound is paid by the minute, and speech by the character.
        return ""
    return f"{prompt:,} tokens read, {completion:,} written"


def _budget_line(limit: Decimal | None, left: Decimal | None) -> str:
    if left is None:
        return "No budget is set."
    rest = format_usd(max(left, Decimal(0)))
    if limit is None:
        return f"**Left this month** {rest}"
    return f"**Budget** {format_usd(limit)} a month, {rest} left"


def _chart(summaries: Sequence[UsageSummary], today: date) -> list[str]:
    """Draw dollars a day, or calls a day if they cost nothing, as a bar for each day."""
    days = [today - timedelta(days=back) for back in reversed(range(CHART_DAYS))]
    costs, calls = dict.fromkeys(days, Decimal(0)), dict.fromkeys(days, Decimal(0))
    for summary in summaries:
        day = date.fromisoformat(summary.day)
        if day in costs:
            costs[day] += summary.charged_usd
            calls[day] += summary.calls
    if sum(1 for count in calls.values() if count) < MIN_CHART_DAYS:
        return []
    has_costs = any(costs.values())
    amounts = costs if has_costs else calls
    highest = max(amounts.values())
    rows = []
    for day, amount in amounts.items():
        bar = BAR * max(1, round(amount / highest * MAX_BAR_CHARS)) if amount else ""
        figure = format_usd(amount) if has_costs else f"{amount} call{'s' * (amount != 1)}"
        rows.append(f"{day:%a %e} {bar} {figure if amount else '–'}".replace("  –", " –"))
    return ["\n".join(["```", *rows, "```"])]
