"""The clock: the only module of this package that reads the time of the machine."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime


def seconds() -> float:
    """Seconds on a clock that only moves forward; only differences mean something."""
    return time.perf_counter()


def epoch_s() -> int:
    """Seconds since 1970-01-01 UTC, for the lifetime of tokens."""
    return int(time.time())


def today() -> date:
    """The date in UTC, for accepted findings that end."""
    return datetime.now(UTC).date()


def stamp() -> str:
    """Now, as RFC 3339 in whole seconds, for the head of a report."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def pause(for_seconds: float) -> None:
    """Wait."""
    time.sleep(for_seconds)
