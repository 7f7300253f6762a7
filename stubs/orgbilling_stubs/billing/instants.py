"""Instants as epoch milliseconds in UTC, and the calendar arithmetic that billing needs."""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, datetime, timedelta
from functools import lru_cache

MINUTE_MS = 60_000
HOUR_MS = 3_600_000
DAY_MS = 86_400_000

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_MS = -62_135_596_800_000
_LAST_MS = 253_402_300_799_999


class InstantError(ValueError):
    """The text is not an RFC 3339 instant between the years 1 and 9999."""


def parse(text: str) -> int:
    """Epoch milliseconds of an RFC 3339 date-time; a bare date means its midnight in UTC.

    Raises InstantError when the text is neither, or has no zone.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise InstantError(f"not an RFC 3339 instant: {text!r}") from error
    if moment.tzinfo is None:
        if len(text) > 10:
            raise InstantError(f"an instant needs a zone, such as {text}Z")
        moment = moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def moment(at_ms: int) -> datetime:
    """The instant as an aware datetime in UTC."""
    return _EPOCH + timedelta(milliseconds=at_ms)


@lru_cache(maxsize=4096)
def _date_text(day: int) -> str:
    return f"{(_EPOCH + timedelta(days=day)).date().isoformat()}T"


def text(at_ms: int) -> str:
    """RFC 3339 with Z; milliseconds are written only when they are not zero, as Go does."""
    day, rest = divmod(at_ms, DAY_MS)
    seconds, millis = divmod(rest, 1_000)
    hours, seconds = divmod(seconds, 3_600)
    minutes, seconds = divmod(seconds, 60)
    fraction = f".{millis:03d}".rstrip("0") if millis else ""
    return f"{_date_text(day)}{hours:02d}:{minutes:02d}:{seconds:02d}{fraction}Z"


@lru_cache(maxsize=4096)
def _month_text(day: int) -> str:
    date = _EPOCH + timedelta(days=day)
    return f"{date.year:04d}-{date.month:02d}"


def month(at_ms: int) -> str:
    """The UTC calendar month as YYYY-MM."""
    return _month_text(at_ms // DAY_MS)


def day(at_ms: int) -> int:
    """Whole days since 1970-01-01 UTC."""
    return at_ms // DAY_MS


@lru_cache(maxsize=4096)
def is_first_of_month(day_number: int) -> bool:
    """Whether the day (days since 1970-01-01) is the first of its month."""
    return (_EPOCH + timedelta(days=day_number)).day == 1


def add_months(at_ms: int, months: int) -> int:
    """The same time of day `months` later; the day is cut to the month's length."""
    start = moment(at_ms)
    index = start.year * 12 + start.month - 1 + months
    year, month_index = divmod(index, 12)
    day_of_month = min(start.day, monthrange(year, month_index + 1)[1])
    shifted = start.replace(year=year, month=month_index + 1, day=day_of_month)
    return (shifted - _EPOCH) // timedelta(milliseconds=1)


def in_range(at_ms: int) -> bool:
    """Whether the instant can be written as RFC 3339 (years 1 to 9999)."""
    return _FIRST_MS <= at_ms <= _LAST_MS
