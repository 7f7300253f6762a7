from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from orgbilling_fixtures import personas
from orgbilling_fixtures.scenarios import Scenario
from orgbilling_stubs.api import serializers
from orgbilling_stubs.billing import instants
from orgbilling_stubs.billing.commands import OpenCheckout, PayCheckout, RedeemVoucher
from orgbilling_stubs.billing.errors import BillingError
from orgbilling_stubs.billing.events import CheckoutOpened, ClockSet, Idempotency
from orgbilling_stubs.billing.tenant import Tenant
from orgbilling_stubs.tenants import clock_commands, scenarios, snapshots, tenant_factory
from orgbilling_stubs.tenants.clock import Clock
from orgbilling_stubs.tenants.reset import reset
from orgbilling_stubs.tenants.service import Service
from orgbilling_stubs.tenants.store.errors import ConflictError
from orgbilling_stubs.tenants.store.protocol import Store
from orgbilling_stubs.tenants.undo import undo

NOW_MS = instants.parse("2026-03-10T12:00:00Z")
DAY_MS = instants.DAY_MS
ORG = "org_a"


@pytest.fixture
def service(store_address: str, open_store: Callable[[str], Store]) -> Service:
    document = personas.load("standard").document
    return Service(
        open_store(store_address), Clock(NOW_MS), tenant_factory.tenant_config, lambda _: document, 1
    )


def become(service: Service, persona: str, **scenario_fields: Any) -> Tenant:
    """Show a scenario of this persona."""
    scenario = Scenario(1, "made-up", "", "", (), persona, **scenario_fields)
    return scenarios.show_scenario(service, ORG, scenario, personas.load(persona).document)


def bodies(service: Service, organization: str = ORG) -> dict[str, Any]:
    return serializers.all_bodies(service.tenant(organization), "http://x", (1, 30))


@pytest.mark.slow
def test_forward_and_back_and_forward_again_is_the_same(service: Service) -> None:
    seen = [bodies(service)]
    for _ in range(12):
        clock_commands.move_clock(service, ORG, service.tenant(ORG).now_ms + DAY_MS)
        seen.append(bodies(service))
    clock_commands.move_clock(service, ORG, NOW_MS)
    again = [bodies(service)]
    for _ in range(12):
        clock_commands.move_clock(service, ORG, service.tenant(ORG).now_ms + DAY_MS)
        again.append(bodies(service))
    assert again == seen


@pytest.mark.slow_beyond(1)
def test_rewinding_before_the_clock_shows_the_history_as_it_was(service: Service) -> None:
    now = bodies(service)
    earlier = clock_commands.move_clock(service, ORG, NOW_MS - 100 * DAY_MS)
    assert earlier.now_ms == NOW_MS - 100 * DAY_MS
    assert len(earlier.ledger.rows) < len(now["getOrgLedger?days=all"])
    clock_commands.move_clock(service, ORG, NOW_MS)
    assert bodies(service) == now


@pytest.mark.slow_beyond(1)
def test_a_rewind_forgets_the_commands_after_it(service: Service) -> None:
    before = bodies(service)
    clock_commands.move_clock(service, ORG, NOW_MS + DAY_MS)
    service.execute(ORG, RedeemVoucher("TEST-CREDIT-5-a"))
    clock_commands.move_clock(service, ORG, NOW_MS)
    assert bodies(service) == before
    service.execute(ORG, RedeemVoucher("TEST-CREDIT-5-a"))


def test_nobody_goes_back_to_before_the_beginning(service: Service) -> None:
    created_ms = service.tenant(ORG).created_ms
    with pytest.raises(BillingError, match="clock_too_early"):
        clock_commands.move_clock(service, ORG, created_ms - 1)
    assert clock_commands.move_clock(service, ORG, created_ms).now_ms == created_ms


