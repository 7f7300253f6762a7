"""Rate limits: how long to wait after a 429, what is not asked meanwhile, and how long a run has waited."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from orgbilling_conformance import clock
from orgbilling_conformance.exchange import Response
from orgbilling_conformance.reports.report import counted

PATIENCE_S = 30.0
"""The longest single wait, in seconds; an operation that asks for more is not asked before it is over."""

TRIES = 5
"""How often one request is sent again."""

GIVEN_UP = 3
"""After so many requests in vain, one after the other, an operation is not asked any more."""

LIMITED_IN_TURN = 3
"""After so many operations that are limited for too long, and no other answer in between, the run ends."""


class RateLimitError(Exception):
    """The target limits the rate of everything for longer than a run waits; the text says how long."""


class RateLimits:
    """The waits of a run. most: seconds that it may wait in all."""

    def __init__(self, most: float) -> None:
        self._most = most
        self._in_vain: Counter[str] = Counter()
        self._closed_until: dict[str, float] = {}
        self._asks: dict[str, str] = {}
        self._in_turn: dict[str, str] = {}
        self._left_out: Counter[str] = Counter()
        self.waits = 0
        self.seconds = 0.0

    def affords(self, operation: str) -> bool:
        """Whether an operation may be asked now; where not, a request was left out."""
        is_open = clock.seconds() >= self._closed_until.get(operation, 0.0)
        self._left_out[operation] += not is_open
        return is_open

    def wait(self, operation: str, response: Response, tries: int) -> bool:
        """Wait as a 429 says; False where it is not worth it. tries: how often the request was sent.

        Raises `RateLimitError` where one operation after the other is limited for too long.
        """
        if self._in_vain[operation] >= GIVEN_UP:
            return False
        seconds = retry_after_s(response.header("retry-after"), tries)
        if seconds > PATIENCE_S:
            self._close(operation, seconds, f"to wait {seconds:,.0f} s")
            return False
        if tries > TRIES or self.seconds + seconds > self._most:
            self._in_vain[operation] += 1
            always = self._in_vain[operation] >= GIVEN_UP
            closed = math.inf if always else seconds
            self._close(operation, closed, f"to wait again and again ({seconds:,.0f} s)")
            return False
        self.waits += 1
        self.seconds += seconds
        clock.pause(seconds)
        return True

    def answered(self, operation: str) -> None:
        """An operation gave another answer than 429."""
        self._in_vain[operation] = 0
        self._in_turn.clear()

    @property
    def left_out(self) -> Mapping[str, int]:
        """How many requests were left out, by operation; only those with any."""
        return {operation: count for operation, count in self._left_out.items() if count}

    def remarks(self) -> list[str]:
        """What the report says about the waits, and about what was not asked; empty without a limit."""
        rows = []
        if self.waits:
            rows.append(
                f"the target limits its rate (429): the suite waited {self.seconds:.1f} s in all, "
                f"{counted(self.waits, 'time')}, and sent the requests again"
            )
        for operation, asks in self._asks.items():
            rows.append(
                f"{operation} is limited in its rate (429) and asks {asks}: "
                f"{counted(self._left_out[operation], 'request')} left out"
            )
        return rows

    def _close(self, operation: str, seconds: float, asks: str) -> None:
        """Ask an operation no more for some seconds."""
        until = clock.seconds() + seconds
        self._closed_until[operation] = max(until, self._closed_until.get(operation, 0.0))
        self._asks[operation] = self._in_turn[operation] = asks
        if len(self._in_turn) >= LIMITED_IN_TURN:
            raise RateLimitError(
                f"the target limits its rate (429) and asks {asks}, longer than a run waits: "
                f"{len(self._in_turn)} operations in turn"
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
