"""The books of the hand-written tenant: from 30 January, 1 USD of tokens and 1 USD of diaries a day."""

from collections.abc import Callable
from typing import Any

import pytest
from orgbilling_stubs.domain import agenda, instant
from orgbilling_stubs.domain.plan import AgreementTerms, ContractTerms, TopUp
from orgbilling_stubs.domain.tenant import Tenant

USD = 1_000_000
MakeTenant = Callable[..., Tenant]
Terms = Callable[..., ContractTerms]


def books(tenant: Tenant) -> list[tuple[str, str, int]]:
    return [(instant.text(row.at_ms)[:16], row.kind, row.credits_micros) for row in tenant.ledger.rows]


def test_the_first_days_post_what_the_day_brings(make_tenant: MakeTenant) -> None:
    tenant = make_tenant(instant.parse("2026-02-01T12:00:00Z"))
    assert books(tenant) == [
        ("2026-01-30T00:00", "free_credit", 1_000 * USD),
        ("2026-01-30T10:00", "usage", -USD),
        ("2026-01-30T23:55", "event_charge", -USD),
        ("2026-01-31T10:00", "usage", -USD),
        ("2026-01-31T23:55", "event_charge", -USD),
        ("2026-02-01T00:05", "character_charge", -3 * USD // 2),
        ("2026-02-01T10:00", "usage", -USD),
    ]
    assert tenant.tokens.totals(tenant.now_ms - instant.DAY_MS, tenant.now_ms) == (1_000, 0, 5, 2)
    assert tenant.characters.high(0, tenant.now_ms) == 3


@pytest.mark.parametrize("step_ms", [instant.DAY_MS, 7 * instant.HOUR_MS, 13 * instant.DAY_MS + 1])
def test_the_steps_do_not_matter(make_tenant: MakeTenant, make_terms: Terms, step_ms: int) -> None:
    changes: dict[str, Any] = {
        "contract": make_terms(auto_renew=True, overdue=1),
        "top_up": TopUp(100 * USD, 50 * USD),
        "balance_target_micros": 7 * USD,
    }
    end_ms = instant.parse("2027-04-01")
    once = make_tenant(end_ms, **changes)
    stepped = make_tenant(0, **changes)
    while stepped.now_ms < end_ms:
        agenda.advance(stepped, min(stepped.now_ms + step_ms, end_ms))
    assert stepped.ledger.rows == once.ledger.rows
    assert stepped.contract == once.contract


def test_a_prepaid_tenant_stops_at_zero_and_is_never_charged_more(make_tenant: MakeTenant) -> None:
    tenant = make_tenant(free_credit_micros=7 * USD // 2, stop_when_exhausted=True)
    assert books(tenant)[3:] == [
        ("2026-01-31T10:00", "usage", -USD),
        ("2026-01-31T23:55", "event_charge", -USD // 2),
    ]
    assert tenant.exhausted
    assert tenant.ledger.balance_micros == 0


def test_a_balance_below_the_threshold_is_topped_up(make_tenant: MakeTenant) -> None:
    tenant = make_tenant(free_credit_micros=3 * USD, top_up=TopUp(2 * USD, 10 * USD))
    assert sum(row.kind == "top_up" for row in tenant.ledger.rows) >= 8
    assert all(tenant.ledger.balance_at(row.at_ms) >= 2 * USD for row in tenant.ledger.rows)


@pytest.mark.parametrize("target", [0, 5_123_457, -12_340_000, 5_000 * USD])
def test_the_balance_at_the_clock_is_the_one_asked_for(make_tenant: MakeTenant, target: int) -> None:
    tenant = make_tenant(balance_target_micros=target)
    assert tenant.ledger.balance_micros == target
    assert tenant.ledger.balance_at(tenant.now_ms) == target


@pytest.mark.parametrize("target", [0, 480 * USD, 5])
def test_what_is_owed_at_the_clock_is_what_was_asked_for(make_tenant: MakeTenant, target: int) -> None:
    tenant = make_tenant(mode="postpaid", free_credit_micros=0, outstanding_target_micros=target)
    assert tenant.ledger.outstanding_micros == target
    assert tenant.ledger.balance_micros == 0


def test_a_postpaid_tenant_pays_last_month_on_the_first(make_tenant: MakeTenant) -> None:
    tenant = make_tenant(instant.parse("2026-02-01T01:00:00Z"), mode="postpaid", free_credit_micros=0)
    assert tenant.ledger.outstanding_micros == 0
    assert tenant.ledger.rows[-1].usd_micros == 5_500_000
    assert sum(row.usd_micros for row in tenant.ledger.rows) == 0


def test_agreements_are_billed_by_their_charge_type(make_tenant: MakeTenant) -> None:
    created_ms = instant.parse("2026-01-31T09:00:00Z")
    terms = tuple(
        AgreementTerms(kind, kind, 7 * USD, kind, None, created_ms, None)
        for kind in ("monthly", "annual", "one_time")
    )
    tenant = make_tenant(instant.parse("2027-03-01T01:00:00Z"), agreements=terms)
    billed = [row.description for row in tenant.ledger.rows if row.kind == "service_charge"]
    assert {kind: billed.count(kind) for kind in ("monthly", "annual", "one_time")} == {
        "monthly": 14,
        "annual": 2,
        "one_time": 1,
    }


def test_a_contract_is_signed_paid_and_ends(make_tenant: MakeTenant, make_terms: Terms) -> None:
    tenant = make_tenant(instant.parse("2026-01-10"), contract=make_terms())
    assert tenant.contract is not None
    assert tenant.contract.status == "pending_payment"
    agenda.advance(tenant, instant.parse("2026-03-15"))
    assert tenant.contract.status == "active"
    assert [row.paid for row in tenant.contract.schedule[:5]] == [True, True, True, True, False]
    assert tenant.contract.bonus_paid
    posted = [row.credits_micros for row in tenant.ledger.rows if row.kind == "contract_credit"]
    assert posted == [0, 100 * USD, 100 * USD, 100 * USD]
    agenda.advance(tenant, instant.parse("2027-01-15"))
    assert tenant.contract.status == "expired"
    assert all(row.paid for row in tenant.contract.schedule)


def test_an_overdue_instalment_stays_unpaid(make_tenant: MakeTenant, make_terms: Terms) -> None:
    tenant = make_tenant(contract=make_terms(overdue=1))
    assert tenant.contract is not None
    due = [row.paid for row in tenant.contract.schedule if row.due_ms <= tenant.now_ms]
    assert due == [True, True, False]


def test_a_contract_renews_or_is_cancelled(make_tenant: MakeTenant, make_terms: Terms) -> None:
    renewing = make_tenant(instant.parse("2027-02-01"), contract=make_terms(auto_renew=True))
    assert renewing.contract is not None
    assert (renewing.contract.status, renewing.contract.end_ms) == ("active", instant.parse("2028-01-15"))
    cancelled = make_tenant(contract=make_terms(status="cancelled"))
    assert cancelled.contract is not None
    assert cancelled.contract.status == "cancelled"
    assert not all(row.paid for row in cancelled.contract.schedule)


def test_next_ms_is_when_something_happens(make_tenant: MakeTenant) -> None:
    tenant = make_tenant(instant.parse("2026-02-02T09:00:00Z"))
    assert agenda.next_ms(tenant) == instant.parse("2026-02-02T10:00:00Z")