@pytest.mark.slow
def test_undo_takes_back_one_command_at_a_time(service: Service) -> None:
    start = bodies(service)
    service.execute(ORG, RedeemVoucher("TEST-CREDIT-5-a"))
    one = bodies(service)
    service.execute(ORG, RedeemVoucher("TEST-CREDIT-5-b"))
    undo(service, ORG)
    assert bodies(service) == one
    undo(service, ORG)
    assert bodies(service) == start
    with pytest.raises(BillingError, match="nothing_to_undo"):
        undo(service, ORG)


@pytest.mark.slow
def test_undo_takes_back_whatever_was_the_last_command(service: Service) -> None:
    clock_commands.freeze_clock(service, ORG)
    service.execute(ORG, RedeemVoucher("TEST-CREDIT-5-a"))
    snapshots.take(service, ORG, "s")
    start = bodies(service)
    for command in (
        lambda: clock_commands.move_clock(service, ORG, NOW_MS - 30 * DAY_MS),
        lambda: clock_commands.freeze_clock(service, ORG, NOW_MS + 9 * DAY_MS),
        lambda: clock_commands.freeze_clock(service, ORG, NOW_MS - 9 * DAY_MS),
        lambda: reset(service, ORG),
        lambda: become(service, "empty"),
    ):
        command()
        assert bodies(service) != start
        undo(service, ORG)
        assert bodies(service) == start
        assert service.tenant(ORG).clock.mode == "frozen"
    service.execute(ORG, RedeemVoucher("TEST-CREDIT-5-b"))
    later = bodies(service)
    snapshots.restore(service, ORG, "s")
    assert bodies(service) == start
    undo(service, ORG)
    assert bodies(service) == later


def test_a_snapshot_brings_back_the_clock_as_it_was(service: Service) -> None:
    clock_commands.freeze_clock(service, ORG)
    snapshots.take(service, ORG, "frozen")
    clock_commands.run_clock(service, ORG)
    assert snapshots.restore(service, ORG, "frozen").clock.mode == "frozen"
    assert service.tenant(ORG).now_ms == NOW_MS


@pytest.mark.slow_beyond(1)
def test_a_snapshot_brings_back_state_and_instant(service: Service) -> None:
    service.execute(ORG, RedeemVoucher("TEST-CREDIT-5-a"))
    snapshots.take(service, ORG, "before")
    kept = bodies(service)
    clock_commands.move_clock(service, ORG, NOW_MS + 40 * DAY_MS)
    service.execute(ORG, RedeemVoucher("TEST-CREDIT-5-b"))
    snapshots.take(service, ORG, "after")
    later = bodies(service)
    snapshots.restore(service, ORG, "before")
    assert bodies(service) == kept
    snapshots.restore(service, ORG, "after")
    assert bodies(service) == later
    assert list(snapshots.by_name(service, ORG)) == ["before", "after"]
    with pytest.raises(BillingError, match="snapshot_unknown"):
        snapshots.restore(service, ORG, "never")


@pytest.mark.slow_beyond(1)
def test_a_fork_is_the_same_and_goes_its_own_way(service: Service) -> None:
    service.execute(ORG, RedeemVoucher("TEST-CREDIT-5-a"))
    parent = bodies(service)
    service.fork(ORG, "org_b")
    child = bodies(service, "org_b")
    assert child["getOrgBilling"]["tenantId"] != parent["getOrgBilling"]["tenantId"]
    strip = {"tenantId"}
    assert [
        {key: value for key, value in row.items() if key not in strip}
        for row in child["getOrgLedger?days=30"]
    ] == [
        {key: value for key, value in row.items() if key not in strip}
        for row in parent["getOrgLedger?days=30"]
    ]
    service.execute("org_b", RedeemVoucher("TEST-CREDIT-5-b"))
    clock_commands.move_clock(service, "org_b", NOW_MS + DAY_MS)
    assert bodies(service) == parent
    with pytest.raises(ConflictError):
        service.fork(ORG, "org_b")


def undone(service: Service, organization: str) -> Any:
    """The state after an undo; None when there was nothing to undo."""
    try:
        undo(service, organization)
    except BillingError:
        return None
    return fork_free(bodies(service, organization))


