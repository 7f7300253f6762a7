"""Undoing the last command of a tenant. Which one that is says `billing.log_branches`."""

from __future__ import annotations

from collections.abc import Sequence

from orgbilling_stubs.billing import errors
from orgbilling_stubs.billing.errors import BillingError
from orgbilling_stubs.billing.events import Event, Rewound
from orgbilling_stubs.billing.log_branches import before_last_command
from orgbilling_stubs.billing.tenant import Tenant
from orgbilling_stubs.tenants.service import Service


def undo(service: Service, organization: str, version: int | None = None) -> Tenant:
    """Undo the last command.

    version: of the organization when the caller chose to undo its last command; None for any. Raises
    BillingError when there is no command, or when that version had another last one.
    """

    def decision(tenant: Tenant, now_ms: int) -> tuple[int, Sequence[Event]]:
        log = service.log(tenant)
        sequence = before_last_command(log)
        if version is not None and (version > len(log) or before_last_command(log[:version]) != sequence):
            raise BillingError(errors.VERSION_OUTDATED)
        if not sequence:
            raise BillingError(errors.NOTHING_TO_UNDO)
        return now_ms, [Rewound(sequence)]

    service.write(organization, decision)
    return service.tenant(organization)
