"""Clock settings, going back in time, undo, snapshots, resets and forks.

Each function is one command on the tenant's whole log: it decides on events, and the service appends them.
Nothing is ever removed from a log. A `Rewound` event goes back by making an earlier branch the active one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict

from orgbilling_openapi.strict_json import JsonValue

from orgbilling_stubs.billing import errors, instants, scheduler
from orgbilling_stubs.billing.errors import BillingError
from orgbilling_stubs.billing.events import (
    ClockSet,
    Event,
    Record,
    Rewound,
    ScenarioShown,
    SnapshotTaken,
    TenantCreated,
)
from orgbilling_stubs.billing.log_branches import active_branch, before_last_command, snapshots_by_name
from orgbilling_stubs.billing.tenant import ActiveScenario, Tenant
from orgbilling_stubs.tenants.clock import wall_ms
from orgbilling_stubs.tenants.service import Service

_HORIZON_MS = 5 * 366 * instants.DAY_MS


def freeze_clock(service: Service, organization: str, at_ms: int | None = None) -> Tenant:
    """Freeze the tenant's clock, now or at an instant.

    Raises BillingError for an instant before the tenant was created.
    """
    if at_ms is None:
        return _set(service, organization, lambda now_ms: ClockSet("frozen", at_ms=now_ms, by_user=True))
    setting = ClockSet("frozen", at_ms=at_ms, by_user=True)
    return _travel(service, organization, at_ms, lambda tenant: setting)


def run_clock(service: Service, organization: str) -> Tenant:
    """Let the tenant's clock run from its present instant on, as fast as real time."""
    return _set(
        service, organization, lambda now_ms: ClockSet("live", offset_ms=now_ms - wall_ms(), by_user=True)
    )


def follow_server_clock(service: Service, organization: str) -> Tenant:
    """Let the tenant follow the server's clock again, whether that is earlier or later."""
    setting = ClockSet("server", by_user=True)
    return _travel(service, organization, service.clock.now_ms(), lambda tenant: setting)


def move_clock(service: Service, organization: str, to_ms: int) -> Tenant:
    """Bring the tenant to an instant: forward by simulating, or back to a prefix of its log.

    Raises BillingError for an instant before the tenant was created.
    """
    return _travel(service, organization, to_ms, lambda tenant: service.clock.moved_to(tenant.clock, to_ms))


def _travel(service: Service, organization: str, to_ms: int, setting: Callable[[Tenant], ClockSet]) -> Tenant:
    """Go to an instant and set the clock there, in one command."""

    def decision(tenant: Tenant, now_ms: int) -> tuple[int, Sequence[Event]]:
        if to_ms >= now_ms:
            return now_ms, [setting(tenant)]
        if to_ms < tenant.created_ms:
            raise BillingError(errors.CLOCK_TOO_EARLY)
        path = active_branch(service.store.read(organization))
        before = [record for record in path[1:] if record.at_ms <= to_ms]
        events: list[Event] = [Rewound(before[-1].sequence if before else path[0].sequence)]
        # A scenario belongs to the organization, not to an instant: going back in time keeps it.
        if tenant.active_scenario and not any(isinstance(record.event, ScenarioShown) for record in before):
            events.append(scenario_shown(tenant.active_scenario))
        return to_ms, [*events, setting(tenant)]

    service.write(organization, decision)
    return service.tenant(organization)


def scenario_shown(scenario: ActiveScenario) -> ScenarioShown:
    """The event that makes a scenario the active one."""
    clock = scenario.previous_clock
    return ScenarioShown(scenario.name, scenario.fault_rules, None if clock is None else asdict(clock))


def undo(service: Service, organization: str) -> Tenant:
    """Undo the last command; raises BillingError when there is none."""

    def decision(tenant: Tenant, now_ms: int) -> tuple[int, Sequence[Event]]:
        sequence = before_last_command(service.store.read(organization))
        if not sequence:
            raise BillingError(errors.NOTHING_TO_UNDO)
        return now_ms, [Rewound(sequence)]

    service.write(organization, decision)
    return service.tenant(organization)


def snapshot(service: Service, organization: str, name: str) -> Tenant:
    """Save the present state under a name."""
    service.write(organization, lambda tenant, now_ms: (now_ms, [SnapshotTaken(name)]))
    return service.tenant(organization)


def snapshots(service: Service, organization: str) -> Mapping[str, Record]:
    """The snapshots of a tenant by name, in the order they were taken."""
    return snapshots_by_name(service.store.read(organization))


def restore(service: Service, organization: str, name: str) -> Tenant:
    """Go back to the state and the instant of a snapshot; raises BillingError for an unknown name."""

    def decision(tenant: Tenant, now_ms: int) -> tuple[int, Sequence[Event]]:
        record = snapshots(service, organization).get(name)
        if record is None:
            raise BillingError(errors.SNAPSHOT_UNKNOWN)
        branch = active_branch(service.store.read(organization)[: record.sequence])
        clocks = [earlier.event for earlier in branch if isinstance(earlier.event, ClockSet)]
        setting = service.clock.moved_to(clocks[-1] if clocks else ClockSet("server"), record.at_ms)
        return record.at_ms, [Rewound(record.sequence), setting]

    service.write(organization, decision)
    return service.tenant(organization)


