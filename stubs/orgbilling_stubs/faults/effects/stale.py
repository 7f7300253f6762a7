"""Stale: the balance comes from the past, as it does from a replica or a cache that lags behind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from orgbilling_stubs.billing import scheduler
from orgbilling_stubs.billing.events import Record
from orgbilling_stubs.billing.log_branches import active_branch
from orgbilling_stubs.billing.state import SETTING_EVENTS
from orgbilling_stubs.billing.tenant import Tenant
from orgbilling_stubs.faults.effects.effect import (
    FaultedExchange,
    ObjectEffect,
    TenantReader,
    integer,
    json_field,
)
from orgbilling_stubs.tenants.service import Service

OPERATIONS = frozenset({"getOrgBilling", "getOrgUsageSummary"})
"""The operations that show the balance."""


@dataclass(frozen=True, slots=True)
class Stale(ObjectEffect):
    """The state without the last `commands` commands, or as of `seconds` ago; one of the two."""

    member: ClassVar = "stale"
    presets: ClassVar = {"balance of 1 command ago": {"stale": {"commands": 1}}}
    description: ClassVar = "The balance comes from the past."
    constraints: ClassVar = {"minProperties": 1, "maxProperties": 1}
    on_the_wire: ClassVar = (
        "billing profile and usage summary without the last `commands`, or as of `seconds` ago"
    )

    commands: int | None = json_field(
        "commands", integer(1, 1_000_000, "Without the last so many commands."), None
    )
    seconds: int | None = json_field("seconds", integer(1, 31_622_400, "As of so long ago."), None)

    def tenants(self, exchange: FaultedExchange, tenants: TenantReader) -> TenantReader:
        """The past, for operations that show the balance."""
        return PastTenants(exchange.service, self) if exchange.operation in OPERATIONS else tenants


class PastTenants:
    """Reads tenants as they were."""

    def __init__(self, service: Service, stale: Stale) -> None:
        self._service = service
        self.stale = stale

    def tenant(self, organization: str) -> Tenant:
        """The tenant as it was; as it was created, when there is no earlier past."""
        present = self._service.tenant(organization)
        log = self._service.log(present)
        branch = active_branch(log)
        until_ms = present.now_ms - 1000 * (self.stale.seconds or 0)
        if self.stale.commands is None:
            past: Sequence[Record] = [record for record in branch[1:] if record.at_ms <= until_ms]
        else:
            past = _without_commands(branch, self.stale.commands)
        last = past[-1] if past else branch[0]
        tenant = self._service.state_of(organization, log[: last.sequence])
        scheduler.advance(tenant, max(until_ms, tenant.now_ms))
        return tenant


def _without_commands(branch: Sequence[Record], commands: int) -> Sequence[Record]:
    """The records before the last so many commands; settings of the stub do not count as commands."""
    batches = dict.fromkeys(record.batch for record in branch[1:] if type(record.event) not in SETTING_EVENTS)
    removed = set(list(batches)[-commands:])
    first = min((record.sequence for record in branch if record.batch in removed), default=None)
    return [record for record in branch[1:] if first is None or record.sequence < first]
