"""Whatever the history, the clock finds the tenant where its persona says, and no row gives it away."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from orgbilling_fixtures import personas
from orgbilling_stubs.api import serializers
from orgbilling_stubs.billing import instants, scheduler
from orgbilling_stubs.billing.events import TenantCreated
from orgbilling_stubs.billing.opening_balance import is_unsolved, solved
from orgbilling_stubs.billing.state import new_tenant
from orgbilling_stubs.billing.tenant import Tenant
from orgbilling_stubs.billing.tenant_config import NO_OPENING_BALANCE, ContractTerms, TenantConfig, TopUp
from orgbilling_stubs.tenants import tenant_factory

from ..conftest import RememberedHistories
from .conftest import AS_OF_MS, PLAN, USD, Day, MakePlan, Used

PINNED = tuple(
    name
    for name in personas.names()
    if (personas.load(name).billing.balance_micros, personas.load(name).billing.outstanding_micros)
    != (None, None)
)


def grown(plan: TenantConfig, until_ms: int | None = None) -> Tenant:
    tenant = new_tenant(solved(plan))
    scheduler.advance(tenant, until_ms or plan.as_of_ms)
    return tenant


def shipped(name: str, seed: int = 1, as_of_ms: int = AS_OF_MS) -> TenantConfig:
    organization = f"org_{name}"
    created = TenantCreated(personas.load(name).document, seed, as_of_ms, organization)
    return tenant_factory.tenant_config(organization, created)


def pinned(name: str, seed: int = 1, as_of_ms: int = AS_OF_MS) -> Tenant:
    return grown(shipped(name, seed, as_of_ms))


class Spending:
    """Chosen charges in cents, one a day at noon, from the first day of the plan on."""

    def __init__(self, cents: list[int]) -> None:
        self.cents = cents

    def day(self, day: int) -> Day:
        place = day - PLAN.start_ms // instants.DAY_MS
        cents = self.cents[place] if 0 <= place < len(self.cents) else 0
        at_ms = day * instants.DAY_MS + 12 * instants.HOUR_MS
        used = (Used(at_ms, 0, "m", "api", 10 * cents, 0, 1, 1),) if cents else ()
        return Day(used, (), 1)


MONEY = st.integers(0, 2_000 * USD)
SPENDING = st.lists(st.integers(0, 20_000), max_size=40).map(Spending)


@given(
    activity=SPENDING,
    target=MONEY,
    free=st.sampled_from([0, 10 * USD, 500 * USD]),
    top_up=st.none() | st.builds(TopUp, st.just(0), st.sampled_from([USD, 40 * USD, 500 * USD])),
    stop=st.booleans(),
)
def test_any_prepaid_history_leads_to_the_balance(
    activity: Spending, target: int, free: int, top_up: TopUp | None, stop: bool
) -> None:
    changes: Mapping[str, Any] = {
        "activity": activity,
        "balance_target_micros": target,
        "free_credit_micros": free,
        "top_up": top_up,
        "stop_when_exhausted": stop,
    }
    tenant = grown(replaced(changes))
    assert tenant.ledger.balance_micros == target
    if stop and top_up is None:
        balances = [tenant.ledger.balance_at(row.at_ms) for row in tenant.ledger.rows]
        assert min(balances, default=0) >= 0


@pytest.mark.slow
@given(activity=SPENDING, target=MONEY, hour=st.integers(0, 48))
def test_any_postpaid_history_leads_to_what_is_owed(activity: Spending, target: int, hour: int) -> None:
    tenant = grown(
        replaced(
            {
                "activity": activity,
                "mode": "postpaid",
                "outstanding_target_micros": target,
                "free_credit_micros": 0,
                "as_of_ms": instants.parse("2026-02-28T12:00:00Z") + hour * instants.HOUR_MS,
            }
        )
    )
    assert tenant.ledger.outstanding_micros == target
    assert tenant.ledger.balance_micros == 0
    owed = 0
    for row in tenant.ledger.rows:
        owed -= row.usd_micros
        assert owed >= 0


def replaced(changes: Mapping[str, Any]) -> TenantConfig:
    return replace(PLAN, **changes)


@pytest.mark.parametrize("target", [5_123_457, -12_340_000, 5_000 * USD])
def test_overdraft_may_begin_below_zero(make_plan: MakePlan, target: int) -> None:
    plan = make_plan(balance_target_micros=target)
    assert grown(plan).ledger.balance_micros == target
    assert solved(plan).opening_balance.closing_micros == 0


def test_credits_of_a_contract_that_are_too_many_expire(
    make_plan: MakePlan, make_terms: Callable[..., ContractTerms]
) -> None:
    plan = make_plan(balance_target_micros=USD, top_up=TopUp(USD, 50 * USD), contract=make_terms())
    tenant = grown(plan)
    assert tenant.ledger.balance_micros == USD
    assert [row.kind for row in tenant.ledger.rows if row.at_ms == AS_OF_MS] == ["expiry"]


def test_a_payment_on_account_comes_when_there_is_something_to_pay(make_plan: MakePlan) -> None:
    tenant = grown(make_plan(mode="postpaid", free_credit_micros=0, outstanding_target_micros=5 * USD))
    [account] = [row for row in tenant.ledger.rows if row.description == "Payment on account"]
    assert tenant.ledger.outstanding_after(account.number - 1) >= account.usd_micros
    # Two hours before, so much was owed for the first time, by the charge of an evening.
    first = next(row for row in tenant.ledger.rows if row.at_ms == account.at_ms - 2 * instants.HOUR_MS)
    assert tenant.ledger.outstanding_after(first.number) >= account.usd_micros
    assert tenant.ledger.outstanding_after(first.number - 1) < account.usd_micros


@pytest.mark.parametrize("limit", [20, 45, 60, 200])
@pytest.mark.parametrize("target", [0, 1, 19, 20, 33, 70, 5_000])
def test_a_postpaid_history_keeps_to_its_limit(make_plan: MakePlan, limit: int, target: int) -> None:
    tenant = grown(
        make_plan(
            mode="postpaid",
            free_credit_micros=0,
            postpaid_limit_micros=limit * USD,
            outstanding_target_micros=target * USD,
        )
    )
    ledger = tenant.ledger
    assert ledger.outstanding_micros == target * USD
    highest = max(ledger.outstanding_after(row.number) for row in ledger.rows)
    assert highest <= max(limit, target) * USD
    assert tenant.may_overdraw == (target > limit)


@pytest.mark.parametrize(("mode", "kind"), [("prepaid", "expiry"), ("postpaid", "adjustment")])
def test_what_is_over_goes_after_all_else_of_the_clocks_instant(
    make_plan: MakePlan, mode: str, kind: str
) -> None:
    """The day's usage is at ten, and so is the clock."""
    as_of_ms = instants.parse("2026-01-30T10:00:00Z")
    changes: dict[str, Any] = {"mode": mode, "as_of_ms": as_of_ms, "stop_when_exhausted": True}
    tenant = grown(make_plan(balance_target_micros=0, outstanding_target_micros=0, **changes))
    assert [row.kind for row in tenant.ledger.rows if row.at_ms == as_of_ms] == ["usage", kind]


