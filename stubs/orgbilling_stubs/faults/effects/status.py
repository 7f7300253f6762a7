"""Status: an error response in place of the operation's own, as the API description documents it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from orgbilling_stubs.faults.documented_responses import InjectedError
from orgbilling_stubs.faults.effects.effect import Effect, FaultedExchange, integer, json_field, text

BODILESS = (204, 205, 304)
"""Statuses whose response has no body."""


@dataclass(frozen=True, slots=True)
class Status(Effect):
    """A status, and what its problem document says.

    A success other than 204 and 205 is the operation's own response under another status; nothing else can
    be true to the API description.
    """

    member: ClassVar = "status"
    on_the_wire: ClassVar = (
        "this status, with a body that is true to the API description; a 2xx that has a body gets the "
        "operation's own, and has no conflicts"
    )
    conflicts: ClassVar = ("stale", "nulls")
    presets: ClassVar = {
        "500": {"status": 500},
        "503, retry after 5 s": {"status": 503, "retryAfterSeconds": 5},
        "429": {"status": 429},
        "401": {"status": 401},
        "403": {"status": 403},
    }

    status: int = json_field(
        "status", integer(200, 599, "Sent instead, with a body that fits the API description.")
    )
    detail: str | None = json_field("detail", text(1000, "The `detail` of the problem."), None)
    retry_after_s: int | None = json_field(
        "retryAfterSeconds", integer(0, 86_400, "Sent as `Retry-After`."), None
    )

    @property
    def replaces_operation(self) -> bool:
        """Whether the operation is not carried out."""
        return self.status >= 300 or self.status in BODILESS

    def statuses(self) -> tuple[int, ...]:
        """The status."""
        return (self.status,)

    def excludes(self, other: Effect) -> bool:
        """A conflict, if the operation does not answer."""
        return self.replaces_operation and other.member in self.conflicts

    def error_response(self, exchange: FaultedExchange, error: InjectedError | None) -> InjectedError | None:
        """The documented error, unless an effect before this one answers."""
        if not self.replaces_operation:
            exchange.success_status = self.status
        if error is not None or not self.replaces_operation:
            return error
        return exchange.documented_error(self.status, self.detail, self.retry_after_s)
