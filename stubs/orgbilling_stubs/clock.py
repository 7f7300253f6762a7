"""The one clock: real time, or an instant that stands still. Nothing else in the project asks the time."""

from __future__ import annotations

import time

from .domain import instant


class Clock:
    """Billing time in epoch milliseconds: live, or frozen at an instant."""

    def __init__(self, frozen_ms: int | None = None) -> None:
        self._frozen_ms = frozen_ms

    @property
    def frozen(self) -> bool:
        """Whether time stands still."""
        return self._frozen_ms is not None

    def now_ms(self) -> int:
        """The present instant of billing."""
        return wall_ms() if self._frozen_ms is None else self._frozen_ms


def wall_ms() -> int:
    """Real time, in epoch milliseconds: what tokens and uptime are measured by."""
    return time.time_ns() // 1_000_000


def from_option(text: str) -> Clock:
    """The clock that `--clock` names: `live` or an RFC 3339 instant.

    Raises domain.instant.InstantError for anything else, and for instants before 1972 or after 9000,
    where eighteen months of history could not be written.
    """
    if text == "live":
        return Clock()
    at_ms = instant.parse(text)
    if not instant.parse("1972-01-01") <= at_ms < instant.parse("9000-01-01"):
        raise instant.InstantError(f"out of range (years 1972 to 8999): {text!r}")
    return Clock(at_ms)
