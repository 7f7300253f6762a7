from __future__ import annotations

import pytest
from orgbilling_stubs.billing import instants
from orgbilling_stubs.billing.commands import RedeemVoucher
from orgbilling_stubs.faults.effects.stale import PastTenants, Stale
from orgbilling_stubs.tenants import clock_commands, snapshots, tenant_factory
from orgbilling_stubs.tenants.clock import Clock
from orgbilling_stubs.tenants.persona_registry import PersonaRegistry
from orgbilling_stubs.tenants.service import Service
from orgbilling_stubs.tenants.store.memory import MemoryStore
from orgbilling_stubs.tenants.undo import undo

ORGANIZATION = "org_standard"


@pytest.fixture
def service():
    clock = Clock(instants.parse("2026-03-10T12:00:00Z"))
    return Service(MemoryStore(), clock, tenant_factory.tenant_config, PersonaRegistry(()).of, 1)


def redeem(service, number):
    service.execute(ORGANIZATION, RedeemVoucher(f"TEST-CREDIT-5-{number}"))
    return service.tenant(ORGANIZATION).ledger.balance_micros


def past(service, **stale):
    return PastTenants(service, Stale(**stale)).tenant(ORGANIZATION)


def test_without_the_last_commands(service):
    balances = [service.tenant(ORGANIZATION).ledger.balance_micros, *(redeem(service, n) for n in range(3))]
    found = [past(service, commands=back).ledger.balance_micros for back in (1, 2, 3, 4, 99)]
    assert found == [balances[2], balances[1], balances[0], balances[0], balances[0]]


def test_remarks_are_no_commands(service):
    first = redeem(service, 1)
    redeem(service, 2)
    snapshots.take(service, ORGANIZATION, "here")
    clock_commands.freeze_clock(service, ORGANIZATION)
    assert past(service, commands=1).ledger.balance_micros == first


def test_what_was_undone_is_no_past(service):
    first = redeem(service, 1)
    redeem(service, 2)
    undo(service, ORGANIZATION)
    redeem(service, 3)
    assert past(service, commands=1).ledger.balance_micros == first


def test_of_some_seconds_ago(service):
    before = redeem(service, 1)
    service.clock.set(service.clock.now_ms() + 60_000)
    redeem(service, 2)
    then = past(service, seconds=30)
    assert then.now_ms == service.clock.now_ms() - 30_000
    assert then.ledger.balance_at(instants.parse("2026-03-10T12:00:00Z")) == before
    assert "TEST-CREDIT-5-2" not in then.redeemed


def test_the_present_is_not_touched(service):
    balance = redeem(service, 1)
    past(service, commands=1)
    assert service.tenant(ORGANIZATION).ledger.balance_micros == balance
