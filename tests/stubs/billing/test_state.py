from collections.abc import Callable

from orgbilling_stubs.billing.events import (
    CheckoutCompleted,
    CheckoutOpened,
    ContractCancelled,
    ContractResumed,
    ContractSubscribed,
    Event,
    Idempotency,
    InstallmentMarked,
    PaymentSettled,
    Record,
    TenantCreated,
    VoucherRedeemed,
)
from orgbilling_stubs.billing.scheduler import advance, next_due_ms
from orgbilling_stubs.billing.state import apply, state_of
from orgbilling_stubs.billing.tenant import Tenant
from orgbilling_stubs.billing.tenant_config import ContractTerms, TenantConfig

MakePlan = Callable[..., TenantConfig]
MakeTenant = Callable[..., Tenant]


def test_the_same_log_gives_the_same_tenant(make_plan: MakePlan) -> None:
    plan = make_plan()
    at_ms = plan.as_of_ms
    log = [
        Record(1, at_ms, TenantCreated({}, 1, at_ms, "org_hand"), 1),
        Record(2, at_ms + 5, CheckoutOpened("cs_1", 1_234, "USD"), 2),
        Record(3, at_ms + 9, CheckoutCompleted("cs_1", []), 3, Idempotency("k", "f")),
        Record(4, at_ms + 10**9, PaymentSettled("cs_1"), 4),
    ]
    first, second = (state_of("org_hand", log, lambda organization, event: plan) for _ in range(2))
    assert first.ledger.rows == second.ledger.rows
    assert first.version == 4
    assert first.ledger.rows[-1].kind == "top_up"
    assert first.ledger.rows[-1].at_ms == at_ms + 10**9
    assert first.stripe_customer_id is not None
    assert first.idempotent_events["k"] == (Idempotency("k", "f"), CheckoutCompleted("cs_1", []))


def test_a_webhook_that_comes_twice_pays_once(make_tenant: MakeTenant) -> None:
    tenant = make_tenant()
    before = tenant.ledger.balance_micros
    for number, event in enumerate(
        (CheckoutOpened("cs", 500, "USD"), PaymentSettled("cs"), PaymentSettled("cs")), 1
    ):
        apply(tenant, Record(number, tenant.now_ms, event, number))
    assert tenant.ledger.balance_micros == before + 5_000_000


def test_a_discount_reaches_the_contract_that_is_there(
    make_tenant: MakeTenant, make_terms: Callable[..., ContractTerms]
) -> None:
    tenant = make_tenant(contract=make_terms())
    assert tenant.contract is not None
    before = sum(row.service_micros for row in tenant.contract.schedule)
    apply(tenant, Record(1, tenant.now_ms, VoucherRedeemed("D", 0, 50, tenant.ledger.balance_micros), 1))
    assert sum(row.service_micros for row in tenant.contract.schedule) < before
    assert tenant.ledger.rows[-1].kind != "voucher"


def test_a_discount_lowers_what_a_pending_contract_asks_for(make_tenant: MakeTenant) -> None:
    tenant = make_tenant()
    contract_id = "11111111-1111-4111-8111-111111111111"
    apply(tenant, Record(1, tenant.now_ms, ContractSubscribed(contract_id, "cs"), 1))
    before = tenant.checkouts["cs"].amount_minor
    apply(tenant, Record(2, tenant.now_ms, VoucherRedeemed("D", 0, 50, tenant.ledger.balance_micros), 2))
    assert tenant.contract is not None
    assert tenant.checkouts["cs"].amount_minor == tenant.contract.first_payment_minor("USD") < before


def test_no_event_leaves_what_it_makes_due_unnoticed(make_tenant: MakeTenant) -> None:
    """Until `quiet_until_ms` the scheduler does not look, so nothing may be due before."""
    tenant = make_tenant()
    contract_id = "11111111-1111-4111-8111-111111111111"
    later_ms = tenant.now_ms + 60_000
    events: list[Event] = [
        CheckoutOpened("cs_1", 500, "USD"),
        CheckoutCompleted("cs_1", [later_ms]),
        VoucherRedeemed("A", 1, 0, 1),
        CheckoutOpened("cs_2", 500, "USD"),
        CheckoutCompleted("cs_2", [later_ms - 30_000]),
        ContractSubscribed(contract_id, "cs_3"),
        VoucherRedeemed("D", 0, 50, 1),
        CheckoutCompleted("cs_3", [tenant.now_ms]),
        InstallmentMarked(0, False),
        ContractCancelled(),
        ContractResumed(),
    ]
    for number, event in enumerate(events, 1):
        apply(tenant, Record(number, tenant.now_ms + number, event, number))
        assert tenant.quiet_until_ms <= next_due_ms(tenant), event
    advance(tenant, later_ms)
    assert [row.kind for row in tenant.ledger.rows].count("top_up") == 2
