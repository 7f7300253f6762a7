"""When, within a day and a month, charges are posted.

Meters are settled once a day, at 23:55 UTC: everything metered after the settlement of one day and up to that
of the next is one charge for events and one for services. The month opens at 00:05 UTC of its first day: last
month's characters and the agreements are billed, and a postpaid tenant gets its invoice. It is due 14 days
later, and paid some days before that, in the hours of work.

The hours and terms are assumptions of ours; the documents name none. Five minutes keep charges away from
midnight, so that each falls into the day and month that it is about, whichever way a client rounds.
"""

from __future__ import annotations

from collections.abc import Iterator

from orgbilling_stubs.billing import ids
from orgbilling_stubs.billing.instants import DAY_MS, HOUR_MS, MINUTE_MS, is_first_of_month

SETTLEMENT_MS = DAY_MS - 5 * MINUTE_MS
"""When, in a UTC day, meters are settled: milliseconds since midnight."""

MONTH_OPENS_MS = 5 * MINUTE_MS
"""When, on the first of a month, the month opens: milliseconds since midnight."""


PAYMENT_TERMS_MS = 14 * DAY_MS
"""How long after its issue the invoice of a month is due."""

_PAID_AFTER_DAYS, _PAID_WITHIN_DAYS = 3, 10
_WORK_BEGINS_MS, _WORK_MS = 8 * HOUR_MS, 10 * HOUR_MS


def month_payment_ms(opening_ms: int, *drawn_for: str | int) -> int:
    """When the invoice that is issued at an opening is paid: on the 4th to the 13th, from 8:00 to 18:00 UTC.

    drawn_for: what day and moment are drawn for, with the opening.
    """
    days = _PAID_AFTER_DAYS + ids.number(_PAID_WITHIN_DAYS, "payment day", *drawn_for, opening_ms)
    moment_ms = _WORK_BEGINS_MS + ids.number(_WORK_MS, "payment", *drawn_for, opening_ms)
    return (opening_ms // DAY_MS + days) * DAY_MS + moment_ms


def billing_day(at_ms: int) -> int:
    """The day in whose evening a meter reading is settled, in days since 1970-01-01 UTC.

    day = ceil((at_ms - SETTLEMENT_MS) / DAY_MS). A reading at 23:55 belongs to its own day, one a millisecond
    later to the next.
    """
    return (at_ms + DAY_MS - SETTLEMENT_MS - 1) // DAY_MS


def month_openings(start_ms: int, until_ms: int) -> Iterator[int]:
    """The instants at which months open, from the UTC day of one instant up to another instant."""
    for day in range(start_ms // DAY_MS, until_ms // DAY_MS + 1):
        if is_first_of_month(day) and day * DAY_MS + MONTH_OPENS_MS <= until_ms:
            yield day * DAY_MS + MONTH_OPENS_MS
