"""Time shares: how long each operation may keep a run busy, so that a slow one leaves time for the others.

Every operation gets as much time as it needs, up to one level for all: what a fast operation leaves is for
the slow ones. Before its speed is known, an operation is taken to be fast.
"""

from __future__ import annotations

import math
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import median
from typing import TypeVar

from orgbilling_conformance.reports.report import counted

T = TypeVar("T")

SHARED = 0.8
"""The part of the time that is divided among operations; the rest is for documents, writes and waiting."""

LEAST_REQUESTS = 3
"""How many requests are sent to an operation at least, however slow it is."""

SAMPLED = 4
"""A series of requests that show the same thing may take one part in so many of what is left."""


class TimeShares:
    """The time that each operation has taken and may take, in seconds; safe to use from several threads."""

    def __init__(self, seconds: float, planned: Mapping[str, int], gap: float) -> None:
        """seconds: of the whole run; planned: requests by operation; gap: between two requests."""
        self._seconds, self._planned, self._gap = seconds, dict(planned), gap
        self._taken: dict[str, list[float]] = {operation: [] for operation in planned}
        self._left_out: Counter[str] = Counter()
        self._lock = threading.Lock()

    def add(self, operation: str, seconds: float) -> None:
        """An operation has answered, or failed to, after some time."""
        if operation in self._taken:
            with self._lock:
                self._taken[operation].append(max(seconds, self._gap))

    def affords(self, operation: str) -> bool:
        """Whether an operation may be asked again; where not, a request was left out."""
        if operation not in self._taken or len(self._taken[operation]) < LEAST_REQUESTS:
            return True
        with self._lock:
            fits = self._left(operation) >= self._cost(operation)
            self._left_out[operation] += not fits
        return fits

    def sample(self, operation: str, items: Sequence[T]) -> Sequence[T]:
        """The first of some items that each cost a request: all of them, unless the operation is slow."""
        with self._lock:
            left = self._left(operation)
            if operation not in self._taken or math.isinf(left):
                return items
            count = (
                max(1, int(left / self._cost(operation) / SAMPLED)) if self._cost(operation) else len(items)
            )
            self._left_out[operation] += max(0, len(items) - count)
            return items[:count]

    @property
    def left_out(self) -> Mapping[str, int]:
        """How many requests were left out, by operation; only those with any."""
        return {operation: count for operation, count in self._left_out.items() if count}

    def remark(self, operation: str) -> str:
        """What the report says about an operation that was asked less often than planned."""
        times = self._taken[operation]
        speed = median(times)
        why = (
            f"answers in {speed:.1f} s"
            if speed > self._gap
            else f"may be asked every {self._gap:g} s (--rate)"
        )
        left_out = counted(self._left_out[operation], "request")
        return (
            f"{operation} {why}: it was asked {counted(len(times), 'time')}, and {left_out} left out "
            "for want of time (--max-time)"
        )

    def _cost(self, operation: str) -> float:
        times = self._taken[operation]
        if len(times) < LEAST_REQUESTS:  # a single slow answer may be the machine's fault
            return min(times, default=self._gap)
        return median(times)

    def _left(self, operation: str) -> float:
        return self._level() - sum(self._taken.get(operation, ()))

    def _level(self) -> float:
        """How long any operation may take; infinity while all have enough."""
        needs = sorted(
            max(sum(times), self._cost(operation) * self._planned[operation])
            for operation, times in self._taken.items()
        )
        left = self._seconds * SHARED
        for place, need in enumerate(needs):
            if need > left / (len(needs) - place):
                return left / (len(needs) - place)
            left -= need
        return math.inf
