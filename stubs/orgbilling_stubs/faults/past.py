"""Stale answers: a tenant as it was some commands or seconds ago."""

from __future__ import annotations

from orgbilling_stubs.billing import scheduler
from orgbilling_stubs.billing.apply import REMARKS, Genesis, fold
from orgbilling_stubs.billing.log_branches import effective
from orgbilling_stubs.billing.tenant import Tenant
from orgbilling_stubs.faults.rules import Stale
from orgbilling_stubs.tenants.service import Service

STALE = frozenset({"getOrgBilling", "getOrgUsageSummary"})
"""The operations that answer from the past: those that show the balance."""


class Past:
    """Stands in for the service where only `tenant` is asked."""

    def __init__(self, service: Service, genesis: Genesis, stale: Stale) -> None:
        self._service = service
        self._genesis = genesis
        self._stale = stale

    def tenant(self, organization: str) -> Tenant:
        """The tenant as it was; as it was created, when there is no earlier past."""
        present = self._service.tenant(organization)
        log = self._service.store.read(organization)
        path = effective(log)
        until_ms = present.now_ms - 1000 * self._stale.seconds
        if self._stale.seconds:
            kept = [record for record in path[1:] if record.at_ms <= until_ms]
        else:
            batches = dict.fromkeys(each.batch for each in path[1:] if type(each.event) not in REMARKS)
            gone = set(list(batches)[-self._stale.commands :])
            first = min((each.sequence for each in path if each.batch in gone), default=None)
            kept = [record for record in path[1:] if first is None or record.sequence < first]
        last = kept[-1] if kept else path[0]
        tenant = fold(organization, log[: last.sequence], self._genesis)
        scheduler.advance(tenant, max(until_ms, tenant.now_ms))
        return tenant
