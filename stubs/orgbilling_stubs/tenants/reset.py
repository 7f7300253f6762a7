"""Beginning the history of a tenant anew, in the same log: a reset, and what a scenario begins with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from orgbilling_openapi.strict_json import JsonValue

from orgbilling_stubs.billing.events import ClockSet, Event, Rewound, TenantCreated
from orgbilling_stubs.billing.log_branches import active_branch
from orgbilling_stubs.billing.tenant import Tenant
from orgbilling_stubs.tenants.service import OtherChanges, Service, no_other_changes


def reset(service: Service, organization: str, others: OtherChanges = no_other_changes) -> Tenant:
    """Begin the history anew: same persona and seed, as of now, without the scenario and the clock it set.

    others: changes of other logs in the same transaction.
    """

    def decision(tenant: Tenant, now_ms: int) -> tuple[int, Sequence[Event]]:
        first = active_branch(service.log(tenant))[0].event
        assert isinstance(first, TenantCreated)
        return created_anew(service, tenant, now_ms, first.persona, first.seed)

    service.write(organization, decision, others)
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
    created = service.creation(tenant.config.organization, persona, seed, at_ms)
    return at_ms, [Rewound(0), created, service.clock.moved_to(clock, at_ms)]


def own_clock(tenant: Tenant) -> ClockSet:
    """The clock that applies to the tenant apart from its scenario: the one before a scenario set another."""
    scenario = tenant.active_scenario
    return tenant.clock if scenario is None or scenario.previous_clock is None else scenario.previous_clock