def fork_free(found: Any) -> Any:
    """Answers without the one id that a fork has of its own."""
    if isinstance(found, dict):
        return {key: fork_free(value) for key, value in found.items() if key != "tenantId"}
    return [fork_free(each) for each in found] if isinstance(found, list) else found


@pytest.mark.slow
@pytest.mark.parametrize("way", ["restore", "reset", "scenario", "back", "undo"])
def test_a_fork_has_the_past_of_its_parent_whatever_way_that_went(service: Service, way: str) -> None:
    clock_commands.freeze_clock(service, ORG)
    service.execute(ORG, RedeemVoucher("TEST-CREDIT-5-a"), Idempotency("key", "print"))
    snapshots.take(service, ORG, "s")
    clock_commands.move_clock(service, ORG, NOW_MS + DAY_MS)
    service.execute(ORG, RedeemVoucher("TEST-CREDIT-5-b"))
    {
        "restore": lambda: snapshots.restore(service, ORG, "s"),
        "reset": lambda: reset(service, ORG),
        "scenario": lambda: become(service, "empty"),
        "back": lambda: clock_commands.move_clock(service, ORG, NOW_MS - DAY_MS),
        "undo": lambda: undo(service, ORG),
    }[way]()
    log, present = list(service.store.read(ORG)), bodies(service)
    service.fork(ORG, "org_b")
    service.fork("org_b", "org_c")
    assert fork_free(bodies(service, "org_c")) == fork_free(bodies(service, "org_b")) == fork_free(present)
    assert snapshots.by_name(service, "org_c") == snapshots.by_name(service, ORG)
    pasts = {each: [undone(service, each) for _ in range(6)] for each in ("org_c", "org_b")}
    for each in pasts:
        snapshots.restore(service, each, "s")
    assert (service.store.read(ORG), bodies(service)) == (log, present)
    assert pasts["org_c"] == pasts["org_b"] == [undone(service, ORG) for _ in range(6)]
    snapshots.restore(service, ORG, "s")
    assert fork_free(bodies(service, "org_c")) == fork_free(bodies(service))


@pytest.mark.slow
def test_a_snapshot_is_nothing_to_undo_and_survives_what_is_undone_around_it(service: Service) -> None:
    start = bodies(service)
    snapshots.take(service, ORG, "start")
    with pytest.raises(BillingError, match="nothing_to_undo"):
        undo(service, ORG)
    service.execute(ORG, RedeemVoucher("TEST-CREDIT-5-a"))
    one = bodies(service)
    snapshots.take(service, ORG, "one")
    snapshots.take(service, ORG, "again")
    service.execute(ORG, RedeemVoucher("TEST-CREDIT-5-b"))
    undo(service, ORG)
    assert bodies(service) == one
    undo(service, ORG)
    assert bodies(service) == start
    with pytest.raises(BillingError, match="nothing_to_undo"):
        undo(service, ORG)
    assert list(snapshots.by_name(service, ORG)) == ["start", "one", "again"]
    snapshots.restore(service, ORG, "one")
    assert bodies(service) == one
    undo(service, ORG)
    assert bodies(service) == start


@pytest.mark.slow_beyond(1)
def test_what_ends_a_scenario_gives_back_the_clock_from_before_it(service: Service) -> None:
    clock_commands.move_clock(service, ORG, NOW_MS - DAY_MS)
    past = ClockSet("server", offset_ms=-DAY_MS)
    become(service, "standard", clock="2026-03-19T12:00:00Z")
    assert service.tenant(ORG).now_ms == NOW_MS + 9 * DAY_MS
    back = reset(service, ORG)
    assert (back.clock, back.now_ms) == (past, NOW_MS - DAY_MS)
    undo(service, ORG)
    assert service.tenant(ORG).now_ms == NOW_MS + 9 * DAY_MS
    again = become(service, "empty")
    assert (again.clock, again.now_ms) == (past, NOW_MS - DAY_MS)


