"""Parse the text behind `/remind`: when, how often, and what.

Pure. Knows no language but the words of `reminder_words`, and never guesses: what it does not
understand is refused with an example.
"""

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from . import texts
from .reminder_words import (
    DAYS,
    EVERY,
    FILLERS,
    REPEAT_WORDS,
    UNITS,
    WEEKDAYS,
    fold,
    one_of,
)
from .reminders import (
    MAX_DAYS_AHEAD,
    MAX_TEXT_CHARACTERS,
    SATURDAY,
    ReminderRefused,
    Repeat,
    Rule,
    first_due,
    to_utc,
)
from .zones import local_time

# For a day without a time.
DEFAULT_TIME = time(9)
MINUTE, DAY = 60, 86_400
# Shorter words for a weekday are also other words ("do the dishes"): they need a time behind them.
MIN_WEEKDAY_CHARACTERS = 4

_FILLER = rf"(?:{one_of(FILLERS)}\s+)*"
_REPEAT = re.compile(rf"\s*({one_of(REPEAT_WORDS)})")
_EVERY = re.compile(rf"\s*{one_of(EVERY)}\s*(?={_FILLER}{one_of(WEEKDAYS)})")
_PART = re.compile(rf"(\d{{1,4}})\s*({one_of(UNITS)})(?:\s*(?:後|后|後に|후))?\s*")
_DURATION = re.compile(rf"\s*{_FILLER}((?:{_PART.pattern})+)(?!\d)")
_DAY = re.compile(rf"\s*{_FILLER}({one_of(DAYS)})")
_WEEKDAY = re.compile(rf"\s*{_FILLER}({one_of(WEEKDAYS)})")
_ISO_DATE = re.compile(rf"\s*{_FILLER}(\d{{4}})-(\d{{1,2}})-(\d{{1,2}})(?!\d)[t]?")
_DATE = re.compile(rf"\s*{_FILLER}(\d{{1,2}})\.\s?(\d{{1,2}})\.(?:\s?(\d{{4}}))?(?!\d)")
_CLOCK = re.compile(
    rf"\s*,?\s*{_FILLER}(上午|下午|午前|午後|오전|오후)?\s*(\d{{1,2}})"
    r"(?:\s*[:.h時时点點시]\s*(\d{2})(?!\d)\s*[分분]?(?:\s*(uhr|am|pm|a\.m\.|p\.m\.)(?!\w))?"
    r"|\s*([時时点點시]|(?:h|uhr|am|pm|a\.m\.|p\.m\.)(?!\w))|(?![\w.:]))"
)
_AFTERNOON = {"下午", "午後", "오후", "pm", "p.m."}


@dataclass(frozen=True, slots=True)
class NewReminder:
    """What was asked for: when, and the text, "" if there is none; `due` is the first time."""

    rule: Rule
    due: float
    text: str


@dataclass(frozen=True, slots=True)
class ReminderError:
    """Why a reminder cannot be made, in one sentence with an example."""

    line: str


def parse(text: str, now: float, zone: str) -> NewReminder | ReminderError:
    """Parse the text behind `/remind`, written at `now` in a zone.

    The time comes first: `9:30 …`, `20m …`, `fri 18:00 …`, `24.12. 18:00 …`, `daily 9:00 …`.
    """
    try:
        rule, end = _Parser(text, now, zone).rule()
        due = first_due(rule, now)
    except ReminderRefused as exc:
        return ReminderError(str(exc))
    rest = text[end:].strip(" \t\n,:;–—-")
    if len(rest) > MAX_TEXT_CHARACTERS:
        return ReminderError(texts.REMINDER_TOO_LONG.format(limit=MAX_TEXT_CHARACTERS))
    return NewReminder(rule, due, rest)