def reset(service: Service, organization: str) -> Tenant:
    """Begin the history anew: same persona and seed, as of now, without the scenario and the clock it set."""

    def decision(tenant: Tenant, now_ms: int) -> tuple[int, Sequence[Event]]:
        first = active_branch(service.store.read(organization))[0].event
        assert isinstance(first, TenantCreated)
        return created_anew(service, tenant, now_ms, first.persona, first.seed)

    service.write(organization, decision)
    return service.tenant(organization)


def created_anew(
    service: Service,
    tenant: Tenant,
    now_ms: int,
    persona: Mapping[str, JsonValue],
    seed: int,
    as_of_ms: int | None = None,
) -> tuple[int, list[Event]]:
    """The events that give the tenant a new history, and their instant.

    The instant is `as_of_ms`, or without it the present one of the tenant's own clock (see `own_clock`).
    """
    clock, at_ms = own_clock(tenant), now_ms
    if clock is not tenant.clock:
        at_ms = service.clock.now_of(clock)
    if as_of_ms is not None:
        at_ms = as_of_ms
    created = TenantCreated(persona, seed, at_ms, tenant.config.organization)
    return at_ms, [Rewound(0), created, service.clock.moved_to(clock, at_ms)]


def own_clock(tenant: Tenant) -> ClockSet:
    """The clock that applies to the tenant apart from its scenario: the one before a scenario set another."""
    scenario = tenant.active_scenario
    return tenant.clock if scenario is None or scenario.previous_clock is None else scenario.previous_clock


def fork(service: Service, organization: str, into: str) -> Tenant:
    """Copy the tenant's log, with all branches, into a new organization; neither changes the other later.

    Raises ConflictError when the new organization exists.
    """
    service.tenant(organization)
    return service.create(into, service.store.read(organization))


def named_instant(service: Service, organization: str, name: str) -> int:
    """The instant that a name stands for: `end-of-month`, `contract-end`, `next-installment` or
    `credit-exhausted`.

    Raises BillingError when the tenant has no such instant.
    """
    return instant_of(service.tenant(organization), name, lambda: service.copy(organization))


def instant_of(tenant: Tenant, name: str, copy: Callable[[], Tenant]) -> int:
    """The instant of a tenant that a name stands for.

    copy: makes a copy of the tenant, to be changed freely. Raises BillingError when there is no such instant.
    """
    at_ms = _NAMED[name](tenant, copy)
    if at_ms is None:
        raise BillingError(errors.INSTANT_NONE)
    return at_ms


def _end_of_month(tenant: Tenant, copy: Callable[[], Tenant]) -> int:
    """The last second of the month, or of the next one when it is that second already."""
    today = instants.moment(tenant.now_ms + 1_000)
    first = instants.parse(f"{today.year:04d}-{today.month:02d}-01")
    return instants.add_months(first, 1) - 1_000


def _contract_end(tenant: Tenant, copy: Callable[[], Tenant]) -> int | None:
    contract = tenant.contract
    return contract.end_ms if contract is not None and contract.end_ms > tenant.now_ms else None


def _next_installment(tenant: Tenant, copy: Callable[[], Tenant]) -> int | None:
    contract = tenant.contract
    if contract is None or contract.status != "active":
        return None
    due = [row.due_ms for row in contract.schedule if row.due_ms > tenant.now_ms and not row.paid]
    return min(due, default=None)


def _credit_exhausted(tenant: Tenant, copy: Callable[[], Tenant]) -> int | None:
    """When the balance first falls to zero, found by simulating the future of a copy of the tenant."""
    if tenant.config.mode != "prepaid" or tenant.ledger.balance_micros <= 0:
        return None
    future, horizon_ms = copy(), tenant.now_ms + _HORIZON_MS
    rows = len(future.ledger.rows)
    while future.now_ms < horizon_ms:
        scheduler.advance(future, future.now_ms + 30 * instants.DAY_MS)
        for row in future.ledger.rows[rows:]:
            if future.ledger.balance_at(row.at_ms) <= 0:
                return row.at_ms
        rows = len(future.ledger.rows)
    return None


_NAMED: Mapping[str, Callable[[Tenant, Callable[[], Tenant]], int | None]] = {
    "end-of-month": _end_of_month,
    "contract-end": _contract_end,
    "next-installment": _next_installment,
    "credit-exhausted": _credit_exhausted,
}
NAMED_INSTANTS = tuple(_NAMED)
"""The names that `named_instant` accepts."""


def _set(service: Service, organization: str, setting: Callable[[int], ClockSet]) -> Tenant:
    service.write(organization, lambda tenant, now_ms: (now_ms, [setting(now_ms)]))
    return service.tenant(organization)
