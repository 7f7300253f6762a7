"""Tenants as they were some commands or seconds ago."""

from __future__ import annotations

from orgbilling_stubs.billing import scheduler
from orgbilling_stubs.billing.log_branches import active_branch
from orgbilling_stubs.billing.state import SETTING_EVENTS, TenantFactory, state_of
from orgbilling_stubs.billing.tenant import Tenant
from orgbilling_stubs.tenants.service import Service


class PastTenants:
    """Reads tenants without their last `commands` commands, or as of `seconds` ago; one of the two is 0."""

    def __init__(self, service: Service, genesis: TenantFactory, commands: int, seconds: int) -> None:
        self._service = service
        self._genesis = genesis
        self._commands = commands
        self._seconds = seconds

    def tenant(self, organization: str) -> Tenant:
        """The tenant as it was; as it was created, when there is no earlier past."""
        present = self._service.tenant(organization)
        log = self._service.store.read(organization)
        path = active_branch(log)
        until_ms = present.now_ms - 1000 * self._seconds
        if self._seconds:
            kept = [record for record in path[1:] if record.at_ms <= until_ms]
        else:
            batches = dict.fromkeys(each.batch for each in path[1:] if type(each.event) not in SETTING_EVENTS)
            gone = set(list(batches)[-self._commands :])
            first = min((each.sequence for each in path if each.batch in gone), default=None)
            kept = [record for record in path[1:] if first is None or record.sequence < first]
        last = kept[-1] if kept else path[0]
        tenant = state_of(organization, log[: last.sequence], self._genesis)
        scheduler.advance(tenant, max(until_ms, tenant.now_ms))
        return tenant
