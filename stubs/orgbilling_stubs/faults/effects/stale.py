"""Stale: the balance comes from the past, as it does from a replica or a cache that lags behind."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from orgbilling_stubs.faults.effects.effect import (
    FaultedRequest,
    ObjectEffect,
    TenantReader,
    integer,
    json_member,
)

OPERATIONS = frozenset({"getOrgBilling", "getOrgUsageSummary"})
"""The operations that show the balance."""


@dataclass(frozen=True, slots=True)
class Stale(ObjectEffect):
    """The state without the last `commands` commands, or as of `seconds` ago; one of the two."""

    member: ClassVar = "stale"
    description: ClassVar = "The balance comes from the past."
    constraints: ClassVar = {"minProperties": 1, "maxProperties": 1}
    on_the_wire: ClassVar = (
        "billing profile and usage summary without the last `commands`, or as of `seconds` ago"
    )

    commands: int | None = field(
        default=None,
        metadata=json_member("commands", integer(1, 1_000_000, "Without the last so many commands.")),
    )
    seconds: int | None = field(
        default=None, metadata=json_member("seconds", integer(1, 31_622_400, "As of so long ago."))
    )

    def tenants(self, request: FaultedRequest, tenants: TenantReader) -> TenantReader:
        """The past, for operations that show the balance."""
        if request.operation not in OPERATIONS:
            return tenants
        return request.past_tenants(commands=self.commands or 0, seconds=self.seconds or 0)
