"""Formats of the contract: date-time, int64, double, uri."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

DATE_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt]([01]\d|2[0-3]):([0-5]\d):([0-5]\d|60)(\.\d+)?([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)",
    re.ASCII,
)
URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s<>\"{}|\\^`]*")
REFERENCE = re.compile(r"[^\s<>\"{}|\\^`]*")


@dataclass(frozen=True, slots=True)
class Problem:
    """What a format asks for and a value is not; basis: where the format is stricter than its usage."""

    expected: str
    basis: str | None = None


def date_time(value: Any) -> Problem | None:
    """RFC 3339, with a time zone."""
    if not isinstance(value, str):
        return None
    found = DATE_TIME.fullmatch(value)
    if found is not None:
        try:
            datetime.fromisoformat(found[1])
        except ValueError:
            return Problem("a day of the calendar")
        return None
    return Problem("RFC 3339 with a time zone")


def int64(value: Any) -> Problem | None:
    """A signed integer of 64 bits."""
    if isinstance(value, bool) or not isinstance(value, int | float) or _fits(value):
        return None
    return Problem("an integer of 64 bits")


def _fits(value: float) -> bool:
    return -(2**63) <= value < 2**63


def double(value: Any) -> Problem | None:
    """A number that a double can hold."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        finite = math.isfinite(float(value))
    except OverflowError:
        finite = False
    return None if finite else Problem("a number that a double can hold")


def uri(value: Any) -> Problem | None:
    """An absolute URI; RFC 9457 lets a problem use a relative one."""
    if not isinstance(value, str) or URI.fullmatch(value):
        return None
    if REFERENCE.fullmatch(value):
        return Problem("an absolute address", "assumed")
    return Problem("an address")


FORMATS: dict[str, Callable[[Any], Problem | None]] = {
    "date-time": date_time,
    "int64": int64,
    "double": double,
    "uri": uri,
}
