from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from orgbilling_stubs.billing.commands import (
    ChangeCheckoutSettings,
    Command,
    OpenCheckout,
    OpenPortal,
    PayCheckout,
    RedeemVoucher,
    SubscribeContract,
)
from orgbilling_stubs.billing.decide import decide
from orgbilling_stubs.billing.errors import BillingError
from orgbilling_stubs.billing.events import (
    CheckoutCompleted,
    CheckoutOpened,
    CheckoutSettingsChanged,
    ContractSubscribed,
    Event,
    PortalOpened,
    Record,
    VoucherRedeemed,
)
from orgbilling_stubs.billing.state import apply
from orgbilling_stubs.billing.tenant import CHECKOUT_LIFE_MS, Tenant
from orgbilling_stubs.billing.tenant_config import ContractTerms

MakeTenant = Callable[..., Tenant]
Terms = Callable[..., ContractTerms]
MONTHLY = "11111111-1111-4111-8111-111111111111"
ANNUAL = "22222222-2222-4222-8222-222222222222"


def carry_out(tenant: Tenant, command: Command) -> list[Event]:
    events = decide(tenant, command, tenant.now_ms)
    for event in events:
        apply(tenant, Record(tenant.version + 1, tenant.now_ms, event, tenant.version + 1))
    return events


def test_deciding_changes_nothing(make_tenant: MakeTenant) -> None:
    tenant = make_tenant()
    before = (tenant.changes, tenant.version, list(tenant.ledger.rows), dict(tenant.checkouts))
    for command in (RedeemVoucher("TEST-CREDIT-5-a"), OpenCheckout(100, "USD"), SubscribeContract(MONTHLY)):
        decide(tenant, command, tenant.now_ms)
    assert before == (tenant.changes, tenant.version, tenant.ledger.rows, tenant.checkouts)


def test_a_voucher_event_tells_the_balance_after_it(make_tenant: MakeTenant) -> None:
    tenant = make_tenant()
    before = tenant.ledger.balance_micros
    [event] = carry_out(tenant, RedeemVoucher("TEST-CREDIT-5-a"))
    assert event == VoucherRedeemed("TEST-CREDIT-5-a", 5_000_000, 0, before + 5_000_000, tenant.admin())
    assert tenant.ledger.balance_micros == event.balance_micros


def test_a_discount_that_would_change_nothing_is_refused_and_not_used_up(
    make_tenant: MakeTenant, make_terms: Terms
) -> None:
    terms = make_terms(service_micros=0, onetime_service_micros=0)
    running = make_tenant(contract=terms)
    with pytest.raises(BillingError, match="voucher_without_effect"):
        decide(running, RedeemVoucher("TEST-DISCOUNT-20-a"), running.now_ms)
    waiting = make_tenant(contract=replace(terms, status="pending_payment"))
    with pytest.raises(BillingError, match="voucher_without_effect"):
        decide(waiting, RedeemVoucher("TEST-DISCOUNT-20-a"), waiting.now_ms)
    settled = make_tenant(contract=make_terms(frequency="one_time"))
    with pytest.raises(BillingError, match="voucher_without_effect"):
        decide(settled, RedeemVoucher("TEST-DISCOUNT-20-a"), settled.now_ms)


def test_a_discount_counts_for_the_contract_at_hand_or_the_next_one(
    make_tenant: MakeTenant, make_terms: Terms
) -> None:
    tenant = make_tenant(contract=make_terms())
    assert tenant.contract is not None
    before = sum(row.service_micros for row in tenant.contract.schedule)
    carry_out(tenant, RedeemVoucher("TEST-DISCOUNT-20-a"))
    assert sum(row.service_micros for row in tenant.contract.schedule) < before
    for status in ("cancelled", "draft"):
        later = make_tenant(contract=make_terms(status=status, service_micros=0, onetime_service_micros=0))
        assert later.contract is not None
        carry_out(later, RedeemVoucher("TEST-DISCOUNT-20-a"))
        carry_out(later, SubscribeContract(MONTHLY))
        assert {row.service_micros for row in later.contract.schedule} == {160_000_000}


