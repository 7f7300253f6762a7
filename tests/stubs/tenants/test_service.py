from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from orgbilling_fixtures import personas
from orgbilling_stubs.billing import instants
from orgbilling_stubs.billing.commands import OpenCheckout, RedeemVoucher
from orgbilling_stubs.billing.errors import BillingError
from orgbilling_stubs.billing.events import Idempotency
from orgbilling_stubs.tenants import tenant_factory
from orgbilling_stubs.tenants.clock import Clock
from orgbilling_stubs.tenants.service import Service
from orgbilling_stubs.tenants.store.address import open_store

NOW_MS = instants.parse("2026-03-10T12:00:00Z")
Make = Callable[[], Service]


@pytest.fixture
def make(store_address: str) -> Make:
    document = personas.load("standard").document

    def build() -> Service:
        return Service(
            open_store(store_address), Clock(NOW_MS), tenant_factory.tenant_config, lambda _: document, 1
        )

    return build


def test_a_tenant_is_created_on_first_sight_and_stays(make: Make) -> None:
    service = make()
    tenant = service.tenant("org_a")
    assert service.tenant("org_a") is tenant
    assert service.tenant("org_b").config.tenant_id != tenant.config.tenant_id
    assert list(service.store.organizations()) == ["org_a", "org_b"]


def test_an_organization_lives_from_its_first_sight_until_it_is_deleted(make: Make) -> None:
    service = make()
    assert not service.exists("org_a")
    service.tenant("org_a")
    assert service.exists("org_a")
    service.delete("org_a")
    assert not service.exists("org_a")


def test_a_repeated_key_answers_the_first_event_and_changes_nothing(make: Make) -> None:
    service = make()
    key = Idempotency("key-1", "fingerprint")
    first, tenant = service.execute("org_a", RedeemVoucher("TEST-CREDIT-5-a"), key)
    rows = len(tenant.ledger.rows)
    assert service.execute("org_a", RedeemVoucher("TEST-CREDIT-5-a"), key)[0] == first
    assert len(service.tenant("org_a").ledger.rows) == rows
    with pytest.raises(BillingError, match="idempotency_key_reused"):
        service.execute("org_a", OpenCheckout(100, "USD"), Idempotency("key-1", "other"))
    service.execute("org_b", RedeemVoucher("TEST-CREDIT-5-a"), key)


def test_a_refused_command_leaves_its_key_free(make: Make) -> None:
    service = make()
    key = Idempotency("key-1", "fingerprint")
    with pytest.raises(BillingError):
        service.execute("org_a", RedeemVoucher("NOPE"), key)
    assert service.execute("org_a", OpenCheckout(100, "USD"), key)[0] is not None


def test_a_voucher_is_redeemed_once_whatever_races(make: Make) -> None:
    service = make()

    def redeem(_: int) -> bool:
        try:
            service.execute("org_a", RedeemVoucher("TEST-CREDIT-5-race"))
        except BillingError:
            return False
        return True

    before = service.tenant("org_a").ledger.balance_micros
    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(redeem, range(64))) == 1
    assert service.tenant("org_a").ledger.balance_micros == before + 5_000_000


def test_siblings_on_one_database_see_each_other(lasting_store_address: str) -> None:
    document = personas.load("standard").document
    ours, theirs = (
        Service(
            open_store(lasting_store_address),
            Clock(NOW_MS),
            tenant_factory.tenant_config,
            lambda _: document,
            1,
        )
        for _ in range(2)
    )
    before = ours.tenant("org_a").ledger.balance_micros
    theirs.execute("org_a", RedeemVoucher("TEST-CREDIT-5-a"))
    assert ours.tenant("org_a").ledger.balance_micros == before + 5_000_000
    with pytest.raises(BillingError, match="voucher_used"):
        ours.execute("org_a", RedeemVoucher("TEST-CREDIT-5-a"))
    ours.execute("org_a", RedeemVoucher("TEST-CREDIT-5-b"))
    theirs.execute("org_a", RedeemVoucher("TEST-CREDIT-5-c"))
    assert theirs.tenant("org_a").ledger.rows == ours.tenant("org_a").ledger.rows


def test_a_restart_finds_everything(lasting_store_address: str) -> None:
    address, document = lasting_store_address, personas.load("standard").document
    first = Service(open_store(address), Clock(NOW_MS), tenant_factory.tenant_config, lambda _: document, 1)
    first.execute("org_a", RedeemVoucher("TEST-CREDIT-5-a"), Idempotency("k", "f"))
    rows = first.tenant("org_a").ledger.rows
    first.store.close()
    second = Service(open_store(address), Clock(NOW_MS), tenant_factory.tenant_config, lambda _: document, 2)
    assert second.tenant("org_a").ledger.rows == rows
    assert second.execute("org_a", RedeemVoucher("other"), Idempotency("k", "f"))[0] is not None