def test_without_a_target_there_is_no_course(make_plan: MakePlan) -> None:
    plan = make_plan()
    assert not is_unsolved(plan)
    assert solved(plan).opening_balance == NO_OPENING_BALANCE
    assert not is_unsolved(solved(make_plan(balance_target_micros=3)))


def test_who_runs_dry_by_itself_needs_no_course(make_plan: MakePlan) -> None:
    plan = make_plan(balance_target_micros=0, stop_when_exhausted=True, free_credit_micros=20 * USD)
    assert solved(plan).opening_balance == NO_OPENING_BALANCE
    assert grown(plan).ledger.balance_micros == 0


@pytest.mark.slow_beyond(1)
@pytest.mark.parametrize("moment", ["2026-03-01T00:00:00Z", "2026-03-01T00:05:00Z", "2026-03-31T23:59:59Z"])
@pytest.mark.parametrize("name", PINNED)
def test_a_shipped_persona_stands_where_it_says(name: str, moment: str) -> None:
    tenant = pinned(name, as_of_ms=instants.parse(moment))
    plan = tenant.config
    assert plan.balance_target_micros in (None, tenant.ledger.balance_micros)
    assert plan.outstanding_target_micros in (None, tenant.ledger.outstanding_micros)


@pytest.mark.slow
@pytest.mark.parametrize("name", PINNED)
def test_no_row_at_the_clock_gives_a_shipped_persona_away(name: str) -> None:
    """Usage is the usage model's, nothing else, and nothing is posted at the very clock."""
    tenant = pinned(name)
    days = range(tenant.config.start_ms // instants.DAY_MS, AS_OF_MS // instants.DAY_MS + 1)
    modeled = {usage.at_ms for day in days for usage in tenant.config.activity.day(day).usage}
    assert {row.at_ms for row in tenant.ledger.rows if row.kind == "usage"} <= modeled
    assert tenant.ledger.last_ms() != AS_OF_MS
    kinds = {row.kind for row in tenant.ledger.rows}
    assert "expiry" not in kinds


@pytest.mark.slow_beyond(1)
@pytest.mark.parametrize("name", ["standard", "contract_active", "postpaid_near_limit"])
def test_a_remembered_history_is_the_one_that_is_run(name: str) -> None:
    """Nearly all tests use tenants with histories that `tests/stubs/conftest.py` remembers."""
    config, remembered = shipped(name), RememberedHistories()
    later_ms = config.as_of_ms + 40 * instants.DAY_MS + 12_345
    tenant, bodies = grown(config, later_ms), []
    for _ in range(4):
        bodies.append(serializers.all_bodies(tenant, "http://127.0.0.1"))
        tenant = remembered.new_tenant(config)
        remembered.advance(tenant, later_ms)
    assert bodies == bodies[:1] * 4
