"""The books of the hand-written tenant: from 30 January, 1 USD of tokens and 1 USD of diaries a day."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from orgbilling_stubs.billing import instants, scheduler
from orgbilling_stubs.billing.billing_days import month_payment_ms
from orgbilling_stubs.billing.payment_cards import usual_card
from orgbilling_stubs.billing.tenant import Tenant
from orgbilling_stubs.billing.tenant_config import AgreementTerms, ContractTerms, OpeningBalance, TopUp

from .conftest import Day

USD = 1_000_000
MakeTenant = Callable[..., Tenant]
Terms = Callable[..., ContractTerms]


AS_OF_MS = instants.parse("2026-03-10T12:00:00Z")


class CrowdedFirst:
    """Three characters a day, nine on the first of a month."""

    def day(self, day: int) -> Day:
        return Day((), (), 9 if instants.is_first_of_month(day) else 3)


def books(tenant: Tenant) -> list[tuple[str, str, int]]:
    return [(instants.text(row.at_ms)[:16], row.kind, row.credits_micros) for row in tenant.ledger.rows]


def test_the_first_days_post_what_the_day_brings(make_tenant: MakeTenant) -> None:
    tenant = make_tenant(instants.parse("2026-02-01T12:00:00Z"))
    assert books(tenant) == [
        ("2026-01-30T00:00", "free_credit", 1_000 * USD),
        ("2026-01-30T10:00", "usage", -USD),
        ("2026-01-30T23:55", "event_charge", -USD),
        ("2026-01-31T10:00", "usage", -USD),
        ("2026-01-31T23:55", "event_charge", -USD),
        ("2026-02-01T00:05", "character_charge", -3 * USD // 2),
        ("2026-02-01T10:00", "usage", -USD),
    ]
    assert tenant.tokens.totals(tenant.now_ms - instants.DAY_MS, tenant.now_ms) == (1_000, 0, 5, 2)
    assert tenant.characters.high(0, tenant.now_ms) == 3


@pytest.mark.parametrize("step_ms", [instants.DAY_MS, 7 * instants.HOUR_MS, 13 * instants.DAY_MS + 1])
def test_the_steps_do_not_matter(make_tenant: MakeTenant, make_terms: Terms, step_ms: int) -> None:
    changes: dict[str, Any] = {
        "contract": make_terms(auto_renew=True, overdue=1),
        "top_up": TopUp(100 * USD, 50 * USD),
        "opening_balance": OpeningBalance(
            opening_micros=7 * USD, closing_ms=AS_OF_MS, closing_micros=2 * USD
        ),
    }
    end_ms = instants.parse("2027-04-01")
    once = make_tenant(end_ms, **changes)
    stepped = make_tenant(0, **changes)
    while stepped.now_ms < end_ms:
        scheduler.advance(stepped, min(stepped.now_ms + step_ms, end_ms))
    assert stepped.ledger.rows == once.ledger.rows
    assert stepped.contract == once.contract


def test_a_prepaid_tenant_stops_at_zero_and_is_never_charged_more(make_tenant: MakeTenant) -> None:
    tenant = make_tenant(free_credit_micros=7 * USD // 2, stop_when_exhausted=True)
    assert books(tenant)[3:] == [
        ("2026-01-31T10:00", "usage", -USD),
        ("2026-01-31T23:55", "event_charge", -USD // 2),
    ]
    assert tenant.exhausted(tenant.now_ms)
    assert tenant.ledger.balance_micros == 0


@pytest.mark.parametrize(("amount", "least"), [(10, 8), (1, 40), (50, 1)])
def test_a_top_up_comes_before_the_charge_that_it_covers(
    make_tenant: MakeTenant, amount: int, least: int
) -> None:
    tenant = make_tenant(free_credit_micros=3 * USD, top_up=TopUp(2 * USD, amount * USD))
    ledger = tenant.ledger
    assert all(ledger.balance_after(row.number) >= 2 * USD for row in ledger.rows)
    bought = [row for row in ledger.rows if row.kind == "top_up"]
    assert len(bought) >= least
    for row in bought:
        charged = ledger.rows[row.number + 1]
        assert charged.at_ms == row.at_ms
        assert charged.credits_micros < 0
        assert ledger.balance_after(row.number - 1) + charged.credits_micros < 2 * USD
        assert row.credits_micros % (amount * USD) == 0


def test_a_declined_card_buys_nothing_and_charges_end_at_zero(make_tenant: MakeTenant) -> None:
    changes = {"stop_when_exhausted": True, "top_up": TopUp(2 * USD, 10 * USD), "free_credit_micros": 3 * USD}
    tenant = make_tenant(instants.parse("2026-02-10"), **changes)
    tenant.put_on_file(replace(usual_card(AS_OF_MS), decline_code="insufficient_funds"))
    declined_row = len(tenant.ledger.rows)
    scheduler.advance(tenant, AS_OF_MS)
    assert all(row.kind != "top_up" for row in tenant.ledger.rows[declined_row:])
    assert tenant.ledger.balance_micros == 0
    assert min(tenant.ledger.balance_after(row.number) for row in tenant.ledger.rows) == 0


def test_nothing_left_stops_nobody_who_is_topped_up(make_tenant: MakeTenant) -> None:
    tenant = make_tenant(free_credit_micros=0, stop_when_exhausted=True, top_up=TopUp(0, 10 * USD))
    assert [kind for _, kind, _ in books(tenant)[:2]] == ["top_up", "usage"]


def test_the_first_of_a_month_counts_for_its_own_month(make_tenant: MakeTenant) -> None:
    tenant = make_tenant(instants.parse("2026-03-02"), activity=CrowdedFirst())
    billed = [row.description for row in tenant.ledger.rows if row.kind == "character_charge"]
    assert billed == ["3 active characters in 2026-01", "9 active characters in 2026-02"]
    first_ms = instants.parse("2026-02-01")
    assert tenant.characters.high(first_ms - instants.DAY_MS, first_ms - 1) == 3
    assert tenant.characters.high(first_ms - 1, first_ms + instants.HOUR_MS) == 9


@pytest.mark.parametrize(("mode", "kind"), [("prepaid", "expiry"), ("postpaid", "adjustment")])
def test_what_a_course_has_in_excess_goes_once(make_tenant: MakeTenant, mode: str, kind: str) -> None:
    opening_balance = OpeningBalance(opening_micros=5 * USD, closing_ms=AS_OF_MS - 1, closing_micros=3 * USD)
    free = make_tenant(AS_OF_MS + instants.HOUR_MS, mode=mode).ledger
    tenant = make_tenant(AS_OF_MS - 1, mode=mode, opening_balance=opening_balance)
    assert tenant.ledger.rows[-1].kind == kind
    scheduler.advance(tenant, AS_OF_MS + instants.HOUR_MS)
    assert len(tenant.ledger.rows) == len(free.rows) + 2
    if mode == "prepaid":
        assert tenant.ledger.balance_micros == free.balance_micros + 2 * USD


def test_invoices_are_left_unpaid_from_a_payment_to_the_clock(make_tenant: MakeTenant) -> None:
    payment_ms = month_payment_ms(instants.parse("2026-02-01T00:05:00Z"), 1, "org_hand")
    opening_balance = OpeningBalance(unpaid_from_ms=payment_ms, unpaid_rest_micros=4 * USD)
    tenant = make_tenant(mode="postpaid", free_credit_micros=0, opening_balance=opening_balance)
    paid = [(row.description, row.usd_micros) for row in tenant.ledger.rows if row.kind == "adjustment"]
    assert paid == [("Invoice 2026-01 paid in part", 1_500_000)]
    scheduler.advance(tenant, instants.parse("2026-04-20"))
    made = [row for row in tenant.ledger.rows if row.kind == "adjustment"]
    assert made[-1].description == "Invoice 2026-03 paid"
    assert sum(row.usd_micros for row in made[1:]) == 4 * USD + 59 * 2 * USD + 3 * USD


def test_a_postpaid_tenant_pays_last_month_days_after_its_invoice(make_tenant: MakeTenant) -> None:
    opening_ms = instants.parse("2026-02-01T00:05:00Z")
    tenant = make_tenant(opening_ms, mode="postpaid", free_credit_micros=0)
    assert tenant.ledger.outstanding_micros == tenant.billed_micros == 5_500_000
    assert opening_ms + 3 * instants.DAY_MS < tenant.month_payment_ms < opening_ms + 13 * instants.DAY_MS
    scheduler.advance(tenant, tenant.month_payment_ms)
    paid = tenant.ledger.rows[-1]
    assert (paid.description, paid.usd_micros) == ("Invoice 2026-01 paid", 5_500_000)
    assert tenant.billed_micros == 0


def test_a_postpaid_tenant_pays_before_it_would_owe_more_than_its_limit(make_tenant: MakeTenant) -> None:
    tenant = make_tenant(mode="postpaid", free_credit_micros=0, postpaid_limit_micros=15 * USD)
    ledger = tenant.ledger
    assert max(ledger.outstanding_after(row.number) for row in ledger.rows) == 15 * USD
    on_account = [row for row in ledger.rows if row.description == "Payment on account"]
    assert len(on_account) >= 3
    for row in on_account:
        assert ledger.outstanding_after(row.number) == 0
        charged = ledger.rows[row.number + 1]
        assert (charged.at_ms, charged.usd_micros < 0) == (row.at_ms, True)


def test_a_declined_card_leaves_a_postpaid_debt_above_its_limit(make_tenant: MakeTenant) -> None:
    changes = {"mode": "postpaid", "free_credit_micros": 0, "postpaid_limit_micros": 15 * USD}
    tenant = make_tenant(instants.parse("2026-02-02"), **changes)
    tenant.put_on_file(replace(usual_card(AS_OF_MS), decline_code="insufficient_funds"))
    rows = len(tenant.ledger.rows)
    scheduler.advance(tenant, AS_OF_MS)
    assert all(row.kind != "adjustment" for row in tenant.ledger.rows[rows:])
    assert tenant.ledger.outstanding_micros > 60 * USD


def test_agreements_are_billed_by_their_charge_type(make_tenant: MakeTenant) -> None:
    created_ms = instants.parse("2026-01-31T09:00:00Z")
    terms = tuple(
        AgreementTerms(kind, kind, 7 * USD, kind, None, created_ms, None)
        for kind in ("monthly", "annual", "one_time")
    )
    tenant = make_tenant(instants.parse("2027-03-01T01:00:00Z"), agreements=terms)
    billed = [row.description for row in tenant.ledger.rows if row.kind == "service_charge"]
    assert {kind: billed.count(kind) for kind in ("monthly", "annual", "one_time")} == {
        "monthly": 14,
        "annual": 2,
        "one_time": 1,
    }


def test_a_contract_is_signed_paid_and_ends(make_tenant: MakeTenant, make_terms: Terms) -> None:
    tenant = make_tenant(instants.parse("2026-01-10"), contract=make_terms())
    assert tenant.contract is not None
    assert tenant.contract.status == "pending_payment"
    scheduler.advance(tenant, instants.parse("2026-03-15"))
    assert tenant.contract.status == "active"
    assert [row.paid for row in tenant.contract.schedule[:5]] == [True, True, True, True, False]
    assert tenant.contract.bonus_paid
    posted = [row.credits_micros for row in tenant.ledger.rows if row.kind == "contract_credit"]
    assert posted == [0, 100 * USD, 100 * USD, 100 * USD]
    scheduler.advance(tenant, instants.parse("2027-01-15"))
    assert tenant.contract.status == "expired"
    assert all(row.paid for row in tenant.contract.schedule)


def test_an_overdue_installment_stays_unpaid(make_tenant: MakeTenant, make_terms: Terms) -> None:
    tenant = make_tenant(contract=make_terms(overdue=1))
    assert tenant.contract is not None
    due = [row.paid for row in tenant.contract.schedule if row.due_ms <= tenant.now_ms]
    assert due == [True, True, False]


def test_a_contract_renews_or_is_cancelled(make_tenant: MakeTenant, make_terms: Terms) -> None:
    renewing = make_tenant(instants.parse("2027-02-01"), contract=make_terms(auto_renew=True))
    assert renewing.contract is not None
    assert (renewing.contract.status, renewing.contract.end_ms) == ("active", instants.parse("2028-01-15"))
    cancelled = make_tenant(contract=make_terms(status="cancelled"))
    assert cancelled.contract is not None
    assert cancelled.contract.status == "cancelled"
    assert not all(row.paid for row in cancelled.contract.schedule)


def test_next_due_ms_is_when_something_happens(make_tenant: MakeTenant) -> None:
    tenant = make_tenant(instants.parse("2026-02-02T09:00:00Z"))
    assert scheduler.next_due_ms(tenant) == instants.parse("2026-02-02T10:00:00Z")
