"""The clock of a tenant: frozen, running, following the server's, or moved forward and back.

Each function that changes something is one command on the tenant's whole log: it decides on events, and the
service appends them. Nothing is ever removed from a log. Going back in time is a `Rewound` event, which makes
an earlier branch the active one. What falls due on the way forward runs in `billing.scheduler`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict

from orgbilling_stubs.billing import errors, instants, markers, scheduler
from orgbilling_stubs.billing.errors import BillingError
from orgbilling_stubs.billing.events import (
    ClockSet,
    Event,
    Record,
    Rewound,
    ScenarioShown,
)
from orgbilling_stubs.billing.log_branches import active_branch
from orgbilling_stubs.billing.money import MICROS_PER_USD
from orgbilling_stubs.billing.tenant import ActiveScenario, Tenant
from orgbilling_stubs.tenants.clock import wall_ms
from orgbilling_stubs.tenants.service import Service

_HORIZON_MS = 5 * 366 * instants.DAY_MS


Target = Callable[[Tenant], int]
"""Gives the instant to which a tenant is to be brought; the tenant stands at its present instant."""


def freeze_clock(service: Service, organization: str, target: Target | int | None = None) -> Tenant:
    """Freeze the tenant's clock, now or at an instant.

    Raises BillingError for an instant before the tenant was created, and what `target` raises.
    """
    if target is None:
        return _set_at_present(
            service, organization, lambda now_ms: ClockSet("frozen", at_ms=now_ms, by_user=True)
        )
    return _travel(
        service, organization, target, lambda tenant, to_ms: ClockSet("frozen", at_ms=to_ms, by_user=True)
    )


def run_clock(service: Service, organization: str) -> Tenant:
    """Let the tenant's clock run from its present instant on, as fast as real time."""
    return _set_at_present(
        service, organization, lambda now_ms: ClockSet("live", offset_ms=now_ms - wall_ms(), by_user=True)
    )


def follow_server_clock(service: Service, organization: str, target: Target | None = None) -> Tenant:
    """Let the tenant follow the server's clock again, whether that is earlier or later.

    target: gives the server's present instant; raises for one that is too far away.
    """
    present = target or (lambda tenant: service.clock.now_ms())
    return _travel(service, organization, present, lambda tenant, to_ms: ClockSet("server", by_user=True))


def move_clock(service: Service, organization: str, target: Target | int) -> Tenant:
    """Bring the tenant to an instant: forward by simulating, or back to a prefix of its log.

    Raises BillingError for an instant before the tenant was created, and what `target` raises.
    """
    return _travel(
        service,
        organization,
        target,
        lambda tenant, to_ms: service.clock.moved_to(tenant.clock, to_ms),
    )


def _travel(
    service: Service, organization: str, target: Target | int, setting: Callable[[Tenant, int], ClockSet]
) -> Tenant:
    """Go to an instant and set the clock there, in one command."""

    def decision(tenant: Tenant, now_ms: int) -> tuple[int, Sequence[Event]]:
        to_ms = target if isinstance(target, int) else target(tenant)
        if to_ms >= now_ms:
            return now_ms, [setting(tenant, to_ms)]
        if to_ms < tenant.created_ms:
            raise BillingError(errors.CLOCK_TOO_EARLY)
        kept = _up_to(active_branch(service.log(tenant)), to_ms)
        events: list[Event] = [Rewound(kept[-1].sequence)]
        # A scenario belongs to the organization, not to an instant: going back in time keeps it.
        if tenant.active_scenario and not any(isinstance(record.event, ScenarioShown) for record in kept[1:]):
            events.append(scenario_shown(tenant.active_scenario))
        return to_ms, [*events, setting(tenant, to_ms)]

    service.write(organization, decision)
    return service.tenant(organization)


def _up_to(branch: Sequence[Record], to_ms: int) -> Sequence[Record]:
    """The records of a branch up to an instant; the first one always, which is the beginning."""
    return [branch[0], *(record for record in branch[1:] if record.at_ms <= to_ms)]


