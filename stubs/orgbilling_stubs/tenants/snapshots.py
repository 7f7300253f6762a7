"""Snapshots: named places in the log of a tenant, to go back to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from orgbilling_stubs.billing import errors
from orgbilling_stubs.billing.events import ClockSet, Event, Record, Rewound, SnapshotDeleted, SnapshotTaken
from orgbilling_stubs.billing.log_branches import active_branch, snapshots_by_name
from orgbilling_stubs.billing.tenant import Tenant
from orgbilling_stubs.tenants.service import Service


def take(service: Service, organization: str, name: str) -> Tenant:
    """Save the present state under a name."""
    service.write(organization, lambda tenant, now_ms: (now_ms, [SnapshotTaken(name)]))
    return service.tenant(organization)


def by_name(service: Service, organization: str) -> Mapping[str, Record]:
    """The snapshots of a tenant by name, in the order they were taken."""
    return snapshots_by_name(service.store.read(organization))


def delete(service: Service, organization: str, name: str) -> Tenant:
    """Delete a snapshot; the state stays as it is. Raises BillingError for an unknown name."""

    def decision(tenant: Tenant, now_ms: int) -> tuple[int, Sequence[Event]]:
        names = snapshots_by_name(service.log(tenant))
        if name not in names:
            raise errors.unknown_name(errors.SNAPSHOT_UNKNOWN, name, names)
        return now_ms, [SnapshotDeleted(name)]

    service.write(organization, decision)
    return service.tenant(organization)


def state_of(service: Service, organization: str, name: str) -> Tenant:
    """The tenant as it was when a snapshot was taken; raises BillingError for an unknown name.

    Nothing is changed: the result is a copy.
    """
    log = service.store.read(organization)
    records = snapshots_by_name(log)
    record = records.get(name)
    if record is None:
        raise errors.unknown_name(errors.SNAPSHOT_UNKNOWN, name, records)
    return service.state_of(organization, log[: record.sequence])


def restore(service: Service, organization: str, name: str) -> Tenant:
    """Go back to the state and the instant of a snapshot; raises BillingError for an unknown name."""

    def decision(tenant: Tenant, now_ms: int) -> tuple[int, Sequence[Event]]:
        log = service.log(tenant)
        records = snapshots_by_name(log)
        record = records.get(name)
        if record is None:
            raise errors.unknown_name(errors.SNAPSHOT_UNKNOWN, name, records)
        branch = active_branch(log[: record.sequence])
        clocks = [earlier.event for earlier in branch if isinstance(earlier.event, ClockSet)]
        setting = service.clock.moved_to(clocks[-1] if clocks else ClockSet("server"), record.at_ms)
        return record.at_ms, [Rewound(record.sequence), setting]

    service.write(organization, decision)
    return service.tenant(organization)
