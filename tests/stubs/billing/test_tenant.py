from collections.abc import Callable
from dataclasses import replace

from orgbilling_stubs.billing.ledger_posting import charge, post_credit_change
from orgbilling_stubs.billing.tenant import CHECKOUT_LIFE_MS, Checkout, Tenant
from orgbilling_stubs.billing.tenant_config import ContractTerms

MakeTenant = Callable[..., Tenant]


def test_a_checkout_is_open_then_expired_unless_it_is_complete() -> None:
    checkout = Checkout("cs", "top_up", 100, "USD", opened_ms=10)
    assert checkout.status(10) == "open"
    assert checkout.status(10 + CHECKOUT_LIFE_MS - 1) == "open"
    assert checkout.status(10 + CHECKOUT_LIFE_MS) == "expired"
    assert replace(checkout, completed=True).status(1 << 60) == "complete"
    assert replace(checkout, purpose="contract").status(1 << 60) == "open"


def test_every_change_moves_the_version_and_the_time(make_tenant: MakeTenant) -> None:
    tenant = make_tenant()
    changes = tenant.changes
    post_credit_change(tenant, tenant.now_ms, "adjustment", 1, "note")
    assert tenant.changes > changes
    assert tenant.updated_ms == tenant.now_ms


def test_a_postpaid_charge_is_owed_and_leaves_the_credits_alone(make_tenant: MakeTenant) -> None:
    tenant = make_tenant(mode="postpaid", free_credit_micros=0)
    owed = tenant.ledger.outstanding_micros
    charge(tenant, tenant.now_ms, "usage", 7, "note")
    assert tenant.ledger.outstanding_micros == owed + 7
    assert tenant.ledger.balance_micros == 0


def test_a_contract_in_the_plan_appears_before_it_starts(
    make_tenant: MakeTenant, make_terms: Callable[..., ContractTerms]
) -> None:
    terms = make_terms()
    tenant = make_tenant(contract=terms)
    assert tenant.contract is not None
    assert tenant.contract.created_ms < terms.start_ms
    assert tenant.checkouts[tenant.contract.session_id or ""].settled