class _Parser:
    """Reads one text from left to right."""

    def __init__(self, text: str, now: float, zone: str) -> None:
        self._text, self._end = fold(text), 0
        self._now, self._zone = now, zone
        self._today = local_time(now, zone).replace(tzinfo=None)

    def rule(self) -> tuple[Rule, int]:
        """Return the rule and where it ends."""
        repeat = self._repeat()
        if repeat == "none" and (duration := self._take(_DURATION)):
            return self._after(duration[1]), self._end
        had_date, had_clock = True, True
        day = self._date(repeat)
        clock = self._clock(alone=day is None and repeat == "none")
        if day is None:
            had_date = False
        if clock is None:
            had_clock, clock = False, DEFAULT_TIME
        if day is None and not had_clock:
            # The other way round: "9:00 tomorrow".
            raise ReminderRefused(texts.REMINDER_WITHOUT_TIME)
        if day is None and (day := self._date(repeat)) is not None:
            had_date = True
        local = datetime.combine(day or self._today.date(), clock)
        if not had_date:
            local = self._next_day(local, repeat)
        return Rule(local, self._zone, repeat), self._end

    def _take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        match = pattern.match(self._text, self._end)
        if match:
            self._end = match.end()
        return match

    def _repeat(self) -> Repeat:
        if self._take(_EVERY):
            return "weekly"
        match = self._take(_REPEAT)
        return REPEAT_WORDS[match[1]] if match else "none"

    def _after(self, duration: str) -> Rule:
        """Count a duration from now: days by the calendar, hours and minutes by the clock."""
        parts = [(int(count), UNITS[unit]) for count, unit in _PART.findall(duration)]
        days = sum(count * seconds // DAY for count, seconds in parts if seconds >= DAY)
        seconds = sum(count * seconds for count, seconds in parts if seconds < DAY)
        if days > MAX_DAYS_AHEAD or seconds > MAX_DAYS_AHEAD * DAY:
            raise ReminderRefused(texts.REMINDER_TOO_FAR)
        local = self._today + timedelta(days=days)
        if not seconds:
            return Rule(local, self._zone)
        due = to_utc(local, self._zone) + seconds
        return Rule(local_time(due, "UTC").replace(tzinfo=None), "UTC")

    def _date(self, repeat: Repeat) -> date | None:
        """Read a day, if there is one."""
        if match := self._take(_ISO_DATE):
            return _make_date(int(match[1]), int(match[2]), int(match[3]))
        if match := self._take(_DATE):
            return self._calendar_day(int(match[1]), int(match[2]), match[3])
        if match := self._take(_DAY):
            return self._today.date() + timedelta(days=DAYS[match[1]])
        return self._weekday(repeat)

    def _calendar_day(self, day: int, month: int, year: str | None) -> date:
        """Return a day of the year that was given, or of the next in which it is still to come."""
        if year:
            return _make_date(int(year), month, day)
        today = self._today.date()
        if not (1 <= month <= 12 and 1 <= day <= 31):
            raise ReminderRefused(texts.REMINDER_NO_SUCH_DAY)
        for ahead in range(9):
            try:
                found = date(today.year + ahead, month, day)
            except ValueError:
                continue
            if found > today or (found == today and self._clock_ahead()):
                return found
        raise ReminderRefused(texts.REMINDER_NO_SUCH_DAY)

    def _weekday(self, repeat: Repeat) -> date | None:
        start, match = self._end, self._take(_WEEKDAY)
        if match is None:
            return None
        word = match[1]
        is_clear = len(word) >= MIN_WEEKDAY_CHARACTERS or word[-1] >= "\u1100"
        has_clock = _CLOCK.match(self._text, self._end) is not None
        if not (is_clear or has_clock or repeat == "weekly"):
            self._end = start
            return None
        today = self._today.date()
        ahead = (WEEKDAYS[word] - today.weekday()) % 7
        if not ahead and not self._clock_ahead():
            ahead = 7
        return today + timedelta(days=ahead)

    def _clock_ahead(self) -> bool:
        """Say whether the time that follows is still to come today."""
        match = _CLOCK.match(self._text, self._end)
        return (_clock_time(match) if match else DEFAULT_TIME) > self._today.time()

    def _clock(self, *, alone: bool) -> time | None:
        """Read a time of day; `alone`, a bare number is none ("3 eggs")."""
        match = _CLOCK.match(self._text, self._end)
        if match is None:
            return None
        bare = not any((match[1], match[3], match[5]))
        if alone and bare and match[0].strip().isdigit():
            return None
        self._end = match.end()
        return _clock_time(match)

    def _next_day(self, local: datetime, repeat: Repeat) -> datetime:
        """Move a time without a date to tomorrow if it is past, or to the next working day."""
        if local <= self._today:
            local += timedelta(days=1)
        while repeat == "weekdays" and local.weekday() >= SATURDAY:
            local += timedelta(days=1)
        return local


def _make_date(year: int, month: int, day: int) -> date:
    try:
        return date(year, month, day)
    except ValueError:
        raise ReminderRefused(texts.REMINDER_NO_SUCH_DAY) from None


def _clock_time(match: re.Match[str]) -> time:
    hour, minute = int(match[2]), int(match[3] or 0)
    half = match[1] or match[4] or match[5] or ""
    if half in _AFTERNOON and hour < 12:
        hour += 12
    elif half in {"am", "a.m.", "上午", "午前", "오전"} and hour == 12:
        hour = 0
    if hour > 23 or minute > 59:
        raise ReminderRefused(texts.REMINDER_NO_SUCH_TIME)
    return time(hour, minute)
