"""Rate limits: how long to wait after a 429, and how long a run has waited."""

from __future__ import annotations

from collections import Counter
from email.utils import parsedate_to_datetime

from orgbilling_conformance import clock
from orgbilling_conformance.exchange import Response
from orgbilling_conformance.reports.report import counted

PATIENCE_S = 30.0
"""The longest single wait, in seconds; who is to wait longer goes on without the answer."""

TRIES = 5
"""How often one request is sent again."""

GIVEN_UP = 3
"""After so many requests in vain, one operation is not waited for any more."""


class RateLimits:
    """The waits of a run. most: seconds that it may wait in all."""

    def __init__(self, most: float) -> None:
        self._most = most
        self._in_vain: Counter[str] = Counter()
        self.waits = 0
        self.seconds = 0.0

    def wait(self, operation: str, response: Response, tries: int) -> bool:
        """Wait as a 429 says; False where it is not worth it. tries: how often the request was sent."""
        seconds = retry_after_s(response.header("retry-after"), tries)
        patient = seconds <= PATIENCE_S and self.seconds + seconds <= self._most
        if tries > TRIES or not patient or self._in_vain[operation] >= GIVEN_UP:
            self._in_vain[operation] += 1
            return False
        self.waits += 1
        self.seconds += seconds
        clock.pause(seconds)
        return True

    def remark(self) -> str:
        """What the report says; empty where there was no wait."""
        if not self.waits:
            return ""
        return (
            f"the target limits its rate (429): the suite waited {self.seconds:.1f} s in all, "
            f"{counted(self.waits, 'time')}, and sent the requests again"
        )


def retry_after_s(value: str | None, tries: int) -> float:
    """The seconds that a Retry-After header asks for (RFC 9110, 10.2.3: seconds, or a date).

    Without one, or with one that cannot be read, 1, 2, 4 … seconds, by the number of tries.
    """
    default = float(2 ** min(tries - 1, 5))
    text = (value or "").partition(",")[0].strip() if (value or "")[:1].isdigit() else (value or "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        at = parsedate_to_datetime(text)
        return max(0.0, at.timestamp() - clock.epoch_s())
    except (ValueError, TypeError, OverflowError, IndexError):
        return default