def test_a_checkout_is_opened_paid_once_and_expires(make_tenant: MakeTenant) -> None:
    tenant = make_tenant()
    [opened] = carry_out(tenant, OpenCheckout(1_000, "USD"))
    assert isinstance(opened, CheckoutOpened)
    pay = PayCheckout(opened.session_id)
    assert carry_out(tenant, pay) == [CheckoutCompleted(pay.session_id, [tenant.now_ms])]
    assert carry_out(tenant, pay) == []
    [second] = carry_out(tenant, OpenCheckout(1_000, "USD"))
    assert isinstance(second, CheckoutOpened)
    assert second.session_id != opened.session_id
    with pytest.raises(BillingError, match="session_expired"):
        decide(tenant, PayCheckout(second.session_id), tenant.now_ms + CHECKOUT_LIFE_MS)
    with pytest.raises(BillingError, match="session_unknown"):
        decide(tenant, PayCheckout("cs_test_nobody"), tenant.now_ms)


def test_the_portal_needs_a_customer(make_tenant: MakeTenant) -> None:
    tenant = make_tenant()
    with pytest.raises(BillingError, match="stripe_customer_none"):
        decide(tenant, OpenPortal(), tenant.now_ms)
    [opened] = carry_out(tenant, OpenCheckout(1_000, "USD"))
    assert isinstance(opened, CheckoutOpened)
    carry_out(tenant, PayCheckout(opened.session_id))
    [portal] = carry_out(tenant, OpenPortal())
    assert isinstance(portal, PortalOpened)
    assert tenant.portals == {portal.session_id: tenant.now_ms}


def test_checkout_settings_stay_as_they_were_chosen(make_tenant: MakeTenant) -> None:
    tenant = make_tenant()
    carry_out(
        tenant,
        ChangeCheckoutSettings("https://a.example/ok", "https://a.example/no", [5], "https://a.example/"),
    )
    assert tenant.checkout_settings == CheckoutSettingsChanged(
        success_url="https://a.example/ok",
        cancel_url="https://a.example/no",
        webhook_delays_s=[5],
        return_url="https://a.example/",
    )


def test_a_contract_is_subscribed_paid_and_then_taken(make_tenant: MakeTenant) -> None:
    tenant = make_tenant()
    [first] = carry_out(tenant, SubscribeContract(MONTHLY))
    assert isinstance(first, ContractSubscribed)
    assert carry_out(tenant, SubscribeContract(MONTHLY.upper())) == [first]
    with pytest.raises(BillingError, match="contract_pending"):
        decide(tenant, SubscribeContract(ANNUAL), tenant.now_ms)
    carry_out(tenant, PayCheckout(first.session_id))
    assert tenant.contract is not None
    assert tenant.contract.status == "active"
    assert [row.paid for row in tenant.contract.schedule].count(True) == 1
    with pytest.raises(BillingError, match="contract_active"):
        decide(tenant, SubscribeContract(MONTHLY), tenant.now_ms)


@pytest.mark.parametrize("status", ["draft", "pending_payment"])
def test_the_tenants_own_contract_can_be_subscribed(
    make_tenant: MakeTenant, make_terms: Terms, status: str
) -> None:
    terms = make_terms(status=status, start_ms=0, end_ms=1)
    tenant = make_tenant(contract=terms)
    assert tenant.contract is not None
    assert tenant.contract.status == status
    [event] = carry_out(tenant, SubscribeContract(terms.contract_id))
    assert isinstance(event, ContractSubscribed)
    carry_out(tenant, PayCheckout(event.session_id))
    assert tenant.contract.status == "active"


@pytest.mark.parametrize(
    ("contract_id", "name"),
    [(MONTHLY[:-1] + "9", "contract_unknown"), ("44444444-4444-4444-8444-444444444444", "contract_expired")],
)
def test_contracts_that_are_not_to_be_had(make_tenant: MakeTenant, contract_id: str, name: str) -> None:
    tenant: Any = make_tenant()
    with pytest.raises(BillingError, match=name):
        decide(tenant, SubscribeContract(contract_id), tenant.now_ms)
