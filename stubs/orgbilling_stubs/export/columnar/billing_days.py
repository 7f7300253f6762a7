"""When things are billed: the settlement of each evening, the opening of each month."""

from __future__ import annotations

from collections.abc import Iterator

from orgbilling_stubs.billing.instants import DAY_MS, MINUTE_MS, is_first_of_month

SETTLES_MS = DAY_MS - 5 * MINUTE_MS
"""When, in a UTC day, meters are billed; the engine's agenda decides it, and a test holds both together."""

OPENS_MS = 5 * MINUTE_MS
"""When, on the first of a month, last month's characters are billed."""


def billing_day(at_ms: int) -> int:
    """The UTC day in whose evening a meter reading is billed, in days since 1970-01-01."""
    return (at_ms + DAY_MS - SETTLES_MS - 1) // DAY_MS


def openings(start_ms: int, until_ms: int) -> Iterator[int]:
    """The openings of months from the UTC day of one instant up to another instant."""
    for day in range(start_ms // DAY_MS, until_ms // DAY_MS + 1):
        if is_first_of_month(day) and day * DAY_MS + OPENS_MS <= until_ms:
            yield day * DAY_MS + OPENS_MS
