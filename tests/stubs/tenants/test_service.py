from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from orgbilling_fixtures import personas
from orgbilling_stubs.billing import instants
from orgbilling_stubs.billing.commands import IssueVoucher, OpenCheckout, RedeemVoucher
from orgbilling_stubs.billing.errors import BillingError
from orgbilling_stubs.billing.events import Idempotency, SnapshotTaken
from orgbilling_stubs.billing.tenant import Tenant
from orgbilling_stubs.tenants import tenant_factory
from orgbilling_stubs.tenants.clock import Clock
from orgbilling_stubs.tenants.service import Service
from orgbilling_stubs.tenants.store.protocol import Store
from orgbilling_stubs.tenants.undo import undo

NOW_MS = instants.parse("2026-03-10T12:00:00Z")
Make = Callable[[], Service]


@pytest.fixture
def make(store_address: str, open_store: Callable[[str], Store]) -> Make:
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


def test_a_refused_command_is_refused_again_under_its_key(make: Make) -> None:
    """As at Stripe, a refusal that the state decided on is kept under the key, whatever has changed since."""
    service, key = make(), Idempotency("key-1", "fingerprint")
    with pytest.raises(BillingError, match="voucher_unknown"):
        service.execute("org_a", RedeemVoucher("MINE"), key)
    service.execute("org_a", IssueVoucher("MINE", 1_000_000, 0))
    with pytest.raises(BillingError, match="voucher_unknown"):
        service.execute("org_a", RedeemVoucher("MINE"), key)
    with pytest.raises(BillingError, match="idempotency_key_reused"):
        service.execute("org_a", OpenCheckout(100, "USD"), Idempotency("key-1", "other"))
    assert service.execute("org_a", RedeemVoucher("MINE"), Idempotency("key-2", "fingerprint"))[0] is not None


def test_a_refusal_changes_neither_state_nor_ids(make: Make) -> None:
    service = make()
    before = service.tenant("org_a").changes
    with pytest.raises(BillingError):
        service.execute("org_a", RedeemVoucher("NOPE"), Idempotency("key-1", "fingerprint"))
    assert service.tenant("org_a").changes == before
    opened = service.execute("org_a", OpenCheckout(100, "USD"))[0]
    service.delete("org_a")
    assert service.execute("org_a", OpenCheckout(100, "USD"))[0] == opened


def test_undoing_what_came_before_a_refusal_frees_its_key(make: Make) -> None:
    service, key = make(), Idempotency("key-1", "fingerprint")
    service.execute("org_a", RedeemVoucher("TEST-CREDIT-5-a"))
    with pytest.raises(BillingError, match="voucher_used"):
        service.execute("org_a", RedeemVoucher("TEST-CREDIT-5-a"), key)
    undo(service, "org_a")
    assert service.execute("org_a", RedeemVoucher("TEST-CREDIT-5-a"), key)[0] is not None


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


def two_servers(address: str, open_store: Callable[[str], Store]) -> tuple[Service, Service]:
    """Two services on one database, as two processes have them."""
    document = personas.load("standard").document
    ours, theirs = (
        Service(open_store(address), Clock(NOW_MS), tenant_factory.tenant_config, lambda _: document, 1)
        for _ in range(2)
    )
    return ours, theirs


@pytest.mark.slow_beyond(3)
@pytest.mark.parametrize("commands_after", [0, 1, 2])
def test_a_cached_organization_is_gone_once_another_server_has_created_it_anew(
    lasting_store_address: str, open_store: Callable[[str], Store], commands_after: int
) -> None:
    """The new log is shorter than, as long as, or longer than the cached one."""
    ours, theirs = two_servers(lasting_store_address, open_store)
    opening_micros = ours.tenant("org_a").ledger.balance_micros
    ours.execute("org_a", RedeemVoucher("TEST-CREDIT-5-a"), Idempotency("k", "f"))
    theirs.delete("org_a")
    for number in range(commands_after):
        theirs.execute("org_a", RedeemVoucher(f"TEST-CREDIT-9-{number}"))
    assert ours.existing("org_a") is not None if commands_after else ours.existing("org_a") is None
    ours.execute("org_a", RedeemVoucher("TEST-CREDIT-1-b"))
    ours.execute("org_a", RedeemVoucher("TEST-CREDIT-5-a"), Idempotency("k", "another request"))
    assert ours.tenant("org_a").ledger.rows == theirs.tenant("org_a").ledger.rows
    expected_micros = opening_micros + (9 * commands_after + 1 + 5) * 1_000_000
    assert ours.tenant("org_a").ledger.balance_micros == expected_micros


