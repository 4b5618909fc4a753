"""When a reminder is due: its rule in local time, and the next moment that the rule names.

Pure. The rule is kept in local time, because "daily at 9" means 9 on the person's clock on both
sides of a clock change. A time that a change skips is moved behind the gap (2:30 becomes 3:30); one
that happens twice is meant the first time. The 31st is the last day of a shorter month, and
29 February is the 28th in other years.
"""

import calendar
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from . import texts
from .zones import local_time

Repeat = Literal["none", "daily", "weekdays", "weekly", "monthly", "yearly"]
REPEATS: tuple[Repeat, ...] = ("none", "daily", "weekdays", "weekly", "monthly", "yearly")

MAX_DAYS_AHEAD = 731
MAX_TEXT_CHARACTERS = 1000
SATURDAY = 5
DAY_SECONDS = 86_400


class ReminderRefused(Exception):
    """A reminder that cannot be made; its text is for the person."""


@dataclass(frozen=True, slots=True)
class Rule:
    """When a reminder is due: the first time in local time, its zone, and how it repeats.

    `local` has no zone of its own. A reminder "in 20 minutes" has the zone UTC: it does not move
    when the person's zone does.
    """

    local: datetime
    zone: str
    repeat: Repeat = "none"


def to_utc(local: datetime, zone: str) -> float:
    """Return the Unix time of a local time."""
    return local.replace(tzinfo=ZoneInfo(zone), fold=0).astimezone(UTC).timestamp()


def next_due(rule: Rule, after: float) -> float | None:
    """Return the first Unix time of a rule that is later than `after`; None if there is none."""
    if rule.repeat == "none":
        due = to_utc(rule.local, rule.zone)
        return due if due > after else None
    # A clock change moves a time by an hour or two, never by a day.
    start = max(rule.local.date(), local_time(after, rule.zone).date() - timedelta(days=1))
    for day in _days(rule, start):
        due = to_utc(datetime.combine(day, rule.local.time()), rule.zone)
        if due > after:
            return due
    return None


def first_due(rule: Rule, now: float) -> float:
    """Return when a new reminder is due for the first time, or raise `ReminderRefused`."""
    due = next_due(rule, now)
    if due is None:
        raise ReminderRefused(texts.REMINDER_IN_THE_PAST)
    if due > now + MAX_DAYS_AHEAD * DAY_SECONDS:
        raise ReminderRefused(texts.REMINDER_TOO_FAR)
    return due


def _days(rule: Rule, start: date) -> list[date]:
    """List enough of a rule's days, from `start` on, to find one that is later than it."""
    first = rule.local.date()
    match rule.repeat:
        case "monthly":
            months = (start.year - first.year) * 12 + start.month - first.month
            days = [_clamp(first, months + more) for more in range(3)]
        case "yearly":
            days = [_clamp(first, (start.year - first.year + more) * 12) for more in range(3)]
        case "weekly":
            ahead = (first.weekday() - start.weekday()) % 7
            days = [start + timedelta(days=ahead + 7 * week) for week in range(2)]
        case "weekdays":
            days = [start + timedelta(days=ahead) for ahead in range(6)]
            days = [day for day in days if day.weekday() < SATURDAY]
        case _:
            days = [start + timedelta(days=ahead) for ahead in range(4)]
    return [day for day in days if day >= start]


def _clamp(day: date, months: int) -> date:
    """Return the same day so many months later, or the last day of a shorter month."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))