def earlier_state(service: Service, tenant: Tenant, to_ms: int) -> tuple[Tenant, Sequence[Record]]:
    """The tenant as it would be after going back to an instant, and the records that would not count then.

    Nothing is changed: the tenant is a copy. Raises BillingError for an instant before it was created.
    """
    if to_ms < tenant.created_ms:
        raise BillingError(errors.CLOCK_TOO_EARLY)
    log = service.log(tenant)
    branch = active_branch(log)
    kept = _up_to(branch, to_ms)
    state = service.state_of(tenant.config.organization, log[: kept[-1].sequence])
    scheduler.advance(state, to_ms)
    return state, branch[len(kept) :]


def scenario_shown(scenario: ActiveScenario) -> ScenarioShown:
    """The event that makes a scenario the active one."""
    clock = scenario.previous_clock
    return ScenarioShown(scenario.name, scenario.fault_rules, None if clock is None else asdict(clock))


def named_instant(tenant: Tenant, name: str, copy: Callable[[], Tenant]) -> int:
    """The instant that a name stands for: `end-of-month`, `contract-end`, `next-installment` or
    `credit-exhausted`.

    copy: makes a copy of the tenant, to be changed freely. Raises BillingError, which says why, when there is
    no such instant.
    """
    return _NAMED[name](tenant, copy)


def _none(why: str) -> BillingError:
    return BillingError(
        errors.INSTANT_NONE, message=f"the organization has no such instant ahead of it: {why}"
    )


def _end_of_month(tenant: Tenant, copy: Callable[[], Tenant]) -> int:
    return markers.end_of_month(tenant.now_ms)


def _contract_end(tenant: Tenant, copy: Callable[[], Tenant]) -> int:
    contract = tenant.contract
    if contract is None:
        raise _none("it has no contract")
    if contract.end_ms <= tenant.now_ms:
        raise _none(f"its contract has ended, on {instants.text(contract.end_ms)}")
    return contract.end_ms


def _next_installment(tenant: Tenant, copy: Callable[[], Tenant]) -> int:
    contract = tenant.contract
    if contract is None:
        raise _none("it has no contract")
    if contract.status != "active":
        raise _none(f"its contract has the status {contract.status}, and only an active one has installments")
    due = [row.due_ms for row in contract.schedule if row.due_ms > tenant.now_ms and not row.paid]
    if not due:
        raise _none("all installments of its contract have fallen due")
    return min(due)


def _credit_exhausted(tenant: Tenant, copy: Callable[[], Tenant]) -> int:
    """When the balance first falls to zero, found by simulating the future of a copy of the tenant."""
    if tenant.config.mode != "prepaid":
        raise _none("it is postpaid, so it has no credit to exhaust")
    if tenant.ledger.balance_micros <= 0:
        raise _none("its credit is exhausted already")
    rule = tenant.top_up(max(tenant.now_ms, tenant.config.as_of_ms))
    if rule is not None and rule.below_micros > 0:
        # Each charge that leaves less than the threshold is followed by a top-up at the same instant.
        raise _none(f"it tops up automatically, below {rule.below_micros / MICROS_PER_USD:,.2f} USD")
    future, horizon_ms = copy(), tenant.now_ms + _HORIZON_MS
    while future.now_ms < horizon_ms:
        first_row = len(future.ledger.rows)
        scheduler.advance(future, future.now_ms + 30 * instants.DAY_MS)
        exhausted_ms = markers.first_exhausted(future.ledger, first_row)
        if exhausted_ms is not None:
            return exhausted_ms
    raise _none("its credit lasts longer than five years")


_NAMED: Mapping[str, Callable[[Tenant, Callable[[], Tenant]], int]] = {
    "end-of-month": _end_of_month,
    "contract-end": _contract_end,
    "next-installment": _next_installment,
    "credit-exhausted": _credit_exhausted,
}
NAMED_INSTANTS = tuple(_NAMED)
"""The names that `named_instant` accepts."""


def _set_at_present(service: Service, organization: str, setting: Callable[[int], ClockSet]) -> Tenant:
    service.write(organization, lambda tenant, now_ms: (now_ms, [setting(now_ms)]))
    return service.tenant(organization)
