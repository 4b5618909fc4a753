"""A rule in local time names the right moments, on both sides of every clock change."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ambrosio.core.reminders import REPEATS, Rule, next_due, to_utc
from ambrosio.core.zones import find_zone, local_time

ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe")


def moments(rule, after, count):
    """List the next moments in local time, with the offset from UTC."""
    found = []
    for _ in range(count):
        after = next_due(rule, after)
        found.append(f"{local_time(after, rule.zone):%m-%d %H:%M %z}")
    return found


@pytest.mark.parametrize(
    ("zone", "first", "expected"),
    [
        # The clock skips 2:00 to 3:00 on 28 March, and shows 2:00 to 3:00 twice on 31 October.
        ("Europe/Berlin", "2027-03-27 09:00", ["03-27 09:00 +0100", "03-28 09:00 +0200"]),
        (
            "Europe/Berlin",
            "2027-03-27 02:30",
            ["03-27 02:30 +0100", "03-28 03:30 +0200", "03-29 02:30 +0200"],
        ),
        (
            "Europe/Berlin",
            "2027-10-30 02:30",
            ["10-30 02:30 +0200", "10-31 02:30 +0200", "11-01 02:30 +0100"],
        ),
        # 14 March and 7 November.
        (
            "America/New_York",
            "2027-03-13 02:30",
            ["03-13 02:30 -0500", "03-14 03:30 -0400", "03-15 02:30 -0400"],
        ),
        (
            "America/New_York",
            "2027-11-06 01:30",
            ["11-06 01:30 -0400", "11-07 01:30 -0400", "11-08 01:30 -0500"],
        ),
        # Half an hour: back on 4 April, forward on 3 October.
        (
            "Australia/Lord_Howe",
            "2027-04-03 01:45",
            ["04-03 01:45 +1100", "04-04 01:45 +1100", "04-05 01:45 +1030"],
        ),
        (
            "Australia/Lord_Howe",
            "2027-10-02 02:15",
            ["10-02 02:15 +1030", "10-03 02:45 +1100", "10-04 02:15 +1100"],
        ),
    ],
)
def test_a_daily_reminder_keeps_to_the_clock_on_the_wall(zone, first, expected):
    local = datetime.fromisoformat(first)

    rule = Rule(local, zone, "daily")

    assert moments(rule, to_utc(local, zone) - 1, len(expected)) == expected


@pytest.mark.parametrize(
    ("first", "repeat", "expected"),
    [
        ("2027-01-31", "monthly", ["01-31", "02-28", "03-31", "04-30", "05-31"]),
        ("2028-01-30", "monthly", ["01-30", "02-29", "03-30"]),
        ("2028-02-29", "yearly", ["02-29", "02-28", "02-28", "02-28", "02-29"]),
        ("2026-11-27", "weekdays", ["11-27", "11-30", "12-01", "12-02", "12-03", "12-04", "12-07"]),
        ("2026-11-27", "weekly", ["11-27", "12-04", "12-11"]),
        ("2026-12-30", "daily", ["12-30", "12-31", "01-01"]),
    ],
)
def test_months_and_years_are_not_of_one_length(first, repeat, expected):
    local = datetime.fromisoformat(f"{first} 09:00")

    found = moments(Rule(local, "Europe/Berlin", repeat), 0, len(expected))

    assert [day[:5] for day in found] == expected


LOCAL_TIMES = st.datetimes(
    datetime.fromisoformat("2026-01-01"), datetime.fromisoformat("2029-01-01")
).map(lambda at: at.replace(second=0, microsecond=0, fold=0))


@given(LOCAL_TIMES, st.sampled_from(ZONES), st.sampled_from(REPEATS[1:]), st.floats(0, 2 * 366))
def test_the_next_moment_is_later_right_on_the_wall_and_never_skips_one(
    local, zone, repeat, days_later
):
    rule = Rule(local, zone, repeat)
    after = to_utc(local, zone) + days_later * 86_400

    due = next_due(rule, after)

    assert due is not None
    assert due > after
    shown = local_time(due, zone)
    off = timedelta(hours=shown.hour - local.hour, minutes=shown.minute - local.minute)
    # Behind the gap of a clock change it is up to an hour later.
    assert off in {timedelta(0), timedelta(minutes=30), timedelta(hours=1), timedelta(hours=-23)}
    # One moment before it, nothing else is due.
    assert next_due(rule, due - 1) == due
    longest = {"daily": 1, "weekdays": 3, "weekly": 7, "monthly": 31, "yearly": 366}[repeat]
    assert due - after <= longest * 86_400 + 2 * 3600


@pytest.mark.parametrize(
    ("text", "zone"),
    [
        ("Europe/Berlin", "Europe/Berlin"),
        ("europe/berlin", "Europe/Berlin"),
        ("Berlin", "Europe/Berlin"),
        ("new york", "America/New_York"),
        ("utc", "UTC"),
        ("Atlantis", None),
        ("../etc/passwd", None),
        ("", None),
    ],
)
def test_a_zone_is_found_by_its_name_or_its_city(text, zone):
    assert find_zone(text) == zone
