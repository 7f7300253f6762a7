"""A tenant's state is what its log adds up to.

    state_of(log) = apply(… apply(apply(new tenant, record 2), record 3) …, record n)

The first record says who the tenant is. Every other record first brings the tenant to its instant, which
posts what time brings by itself (`billing.scheduler`), and then changes the state (`billing.event_changes`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from orgbilling_stubs.billing import scheduler
from orgbilling_stubs.billing.event_changes import EVENT_CHANGES
from orgbilling_stubs.billing.events import (
    BillingDetailsChanged,
    CheckoutSettingsChanged,
    ClockSet,
    CommandRefused,
    PaymentMethodChanged,
    Record,
    ScenarioFaultsCleared,
    ScenarioShown,
    SnapshotDeleted,
    SnapshotTaken,
    TenantCreated,
)
from orgbilling_stubs.billing.ledger_posting import note_change
from orgbilling_stubs.billing.log_branches import active_branch
from orgbilling_stubs.billing.tenant import Tenant
from orgbilling_stubs.billing.tenant_config import TenantConfig

TenantFactory = Callable[[str, TenantCreated], TenantConfig]
"""Makes the configuration that a history follows from, of an organization and its first event."""

SETTING_EVENTS = frozenset(
    {
        BillingDetailsChanged,
        ClockSet,
        CommandRefused,
        CheckoutSettingsChanged,
        PaymentMethodChanged,
        ScenarioFaultsCleared,
        ScenarioShown,
        SnapshotDeleted,
        SnapshotTaken,
    }
)
"""Events about the stub and the billing portal: no id depends on them, and no answer of the API at once."""


def state_of(organization: str, records: Sequence[Record], tenant_factory: TenantFactory) -> Tenant:
    """The tenant after its log, at the instant of the last record of the active branch."""
    branch = active_branch(records)
    first = branch[0].event
    assert isinstance(first, TenantCreated), "a log begins with the creation of its tenant"
    tenant = new_tenant(tenant_factory(organization, first))
    tenant.billing_events = 1
    for record in branch[1:]:
        apply(tenant, record)
    tenant.version = records[-1].sequence
    return tenant


def new_tenant(config: TenantConfig) -> Tenant:
    """A tenant before its history."""
    return Tenant(config)


def after_history(config: TenantConfig) -> Tenant:
    """The tenant at the instant up to which its configuration has a history."""
    tenant = new_tenant(config)
    scheduler.advance(tenant, config.as_of_ms)
    return tenant


def apply(tenant: Tenant, record: Record) -> None:
    """Bring the tenant to the record's instant, and apply its event."""
    sequence, at_ms, event, _, idempotency = record
    scheduler.advance(tenant, at_ms)
    kind = type(event)
    tenant.version = sequence
    ledger = tenant.ledger
    ledger.event_sequence = sequence
    contract, first_webhook = tenant.contract, tenant.webhooks[:1]
    EVENT_CHANGES[kind](event, tenant, at_ms)
    ledger.event_sequence = None
    if tenant.contract is not contract or tenant.webhooks[:1] != first_webhook:
        tenant.quiet_until_ms = 0
    if idempotency is not None:
        tenant.idempotent_events[idempotency.key] = (idempotency, event)
    if kind not in SETTING_EVENTS:
        tenant.billing_events += 1
        note_change(tenant, at_ms)
