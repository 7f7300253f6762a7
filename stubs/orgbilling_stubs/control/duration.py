"""ISO 8601 durations, parsed strictly and added by the calendar."""

from __future__ import annotations

import re
from dataclasses import dataclass

from orgbilling_stubs.billing import instants

_FORM = re.compile(
    r"([+-]?)P(?=[0-9T])(?:([0-9]{1,4})Y)?(?:([0-9]{1,5})M)?(?:([0-9]{1,6})W)?(?:([0-9]{1,7})D)?"
    r"(?:T(?=[0-9])(?:([0-9]{1,8})H)?(?:([0-9]{1,10})M)?(?:([0-9]{1,12})(?:[.,]([0-9]{1,3}))?S)?)?",
    re.ASCII,
)


class DurationError(ValueError):
    """The text is no ISO 8601 duration, or the result is not in the years 1 to 9999."""


@dataclass(frozen=True, slots=True)
class Duration:
    """A number of months plus a number of milliseconds. They never have opposite signs."""

    months: int
    ms: int

    def after(self, at_ms: int) -> int:
        """An instant plus the months, plus the milliseconds; raises DurationError beyond years 1 to 9999."""
        try:
            shifted = instants.add_months(at_ms, self.months) + self.ms
        except (ValueError, OverflowError) as error:
            raise DurationError("leads out of the calendar") from error
        if not instants.in_range(shifted):
            raise DurationError("leads out of the calendar")
        return shifted


def parse(text: str) -> Duration:
    """Parse `P1Y2M3W4DT5H6M7.5S`; each part and a sign in front are optional. Raises DurationError."""
    match = _FORM.fullmatch(text)
    if match is None:
        raise DurationError(f"not an ISO 8601 duration: {text!r}")
    sign = -1 if match[1] == "-" else 1
    years, months, weeks, days, hours, minutes, seconds = (int(part or 0) for part in match.groups()[1:8])
    millis = int((match[9] or "").ljust(3, "0"))
    ms = (weeks * 7 + days) * instants.DAY_MS + hours * instants.HOUR_MS + minutes * instants.MINUTE_MS
    return Duration(sign * (12 * years + months), sign * (ms + seconds * 1_000 + millis))
