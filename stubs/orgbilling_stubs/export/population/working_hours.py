"""When people of an organization of a population do something: in their region's hours, on its working days.

Example: somebody in Germany (in summer two hours before UTC) signs on Friday, 1 May 2026, a holiday. That
becomes Monday, 4 May, or one of the two working days after it, at an hour from 8:00 to 18:00 there, which is
6:00 to 16:00 UTC.
"""

from __future__ import annotations

from functools import cache

from orgbilling_fixtures.populations.regions import holidays, utc_offset_hours
from orgbilling_fixtures.usage import patterns

from orgbilling_stubs.billing import instants
from orgbilling_stubs.billing.instants import DAY_MS, HOUR_MS

HOURS = {
    "work": (7, 5, 4, 4, 6, 12, 28, 55, 92, 106, 104, 92, 78, 92, 100, 96, 84, 62, 40, 30, 24, 20, 16, 10),
    "leisure": patterns.HOUR_PERMILLE,
}
"""Permille of a day's activity by local hour, by audience."""

_FIRST_HOUR, _OFFICE_HOURS = 8, 10
LONGEST_REST_DAYS = 11
"""What falls on a day off is resumed on a working day that is less than so many days later."""

_WEEKEND_PERCENT = 5
"""How many purchases of people at work are made on days that are free for others."""


@cache
def hour_edges(audience: str) -> tuple[int, ...]:
    """Where 1,024 equally busy intervals of a local day begin, and the last one ends, in milliseconds."""
    return tuple(patterns.busy_edges(HOURS[audience]))


def is_working_day(region: str, day: int) -> bool:
    """Whether a day, counted since 1970-01-01, is neither a weekend nor a holiday of the region."""
    return (day + 3) % 7 < 5 and day not in holidays(region, instants.moment(day * DAY_MS).year)


def working_day(region: str, day: int) -> int:
    """The first working day of a region from a day on."""
    while not is_working_day(region, day):
        day += 1
    return day


def resumed_day(region: str, day: int, word: int) -> int:
    """A day if it is a working day of a region; else one of the first three after it.

    Not everybody gets to everything on the first day after a weekend.
    """
    if is_working_day(region, day):
        return day
    return working_day(region, working_day(region, day) + word % 3)


def office_time_ms(region: str, day: int, word: int) -> int:
    """A time of a UTC day at which the offices of a region are open, in milliseconds."""
    local_ms = _FIRST_HOUR * HOUR_MS + (word & 0xFFFF_FFFF) % (_OFFICE_HOURS * HOUR_MS)
    return (local_ms - utc_offset_hours(region, day) * HOUR_MS) % DAY_MS


def office_instant(region: str, day: int, word: int) -> int:
    """A moment at which the offices of a region are open, on a UTC day or one of the next working days."""
    day = resumed_day(region, day, word)
    return day * DAY_MS + office_time_ms(region, day, word)


def purchase_instant(region: str, audience: str, after_ms: int, word: int) -> int:
    """The moment at which somebody gets to buying something, after an instant.

    The hour is one at which the audience is busy; people at work buy on working days, but for a few.
    """
    offset_ms = utc_offset_hours(region, after_ms // DAY_MS) * HOUR_MS
    edges, interval = hour_edges(audience), word & 1023
    width_ms = edges[interval + 1] - edges[interval]
    local_ms = edges[interval] + ((word >> 10 & 0xFFFF_FFFF) * width_ms >> 32)
    day = (after_ms + offset_ms) // DAY_MS
    if day * DAY_MS + local_ms - offset_ms <= after_ms:
        day += 1
    if audience == "work" and (word >> 42) % 100 >= _WEEKEND_PERCENT:
        day = resumed_day(region, day, word >> 50)
    return day * DAY_MS + local_ms - offset_ms
