import json

from hypothesis import given
from hypothesis import strategies as st
from orgbilling_fixtures import personas
from orgbilling_stubs.api import serializers
from orgbilling_stubs.billing import instants
from orgbilling_stubs.billing.events import VoucherRedeemed
from orgbilling_stubs.billing.tenant import Tenant
from orgbilling_stubs.tenants import tenant_factory
from orgbilling_stubs.tenants.clock import Clock
from orgbilling_stubs.tenants.service import Service
from orgbilling_stubs.tenants.store.memory import MemoryStore


def tenant(name: str) -> Tenant:
    document = personas.load(name).document
    clock = Clock(instants.parse("2026-03-10T12:00:00Z"))
    return Service(MemoryStore(), clock, tenant_factory.tenant_config, lambda _: document, 1).tenant("org_a")


@given(st.integers(-(10**15), 10**15))
def test_money_is_the_nearest_number_and_reads_back(micros: int) -> None:
    assert round(json.loads(json.dumps(serializers.usd(micros))) * 10**6) == micros


def test_members_come_in_the_order_of_the_page() -> None:
    for body in serializers.all_bodies(tenant("contract_active"), "http://x").values():
        rows = body if isinstance(body, list) else [body]
        for row in rows[:1]:
            assert list(row) == sorted(row, key=str.lower)


def test_optional_members_are_left_out_rather_than_null() -> None:
    fresh = tenant("new_org")
    assert "stripeCustomerId" not in serializers.profile(fresh)
    assert None not in serializers.profile(fresh).values()


def test_a_redemption_says_what_it_did() -> None:
    credit = serializers.redemption(VoucherRedeemed("A", 50_000_000, 0, 60_000_000))
    assert credit == {
        "creditAmountUsd": 50.0,
        "message": "50.00 USD in credits added",
        "newBalance": 60.0,
        "voucherCode": "A",
    }
    discount = serializers.redemption(VoucherRedeemed("B", 0, 20, 60_000_000))
    assert discount["message"] == "20% discount on the enterprise contract"


def test_hosted_urls_escape_what_is_not_plain() -> None:
    assert serializers.payment_url("http://x", "org_a/b", "cs") == "http://x/_mock/checkout/org_a%2Fb/cs"
    assert serializers.portal_url("http://x", "org_ü", "bps") == "http://x/_mock/portal/org_%C3%BC/bps"


def test_windows_nest() -> None:
    standard = tenant("standard")
    sizes = [len(serializers.ledger(standard, days) or []) for days in (1, 7, 30, 365)]
    assert sizes == sorted(sizes)
    assert len(serializers.ledger(standard, None) or []) > sizes[-1]
