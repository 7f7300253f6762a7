"""Time series with running sums: the total of any window is two binary searches."""

from __future__ import annotations

from bisect import bisect_right


class CountSeries:
    """Integers in time order and their running sum."""

    __slots__ = ("_sums", "_times")

    def __init__(self) -> None:
        self._times: list[int] = []
        self._sums: list[int] = [0]

    def add(self, at_ms: int, value: int) -> None:
        """Append a value; values come in time order."""
        self._times.append(at_ms)
        self._sums.append(self._sums[-1] + value)

    def total(self, after_ms: int, until_ms: int) -> int:
        """Sum of the values with after < time <= until."""
        sums = self._sums
        return sums[bisect_right(self._times, until_ms)] - sums[bisect_right(self._times, after_ms)]


class TokenSeries:
    """Usage in time order: running sums of input, output, messages and sessions over one time axis."""

    __slots__ = ("_inputs", "_messages", "_outputs", "_sessions", "_times")

    def __init__(self) -> None:
        self._times: list[int] = []
        self._inputs = [0]
        self._outputs = [0]
        self._messages = [0]
        self._sessions = [0]

    def add(self, at_ms: int, inputs: int, outputs: int, messages: int, sessions: int) -> None:
        """Append one usage; usages come in time order."""
        self._times.append(at_ms)
        self._inputs.append(self._inputs[-1] + inputs)
        self._outputs.append(self._outputs[-1] + outputs)
        self._messages.append(self._messages[-1] + messages)
        self._sessions.append(self._sessions[-1] + sessions)

    def totals(self, after_ms: int, until_ms: int) -> tuple[int, int, int, int]:
        """Input tokens, output tokens, messages and sessions with after < time <= until."""
        low = bisect_right(self._times, after_ms)
        high = bisect_right(self._times, until_ms)
        return (
            self._inputs[high] - self._inputs[low],
            self._outputs[high] - self._outputs[low],
            self._messages[high] - self._messages[low],
            self._sessions[high] - self._sessions[low],
        )


class HighWaterMarks:
    """A level observed over time; its high-water mark in a window."""

    __slots__ = ("_times", "_values")

    def __init__(self) -> None:
        self._times: list[int] = []
        self._values: list[int] = []

    def add(self, at_ms: int, value: int) -> None:
        """Append an observation; observations come in time order."""
        self._times.append(at_ms)
        self._values.append(value)

    def high(self, after_ms: int, until_ms: int) -> int:
        """Highest level observed with after < time <= until; 0 when there is none."""
        low = bisect_right(self._times, after_ms)
        return max(self._values[low : bisect_right(self._times, until_ms)], default=0)
