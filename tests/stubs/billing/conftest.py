"""A small tenant, written by hand: one project, one model at 1 USD per 1K input tokens, one event type."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import pytest
from orgbilling_stubs.billing import instants, scheduler
from orgbilling_stubs.billing.state import new_tenant
from orgbilling_stubs.billing.tenant import Tenant
from orgbilling_stubs.billing.tenant_config import ContractTerms, ModelPrice, Prices, Project, TenantConfig

AS_OF_MS = instants.parse("2026-03-10T12:00:00Z")
USD = 1_000_000


class Used(NamedTuple):
    at_ms: int
    project: int
    model: str
    source: str
    input_tokens: int
    output_tokens: int
    messages: int
    sessions: int


class Metered(NamedTuple):
    at_ms: int
    kind: str
    slug: str
    count: int


class Day(NamedTuple):
    usage: tuple[Used, ...]
    meters: tuple[Metered, ...]
    characters: int


class Steady:
    """Each day at 10:00 1,000 input tokens (1 USD), at 11:00 four diaries (0.25 USD each)."""

    def day(self, day: int) -> Day:
        begin = day * instants.DAY_MS
        return Day(
            (Used(begin + 10 * instants.HOUR_MS, 0, "m", "api", 1_000, 0, 5, 2),),
            (Metered(begin + 11 * instants.HOUR_MS, "event", "diary", 4),),
            3,
        )


PLAN = TenantConfig(
    organization="org_hand",
    identity_organization="org_hand",
    tenant_id="00000000-0000-4000-8000-000000000000",
    company="Moon Bakery",
    seed=1,
    currency="USD",
    mode="prepaid",
    postpaid_limit_micros=0,
    free_credit_micros=1_000 * USD,
    stripe_customer_id=None,
    prices=Prices(
        1_000_000_000,
        2_000_000_000,
        1_500_000_000,
        500_000_000,
        (("diary", 250_000_000),),
        (),
        (ModelPrice("m", 1_000_000_000, 2_000_000_000),),
    ),
    top_up=None,
    stop_when_exhausted=False,
    balance_target_micros=None,
    outstanding_target_micros=None,
    projects=(Project("p0", "Moon"),),
    members=("user_a",),
    contract=None,
    agreements=(),
    vouchers=(),
    nulls=False,
    start_ms=instants.parse("2026-01-30"),
    as_of_ms=AS_OF_MS,
    activity=Steady(),
)

TERMS = ContractTerms(
    contract_id="c0ffee00-0000-4000-8000-000000000000",
    status="active",
    credit_micros=1_200 * USD,
    service_micros=600 * USD,
    onetime_credit_micros=0,
    onetime_service_micros=60 * USD,
    bonus_micros=100 * USD,
    bonus_paid=True,
    frequency="monthly",
    start_ms=instants.parse("2026-01-15"),
    end_ms=instants.parse("2027-01-15"),
    term_months=12,
    auto_renew=False,
    overdue=0,
    created_by="user_a",
    notes=None,
    credit_period_limit=None,
    service_period_limit=None,
)

MakePlan = Callable[..., TenantConfig]
MakeTenant = Callable[..., Tenant]


@pytest.fixture
def make_plan() -> MakePlan:
    def make(**changes: Any) -> TenantConfig:
        return replace(PLAN, **changes)

    return make


@pytest.fixture
def make_terms() -> Callable[..., ContractTerms]:
    def make(**changes: Any) -> ContractTerms:
        return replace(TERMS, **changes)

    return make


@pytest.fixture
def make_tenant(make_plan: MakePlan) -> MakeTenant:
    def make(until_ms: int = AS_OF_MS, **changes: Any) -> Tenant:
        tenant = new_tenant(make_plan(**changes))
        scheduler.advance(tenant, until_ms)
        return tenant

    return make
