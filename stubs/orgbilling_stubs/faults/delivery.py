"""How a faulted response is sent: slowly, in part, or not at all."""

from __future__ import annotations

from dataclasses import dataclass

from orgbilling_stubs.http.connection import Connection
from orgbilling_stubs.http.context import Response


@dataclass(frozen=True, slots=True)
class Delivery:
    """What happens to a response once it is known.

    drip_bytes_per_s: the rate at which the body is sent. truncate_bytes: how much of the body is sent before
    the connection closes; -1 is half of it. reset: the connection is reset instead. hang_ms: nothing is sent
    for so long, then the connection closes. late: reset and hang wait until the operation has done its work.
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

    def apply(self, response: Response, *, head_only: bool = False) -> Response:
        """The response that is sent in this way. head_only: the client gets no body."""
        if self.unanswered:
            return Response(0, [], deliver=self._end)
        sent_bytes = self._sent_bytes(response.body)
        response.complete = sent_bytes == len(response.body)
        response.body = response.body[:sent_bytes]
        if self.drip_bytes_per_s is not None and not head_only:
            response.deliver = self._drip
        return response

    def _sent_bytes(self, body: bytes) -> int:
        """How many bytes of a body are sent."""
        if self.truncate_bytes is None:
            return len(body)
        return len(body) // 2 if self.truncate_bytes < 0 else min(self.truncate_bytes, len(body))

    async def _end(self, response: Response, connection: Connection) -> None:
        """End the connection without a response."""
        if self.hang_ms is None:
            await connection.reset()
            return
        await connection.departed(self.hang_ms / 1000)
        await connection.close()

    async def _drip(self, response: Response, connection: Connection) -> None:
        """Send the body slowly."""
        assert self.drip_bytes_per_s is not None
        await connection.start(response.status, response.headers)
        await connection.drip(response.body, self.drip_bytes_per_s, more=not response.complete)
        if not response.complete:
            await connection.close()
