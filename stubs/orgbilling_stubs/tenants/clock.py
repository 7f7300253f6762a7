"""The one clock: real time, or an instant that stands still. Nothing else in the project asks the time."""

from __future__ import annotations

import time
from dataclasses import replace

from orgbilling_stubs.billing import instants
from orgbilling_stubs.billing.events import ClockSet

_FIRST_MS = instants.parse("1972-01-01")
_END_MS = instants.parse("9000-01-01")


class Clock:
    """The server's billing time in epoch milliseconds: live, or frozen at an instant."""

    def __init__(self, frozen_ms: int | None = None) -> None:
        self._frozen_ms = frozen_ms

    @property
    def frozen(self) -> bool:
        """Whether time stands still."""
        return self._frozen_ms is not None

    def now_ms(self) -> int:
        """The present instant of the server."""
        return wall_ms() if self._frozen_ms is None else self._frozen_ms

    def set(self, frozen_ms: int | None) -> None:
        """Freeze the server's clock at an instant, or let it go (None)."""
        self._frozen_ms = frozen_ms

    def now_of(self, setting: ClockSet) -> int:
        """The present instant of a tenant whose clock is set so."""
        if setting.mode == "frozen":
            return setting.at_ms
        base_ms = wall_ms() if setting.mode == "live" else self.now_ms()
        return base_ms + setting.offset_ms

    def moved_to(self, setting: ClockSet, at_ms: int) -> ClockSet:
        """The same kind of setting, moved so that the present instant is `at_ms`."""
        if setting.mode == "frozen":
            return replace(setting, at_ms=at_ms)
        return replace(setting, offset_ms=setting.offset_ms + at_ms - self.now_of(setting))


def wall_ms() -> int:
    """Real time, in epoch milliseconds: what tokens and uptime are measured by."""
    return time.time_ns() // 1_000_000


wall_ns = time.time_ns
"""Real time, in epoch nanoseconds: what exchanges are measured by."""


def from_option(text: str) -> Clock:
    """The clock that `--clock` names: `live` or an RFC 3339 instant.

    Raises InstantError for anything else.
    """
    return Clock() if text == "live" else Clock(billing_instant(text))


def is_billable(at_ms: int) -> bool:
    """Whether billing can live at an instant: in the years 1972 to 8999, UTC."""
    return _FIRST_MS <= at_ms < _END_MS


def billing_instant(text: str) -> int:
    """Epoch milliseconds of an instant that billing can live at.

    Raises InstantError for what is not RFC 3339, and for years before 1972 or after 8999,
    where eighteen months of history could not be written.
    """
    at_ms = instants.parse(text)
    if not is_billable(at_ms):
        raise instants.InstantError(f"out of range (years 1972 to 8999, UTC): {text!r}")
    return at_ms
