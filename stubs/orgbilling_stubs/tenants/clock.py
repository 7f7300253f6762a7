"""The clock of the server: real time, or frozen at an instant. No other module of the stub reads the time."""

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
        """Whether the clock is frozen."""
        return self._frozen_ms is not None

    def now_ms(self) -> int:
        """The present instant of the server."""
        return wall_ms() if self._frozen_ms is None else self._frozen_ms

    def set(self, frozen_ms: int | None) -> None:
        """Freeze the server's clock at an instant, or let it follow real time (None)."""
        self._frozen_ms = frozen_ms

    def now_of(self, setting: ClockSet) -> int:
        """The present instant of a tenant with this clock setting."""
        if setting.mode == "frozen":
            return setting.at_ms
        base_ms = wall_ms() if setting.mode == "live" else self.now_ms()
        return base_ms + setting.offset_ms

    def is_frozen(self, setting: ClockSet) -> bool:
        """Whether time passes for a tenant with this clock setting only when somebody moves a clock."""
        return setting.mode == "frozen" or (setting.mode == "server" and self.frozen)

    def moved_to(self, setting: ClockSet, at_ms: int) -> ClockSet:
        """The same kind of setting, moved so that the present instant is `at_ms`."""
        if setting.mode == "frozen":
            return replace(setting, at_ms=at_ms)
        return replace(setting, offset_ms=setting.offset_ms + at_ms - self.now_of(setting))


def wall_ms() -> int:
    """Real time in epoch milliseconds. Tokens and rate limits follow it, whatever the billing clock says."""
    return time.time_ns() // 1_000_000


wall_ns = time.time_ns
"""Real time in epoch nanoseconds, for the duration of exchanges."""


def from_option(text: str) -> Clock:
    """The clock for a value of `--clock`: `live` or an RFC 3339 instant; raises InstantError for others."""
    return Clock() if text == "live" else Clock(billing_instant(text))


def is_billable(at_ms: int) -> bool:
    """Whether billing supports an instant: one in the years 1972 to 8999, UTC."""
    return _FIRST_MS <= at_ms < _END_MS


def billing_instant(text: str) -> int:
    """Epoch milliseconds of an RFC 3339 instant that billing supports.

    Raises InstantError for any other text, and for years before 1972 or after 8999: the history and the
    future of a tenant have to fit between the years 1 and 9999, and after 1970.
    """
    at_ms = instants.parse(text)
    if not is_billable(at_ms):
        raise instants.InstantError(f"out of range (years 1972 to 8999, UTC): {text!r}")
    return at_ms
