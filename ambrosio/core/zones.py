"""Local time: finding an IANA time zone by what a person types, and converting with it.

Pure but for the zone data of the system (or the package `tzdata`), which `zoneinfo` reads.
"""

from datetime import UTC, datetime
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

# Bot API 9.5: the reader's own weekday, long date and time.
DATE_TIME_FORMAT = "wDt"


@cache
def _zones_by_name() -> dict[str, str]:
    """Map each zone in lower case to its name, and each city that is in one zone only."""
    names = sorted(available_timezones())
    cities: dict[str, list[str]] = {}
    for name in names:
        area, _, city = name.rpartition("/")
        if area and not area.startswith(("Etc", "posix", "right", "SystemV")):
            cities.setdefault(city.lower(), []).append(name)
    unique = {city: found[0] for city, found in cities.items() if len(found) == 1}
    return unique | {name.lower(): name for name in names}


def find_zone(text: str) -> str | None:
    """Return the IANA name of a zone or of a city in it, such as `berlin`; None if unknown."""
    wanted = "_".join(text.strip().lower().split())
    return _zones_by_name().get(wanted)


def local_time(at: float, zone: str) -> datetime:
    """Return a Unix time as local time."""
    return datetime.fromtimestamp(at, UTC).astimezone(ZoneInfo(zone))


def format_moment(at: float, zone: str) -> str:
    """Write a Unix time for a person: `Friday 27 November 2026, 14:32`."""
    return f"{local_time(at, zone):%A %-d %B %Y, %H:%M}"


def time_note(at: float, zone: str) -> str:
    """Write the person's local time as it stands before a question to a model."""
    return f"({local_time(at, zone):%a %Y-%m-%d %H:%M})"
