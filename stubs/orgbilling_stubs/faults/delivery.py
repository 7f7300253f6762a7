"""How a faulted response is sent: slowly, in part, or not at all."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Delivery:
    """What happens to a response once it is known.

    drip_bytes_per_s: the rate at which the body is sent. truncate_bytes: how much of the body is sent
    before the connection closes; -1 is half of it. reset: the connection is reset instead. hang_ms: nothing
    is sent for so long, then the connection closes. late: reset and hang wait until the operation has done
    its work.
    """

    drip_bytes_per_s: int | None = None
    truncate_bytes: int | None = None
    reset: bool = False
    hang_ms: int | None = None
    late: bool = False

    @property
    def unanswered(self) -> bool:
        """Whether the client gets no response."""
        return self.reset or self.hang_ms is not None

    @property
    def ends(self) -> bool:
        """Whether the connection ends with this exchange: it can do so one way only."""
        return self.unanswered or self.truncate_bytes is not None

    def sent_bytes(self, body: bytes) -> int:
        """How many bytes of a body are sent."""
        if self.truncate_bytes is None:
            return len(body)
        return len(body) // 2 if self.truncate_bytes < 0 else min(self.truncate_bytes, len(body))
