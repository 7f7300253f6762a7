"""Instants as epoch milliseconds in UTC, and the calendar arithmetic that billing needs."""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import UTC, datetime, timedelta
from functools import lru_cache

MINUTE_MS = 60_000
HOUR_MS = 3_600_000
DAY_MS = 86_400_000

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_FIRST_MS = -62_135_596_800_000
_LAST_MS = 253_402_300_799_999
_FORM = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})"
    r"(?:T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,100}))?(?:Z|([+-])([0-9]{2}):([0-9]{2})))?",
    re.ASCII | re.IGNORECASE,
)
"""A date or a date-time of RFC 3339, which allows `t` and `z`."""


class InstantError(ValueError):
    """The text is not an RFC 3339 instant between the years 1 and 9999."""


def parse(text: str) -> int:
    """Epoch milliseconds of an RFC 3339 date-time; a bare date means its midnight in UTC.

    A leap second counts as the second after it: epoch time has none. Digits below a millisecond are cut.
    Raises InstantError when the text is neither, has no zone, or is not in the years 1 to 9999 of UTC.
    """
    match = _FORM.fullmatch(text)
    if match is None:
        if "T" in text.upper() and _FORM.fullmatch(f"{text}Z") is not None:
            raise InstantError(f"an instant needs a zone, such as {text}Z")
        raise InstantError(f"not an RFC 3339 instant: {text!r}")
    year, month, day, hour, minute, second = (int(part or 0) for part in match.groups()[:6])
    millis = int((match[7] or "")[:3].ljust(3, "0"))
    offset_minutes = int(match[9] or 0) * 60 + int(match[10] or 0)
    if int(match[9] or 0) > 23 or int(match[10] or 0) > 59:
        raise InstantError(f"not an RFC 3339 instant: {text!r}")
    try:
        minute_ms = (datetime(year, month, day, hour, minute, tzinfo=UTC) - _EPOCH) // _MILLISECOND
    except ValueError as error:
        raise InstantError(f"not an RFC 3339 instant: {text!r}") from error
    minute_ms += offset_minutes * MINUTE_MS * (1 if match[8] == "-" else -1)
    is_leap_second = second == 60 and minute_ms % DAY_MS == DAY_MS - MINUTE_MS
    at_ms = minute_ms + second * 1_000 + millis
    if (second > 59 and not is_leap_second) or not in_range(at_ms):
        raise InstantError(f"not an RFC 3339 instant: {text!r}")
    return at_ms


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
