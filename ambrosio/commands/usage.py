"""/usage: what was asked, what it has cost, and how much is left.

Owners see the whole house, guests what is theirs.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from ..core.costs import day_start, format_usd, month_start
from ..core.messages import Chat, File, OutgoingMessage
from ..markdown import plain
from ..store import UsageSummary
from .context import BotContext, CommandCall, CommandResult
from .usage_chart import bars

CHART_DAYS = 30
DAY_SECONDS = 86_400


async def usage(context: BotContext, call: CommandCall) -> CommandResult:
    """Show today, this month, the ceiling and a picture of the last thirty days."""
    now, budget = context.now(), context.assistant.router.budget
    whose = None if call.user_id in context.owners() else call.user_id
    since = day_start(now) - (CHART_DAYS - 1) * DAY_SECONDS
    accounts = context.store.usage(min(since, month_start(now)), whose)
    month = [each for each in accounts if each.day >= _day(month_start(now))]
    today = [each for each in accounts if each.day == _day(now)]
    ceiling = budget.ceiling if whose is None else budget.limit(call.user_id)
    lines = [f"**Today** {_sum(today)}", f"**This month** {_sum(month)}", *_rows(month)]
    notes = [_rest(ceiling, budget.left(call.user_id))]
    if any(each.unknown for each in month):
        notes.append("Where a price is unknown, the dearest known one counts.")
    if any(each.estimated for each in month):
        notes.append("Calls that were broken off are estimated.")
    notes.append("_Days and months are those of UTC._")
    # A line right behind the list would be part of its last row.
    text = "\n\n".join("  \n".join(part) for part in (lines, notes))
    return CommandResult(text, messages=_chart(accounts, now, call.chat))


def _day(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).date().isoformat()


def _sum(accounts: Sequence[UsageSummary]) -> str:
    calls = sum(each.calls for each in accounts)
    return f"{calls} call{'' if calls == 1 else 's'}, {_cost(accounts)}"


def _cost(accounts: Sequence[UsageSummary]) -> str:
    """Say what is known of the cost, and for how many calls it is not."""
    usd = sum((each.usd for each in accounts), Decimal(0))
    unknown = sum(each.unknown for each in accounts)
    known = "" if unknown and not usd else format_usd(usd)
    blind = f"{unknown} at an unknown price" if unknown else ""
    return " and ".join(part for part in (known, blind) if part)


def _rows(month: Sequence[UsageSummary]) -> list[str]:
    """Write a line for each provider and kind."""
    groups: dict[tuple[str, str], list[UsageSummary]] = {}
    for each in month:
        groups.setdefault((each.provider, each.kind), []).append(each)
    return [
        f"- {provider} {kind}: {_sum(accounts)}, {_amount(accounts)}"
        for (provider, kind), accounts in sorted(groups.items())
    ]


def _amount(accounts: Sequence[UsageSummary]) -> str:
    if pictures := sum(each.images for each in accounts):
        return f"{pictures:,} picture{'' if pictures == 1 else 's'}"
    read, said = sum(each.prompt for each in accounts), sum(each.completion for each in accounts)
    return f"{read:,} tokens read, {said:,} written"


def _rest(ceiling: Decimal | None, left: Decimal | None) -> str:
    if left is None:
        return "No ceiling is set."
    rest = format_usd(max(left, Decimal(0)))
    if ceiling is None:
        return f"**Left this month** {rest}"
    return f"**Ceiling** {format_usd(ceiling)} a month, {rest} left"


def _chart(accounts: Sequence[UsageSummary], now: float, chat: Chat) -> tuple[OutgoingMessage, ...]:
    """Draw dollars a day, or calls a day while nothing costs anything."""
    today = datetime.fromtimestamp(now, UTC).date()
    days = [today - timedelta(days=back) for back in reversed(range(CHART_DAYS))]
    costs, calls = dict.fromkeys(days, Decimal(0)), dict.fromkeys(days, 0)
    for each in accounts:
        day = datetime.fromisoformat(each.day).date()
        if day in costs:
            costs[day] += each.charged_usd
            calls[day] += each.calls
    if not any(calls.values()):
        return ()
    dear = max(costs.values())
    values = [float(value) for value in (costs if dear else calls).values()]
    top = format_usd(dear).lstrip("< ") if dear else str(max(calls.values()))
    picture = bars(values, top, [f"{day:%m-%d}" for day in days])
    what = "Dollars" if dear else "Calls"
    caption = plain(f"{what} a day, the last {CHART_DAYS} days")
    files = (File("usage.png", picture, is_photo=True),)
    return (OutgoingMessage(chat, caption, files=files, silent=True),)