def test_a_scenario_may_set_clock_settings_and_steps_together(service: Service) -> None:
    steps = ({"do": "checkout", "amount": 100}, {"do": "pay"})
    tenant = become(service, "standard", clock="end-of-month", steps=steps, webhook_delays_s=(1,))
    assert instants.text(tenant.now_ms) == "2026-03-31T23:59:59Z"
    [checkout] = [each for each in tenant.checkouts.values() if each.purpose == "top_up"]
    assert (checkout.opened_ms, checkout.settled) == (NOW_MS, True)


@pytest.mark.slow_beyond(1)
def test_reset_begins_again_and_a_scenario_changes_the_persona(service: Service) -> None:
    start = bodies(service)
    service.execute(ORG, RedeemVoucher("TEST-CREDIT-5-a"))
    reset(service, ORG)
    assert bodies(service) == start
    become(service, "low_balance")
    assert bodies(service)["getOrgBilling"]["creditBalance"] == 3.2


def test_a_frozen_tenant_stands_still_and_a_live_one_moves(service: Service) -> None:
    clock_commands.freeze_clock(service, ORG)
    service.clock.set(NOW_MS + DAY_MS)
    assert service.tenant(ORG).now_ms == NOW_MS
    assert clock_commands.follow_server_clock(service, ORG).now_ms == NOW_MS + DAY_MS
    live = clock_commands.run_clock(service, ORG)
    assert live.clock.mode == "live"
    assert NOW_MS + DAY_MS <= live.now_ms < NOW_MS + DAY_MS + instants.MINUTE_MS


@pytest.mark.slow_beyond(3)
@pytest.mark.parametrize(
    ("persona", "name", "check"),
    [
        ("standard", "end-of-month", lambda at_ms: instants.text(at_ms) == "2026-03-31T23:59:59Z"),
        ("contract_active", "next-installment", lambda at_ms: at_ms > NOW_MS),
        ("contract_ending", "contract-end", lambda at_ms: at_ms - NOW_MS < 7 * DAY_MS),
        ("low_balance", "credit-exhausted", lambda at_ms: NOW_MS < at_ms < NOW_MS + 90 * DAY_MS),
    ],
)
def test_instants_have_names(service: Service, persona: str, name: str, check: Callable[[int], bool]) -> None:
    become(service, persona)
    at_ms = clock_commands.named_instant(service.tenant(ORG), name, lambda: service.copy(ORG))
    assert check(at_ms), instants.text(at_ms)
    tenant = clock_commands.move_clock(service, ORG, at_ms)
    if name == "credit-exhausted":
        assert tenant.ledger.balance_micros <= 0
    if name == "contract-end":
        assert tenant.contract is not None
        assert tenant.contract.status == "expired"


@pytest.mark.slow
def test_an_instant_that_never_comes_is_named(service: Service) -> None:
    become(service, "no_contract")
    with pytest.raises(BillingError, match="instant_none"):
        clock_commands.named_instant(service.tenant(ORG), "contract-end", lambda: service.copy(ORG))


@pytest.mark.slow_beyond(5)
@pytest.mark.parametrize("webhook", [(), (60,), (0, 0), (30, 90)])
def test_the_balance_follows_the_webhook(service: Service, webhook: tuple[int, ...]) -> None:
    before = service.tenant(ORG).ledger.balance_micros
    opened, _ = service.execute(ORG, OpenCheckout(1_000, "USD"))
    assert isinstance(opened, CheckoutOpened)
    service.execute(ORG, PayCheckout(opened.session_id, webhook))
    paid = before + 10_000_000
    assert service.tenant(ORG).ledger.balance_micros == (paid if 0 in webhook else before)
    tenant = clock_commands.move_clock(service, ORG, NOW_MS + 100_000)
    top_ups = [row for row in tenant.ledger.rows if row.credits_micros == 10_000_000 and row.at_ms >= NOW_MS]
    assert len(top_ups) == (1 if webhook else 0)
