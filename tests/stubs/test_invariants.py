"""The invariants hold for every persona on every day, and after any sequence of commands."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from orgbilling_fixtures import personas
from orgbilling_openapi import invariants
from orgbilling_stubs.api import serializers
from orgbilling_stubs.billing import instants, scheduler
from orgbilling_stubs.billing.commands import (
    Command,
    OpenCheckout,
    PayCheckout,
    RedeemVoucher,
    SubscribeContract,
)
from orgbilling_stubs.billing.contract_catalog import TEST_CONTRACTS
from orgbilling_stubs.billing.errors import BillingError
from orgbilling_stubs.billing.events import CheckoutOpened, TenantCreated
from orgbilling_stubs.billing.state import new_tenant
from orgbilling_stubs.billing.tenant import Tenant
from orgbilling_stubs.tenants import tenant_factory
from orgbilling_stubs.tenants.clock import Clock
from orgbilling_stubs.tenants.service import Service
from orgbilling_stubs.tenants.store.memory import MemoryStore
from orgbilling_stubs.tenants.store.protocol import Store

AS_OF_MS = instants.parse("2026-03-10T12:00:00Z")
WINDOWS = (1, 30, 365)


def assert_lawful(bodies: dict[str, Any]) -> None:
    assert [f"{each.invariant.name}: {each.detail} {each.values}" for each in invariants.broken(bodies)] == []


def born(name: str) -> Tenant:
    """The tenant of a persona before its first day."""
    created = TenantCreated(personas.load(name).document, 1, AS_OF_MS, f"org_{name}")
    return new_tenant(tenant_factory.tenant_config(f"org_{name}", created))


def days(tenant: Tenant, step: int) -> Iterator[Tenant]:
    """The tenant at the end of every `step`-th day, from its birth to 40 days after the clock."""
    at_ms = tenant.created_ms
    while at_ms < AS_OF_MS + 40 * instants.DAY_MS:
        scheduler.advance(tenant, at_ms)
        yield tenant
        at_ms += step * instants.DAY_MS
    scheduler.advance(tenant, AS_OF_MS + 40 * instants.DAY_MS)
    yield tenant


@pytest.mark.slow
@pytest.mark.parametrize("name", personas.names())
def test_the_laws_hold_at_the_clock_and_on_some_days(name: str) -> None:
    for tenant in days(born(name), 61):
        assert_lawful(serializers.all_bodies(tenant, "http://127.0.0.1:4010", WINDOWS))


@pytest.mark.slow
@pytest.mark.parametrize("name", personas.names())
def test_the_laws_hold_on_every_third_day(name: str) -> None:
    for tenant in days(born(name), 3):  # so that each weekday and each day of a month has its turn
        assert_lawful(serializers.all_bodies(tenant, "http://127.0.0.1:4010", (1, 30)))


class MovableClock(Clock):
    """A frozen clock that a test moves."""

    def move(self, by_ms: int) -> None:
        assert self._frozen_ms is not None
        self._frozen_ms += by_ms


def small(**billing: Any) -> dict[str, Any]:
    """The standard persona with a short history, so that a step costs little."""
    standard = personas.load("standard")
    return replace(
        standard,
        usage=replace(standard.usage, history_days=9, projects=2),
        billing=replace(standard.billing, **billing),
    ).document


class Life(RuleBasedStateMachine):
    """Commands in any order, time going by, and the invariants after every step."""

    @initialize(postpaid=st.booleans(), contract=st.booleans())
    def begin(self, postpaid: bool, contract: bool) -> None:
        document = small(mode="postpaid", top_up=None, balance_micros=None) if postpaid else small()
        if not contract:
            document = {key: value for key, value in document.items() if key != "contract"}
        self.clock = MovableClock(AS_OF_MS)
        self.service = Service(MemoryStore(), self.clock, tenant_factory.tenant_config, lambda _: document, 3)
        self.sessions: list[str] = []

    def tenant(self) -> Tenant:
        return self.service.tenant("org_a")

    def bodies(self) -> dict[str, Any]:
        return serializers.all_bodies(self.tenant(), "http://127.0.0.1:4010", (1, 7, 30))

    def attempt(self, command: Command, after: Callable[[Any], dict[str, Any]]) -> None:
        before = self.bodies()
        try:
            event, _ = self.service.execute("org_a", command)
        except BillingError:
            assert self.bodies() == before
            return
        kept = {f"before:{key}": body for key, body in before.items()}
        assert_lawful(self.bodies() | kept | (after(event) if event is not None else {}))

    @rule(number=st.integers(0, 30), usd=st.integers(1, 99_999))
    def redeem(self, number: int, usd: int) -> None:
        command = RedeemVoucher(f"TEST-CREDIT-{usd}-{number}")
        self.attempt(command, lambda event: {"redeemOrgVoucher": serializers.redemption(event)})

    @rule(code=st.sampled_from(["WELCOME50", "TEST-DISCOUNT-10-a", "TEST-DISCOUNT-25-b", "TEST-USED-1", "x"]))
    def redeem_other(self, code: str) -> None:
        self.attempt(RedeemVoucher(code), lambda event: {"redeemOrgVoucher": serializers.redemption(event)})

    @rule(amount=st.integers(50, 99_999_999))
    def open_checkout(self, amount: int) -> None:
        event, _ = self.service.execute("org_a", OpenCheckout(amount, "USD"))
        assert isinstance(event, CheckoutOpened)
        self.sessions.append(event.session_id)

    @rule(data=st.data())
    def pay(self, data: st.DataObject) -> None:
        if not self.sessions:
            return
        session_id = data.draw(st.sampled_from(self.sessions))
        amount = self.tenant().checkouts[session_id].amount_minor
        self.attempt(
            PayCheckout(session_id), lambda _: {"request:createOrgBillingCheckout": {"amount": amount}}
        )

    @rule(contract_id=st.sampled_from(sorted(TEST_CONTRACTS)))
    def subscribe(self, contract_id: str) -> None:
        self.attempt(SubscribeContract(contract_id), lambda _: {})

    @rule()
    def pay_contract(self) -> None:
        contract = self.tenant().contract
        if contract is not None and contract.session_id is not None:
            self.attempt(PayCheckout(contract.session_id), lambda _: {})

    @rule(hours=st.integers(1, 400))
    def time_goes_by(self, hours: int) -> None:
        self.clock.move(hours * instants.HOUR_MS)

    @invariant()
    def the_laws_hold(self) -> None:
        assert_lawful(self.bodies())

    def teardown(self) -> None:
        if not hasattr(self, "service"):
            return
        log = self.service.store.read("org_a")
        if log:
            replayed = Service(self.service.store, self.clock, tenant_factory.tenant_config, lambda _: {}, 3)
            assert replayed.tenant("org_a").ledger.rows == self.tenant().ledger.rows


Life.TestCase.settings = settings(max_examples=10, stateful_step_count=20, deadline=None)
TestLife = Life.TestCase


@pytest.mark.slow_beyond(1)
def test_eight_clients_redeem_and_pay_at_once(store_address: str, open_store: Callable[[str], Store]) -> None:
    service = Service(
        open_store(store_address), Clock(AS_OF_MS), tenant_factory.tenant_config, lambda _: small(), 3
    )
    before = service.tenant("org_a").ledger.balance_micros

    def client(number: int) -> int:
        won = 0
        for turn in range(25):
            opened, _ = service.execute("org_a", OpenCheckout(1_000, "USD"))
            assert isinstance(opened, CheckoutOpened)
            won += 10_000_000
            for _ in range(2):
                service.execute("org_a", PayCheckout(opened.session_id))
            try:
                service.execute("org_a", RedeemVoucher(f"TEST-CREDIT-1-{(number + turn) % 30}"))
                won += 1_000_000
            except BillingError:
                pass
        return won

    with ThreadPoolExecutor(8) as pool:
        won = sum(pool.map(client, range(8)))
    tenant = service.tenant("org_a")
    assert tenant.ledger.balance_micros == before + won
    assert len(tenant.redeemed) == 30
    assert_lawful(serializers.all_bodies(tenant, "http://127.0.0.1:4010", WINDOWS))


class LongLife(Life):
    """The same for thousands of steps."""


LongLife.TestCase.settings = settings(max_examples=30, stateful_step_count=80, deadline=None)
TestLongLife = pytest.mark.slow(LongLife.TestCase)