def test_what_was_decided_on_a_former_log_is_decided_again(
    lasting_store_address: str, open_store: Callable[[str], Store]
) -> None:
    ours, theirs = two_servers(lasting_store_address, open_store)
    ours.execute("org_a", RedeemVoucher("TEST-CREDIT-5-a"))
    decided_on = []

    def decision(tenant: Tenant, now_ms: int) -> tuple[int, list[SnapshotTaken]]:
        decided_on.append(tenant.generation)
        if len(decided_on) == 1:
            theirs.delete("org_a")
            theirs.execute("org_a", RedeemVoucher("TEST-CREDIT-5-b"))
        assert ours.log(tenant)
        return now_ms, [SnapshotTaken("s")]

    ours.write("org_a", decision)
    assert decided_on[0] != decided_on[1]
    assert list(ours.tenant("org_a").redeemed) == ["TEST-CREDIT-5-b"]


def test_siblings_on_one_database_see_each_other(
    lasting_store_address: str, open_store: Callable[[str], Store]
) -> None:
    ours, theirs = two_servers(lasting_store_address, open_store)
    before = ours.tenant("org_a").ledger.balance_micros
    theirs.execute("org_a", RedeemVoucher("TEST-CREDIT-5-a"))
    assert ours.tenant("org_a").ledger.balance_micros == before + 5_000_000
    with pytest.raises(BillingError, match="voucher_used"):
        ours.execute("org_a", RedeemVoucher("TEST-CREDIT-5-a"))
    ours.execute("org_a", RedeemVoucher("TEST-CREDIT-5-b"))
    theirs.execute("org_a", RedeemVoucher("TEST-CREDIT-5-c"))
    assert theirs.tenant("org_a").ledger.rows == ours.tenant("org_a").ledger.rows


def test_a_restart_finds_everything(lasting_store_address: str, open_store: Callable[[str], Store]) -> None:
    address, document = lasting_store_address, personas.load("standard").document
    first = Service(open_store(address), Clock(NOW_MS), tenant_factory.tenant_config, lambda _: document, 1)
    first.execute("org_a", RedeemVoucher("TEST-CREDIT-5-a"), Idempotency("k", "f"))
    with pytest.raises(BillingError):
        first.execute("org_a", RedeemVoucher("MINE"), Idempotency("refused", "f"))
    first.execute("org_a", IssueVoucher("MINE", 1_000_000, 0))
    rows = first.tenant("org_a").ledger.rows
    first.store.close()
    second = Service(open_store(address), Clock(NOW_MS), tenant_factory.tenant_config, lambda _: document, 2)
    assert second.tenant("org_a").ledger.rows == rows
    assert second.execute("org_a", RedeemVoucher("other"), Idempotency("k", "f"))[0] is not None
    second.fork("org_a", "org_fork")
    for organization in ("org_a", "org_fork"):
        with pytest.raises(BillingError, match="voucher_unknown"):
            second.execute(organization, RedeemVoucher("MINE"), Idempotency("refused", "f"))


def test_an_organization_is_deleted_once(
    lasting_store_address: str, open_store: Callable[[str], Store]
) -> None:
    """Two servers delete it at the same time: one of them did."""
    ours, theirs = two_servers(lasting_store_address, open_store)
    ours.tenant("org_a")
    assert theirs.delete("org_a")
    assert not ours.delete("org_a")
