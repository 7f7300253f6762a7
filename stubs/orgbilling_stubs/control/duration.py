"""Durations, as ISO 8601 writes them (`P1M`) or as people do (`+1 month`), added by the calendar."""

from __future__ import annotations

import re
from dataclasses import dataclass

from orgbilling_openapi.suggestions import nearest

from orgbilling_stubs.billing import instants

_FORM = re.compile(
    r"([+-]?)P(?=[0-9T])(?:([0-9]{1,4})Y)?(?:([0-9]{1,5})M)?(?:([0-9]{1,6})W)?(?:([0-9]{1,7})D)?"
    r"(?:T(?=[0-9])(?:([0-9]{1,8})H)?(?:([0-9]{1,10})M)?(?:([0-9]{1,12})(?:[.,]([0-9]{1,3}))?S)?)?",
    re.ASCII | re.IGNORECASE,
)


_PLAIN = re.compile(
    r"([+-]?) ?([0-9]{1,10} ?[a-z]+(?:[ ,]*[0-9]{1,10} ?[a-z]+){0,6})", re.ASCII | re.IGNORECASE
)
_PLAIN_PART = re.compile(r"([0-9]+) ?([a-z]+)", re.ASCII | re.IGNORECASE)
_UNITS = {
    "y year years": (12, 0),
    "mo month months": (1, 0),
    "w week weeks": (0, 7 * instants.DAY_MS),
    "d day days": (0, instants.DAY_MS),
    "h hr hour hours": (0, instants.HOUR_MS),
    "m min minute minutes": (0, instants.MINUTE_MS),
    "s sec second seconds": (0, 1_000),
}
"""Months and milliseconds of each unit, by its names."""
_UNIT_SIZES = {name: size for names, size in _UNITS.items() for name in names.split()}


class DurationError(ValueError):
    """The text is no duration, or the result is not in the years 1 to 9999."""


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
    """Parse `P1Y2M3W4DT5H6M7.5S`, each part and a sign in front optional, or `1h`, `+1 month`, `-2d 12h`.

    Raises DurationError.
    """
    match = _FORM.fullmatch(text)
    if match is None:
        return _plain(text)
    sign = -1 if match[1] == "-" else 1
    years, months, weeks, days, hours, minutes, seconds = (int(part or 0) for part in match.groups()[1:8])
    millis = int((match[9] or "").ljust(3, "0"))
    ms = (weeks * 7 + days) * instants.DAY_MS + hours * instants.HOUR_MS + minutes * instants.MINUTE_MS
    return Duration(sign * (12 * years + months), sign * (ms + seconds * 1_000 + millis))


def _plain(text: str) -> Duration:
    """Parse `1h`, `+1 month` or `-2d 12h`, in upper or lower case; `m` is a minute.

    `1M` is refused: it may be meant as a month. Raises DurationError.
    """
    match = _PLAIN.fullmatch(text)
    parts = (
        [(count, _unit(name)) for count, name in _PLAIN_PART.findall(match[2])] if match is not None else ()
    )
    unknown = [name for _, name in parts if name not in _UNIT_SIZES]
    if match is None or unknown:
        hint = nearest(unknown[0], [name for name in _UNIT_SIZES if len(name) > 1]) if unknown else ""
        raise DurationError(f"expected a duration such as P1M, 1h or +1 month, not {text!r}{hint}")
    sign = -1 if match[1] == "-" else 1
    months = sum(int(count) * _UNIT_SIZES[unit][0] for count, unit in parts)
    ms = sum(int(count) * _UNIT_SIZES[unit][1] for count, unit in parts)
    return Duration(sign * months, sign * ms)


def _unit(name: str) -> str:
    """The name of a unit in lower case, but for the `M` that can be a minute or a month."""
    return name if name == "M" else name.lower()
