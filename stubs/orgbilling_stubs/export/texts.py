"""Raw values as text: exact decimals, instants of fixed width that sort as they follow each other."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from orgbilling_stubs.billing.instants import DAY_MS

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLIS = tuple(f".{millis:03d}Z" for millis in range(1000))


def decimals(numbers: Iterable[int], places: int) -> list[str]:
    """Integers of the smallest unit as decimals with so many places: 1234567, 6 → "1.234567"."""
    plus, minus, cut = f"%0{places + 1}d", f"%0{places + 2}d", -places
    digits = [plus % number if number >= 0 else minus % number for number in numbers]
    return [f"{text[:cut]}.{text[cut:]}" for text in digits]


def dates(days: Iterable[int]) -> list[str]:
    """Days since 1970-01-01 as YYYY-MM-DD."""
    return [_date(day) for day in days]


@lru_cache(maxsize=8192)
def _date(day: int) -> str:
    return (_EPOCH + timedelta(days=day)).date().isoformat()


@lru_cache(maxsize=1)
def _clock() -> tuple[str, ...]:
    """Every second of a day as THH:MM:SS."""
    return tuple(
        f"T{hour:02d}:{minute:02d}:{second:02d}"
        for hour in range(24)
        for minute in range(60)
        for second in range(60)
    )


def instants(at_ms: Iterable[int]) -> list[str]:
    """Epoch milliseconds as YYYY-MM-DDTHH:MM:SS.mmmZ."""
    clock, millis = _clock(), _MILLIS
    split = [(at // DAY_MS, at % DAY_MS) for at in at_ms]
    return [f"{_date(day)}{clock[rest // 1000]}{millis[rest % 1000]}" for day, rest in split]


_AS_TEXT: dict[str, Callable[[Iterable[int]], list[str]]] = {
    "money": lambda raw: decimals(raw, 6),
    "price": lambda raw: decimals(raw, 9),
    "instant": instants,
    "date": dates,
}


def plain(kind: str, raw: list[Any]) -> list[Any]:
    """Raw values as a database without decimals and dates keeps them: as text; the others as they are."""
    to_text = _AS_TEXT.get(kind)
    if to_text is None:
        return raw
    if None in raw:
        return [None if value is None else to_text([value])[0] for value in raw]
    return to_text(raw)
