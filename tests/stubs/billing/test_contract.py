from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from orgbilling_stubs.billing import contract as contracts
from orgbilling_stubs.billing import instants
from orgbilling_stubs.billing.tenant_config import ContractTerms

CENT = 10_000
Terms = Callable[..., ContractTerms]


@pytest.mark.parametrize(
    ("frequency", "months", "rows"),
    [("monthly", 12, 12), ("quarterly", 12, 4), ("annual", 24, 2), ("one_time", 12, 1), ("annual", 6, 1)],
)
def test_the_schedule_has_a_row_for_each_payment(
    make_terms: Terms, frequency: str, months: int, rows: int
) -> None:
    terms = make_terms(frequency=frequency, term_months=months, onetime_service_micros=0)
    assert len(contracts.schedule(terms, terms.start_ms)) == rows


@given(data=st.data())
def test_the_schedule_adds_up_to_the_portions(data: st.DataObject) -> None:
    credit = data.draw(st.integers(0, 10**13))
    service = data.draw(st.integers(0, 10**13))
    once = data.draw(st.integers(0, service))
    terms = ContractTerms(
        *("c", "active", credit, service, 0, once, 0, False),
        data.draw(st.sampled_from(sorted(contracts.PAYMENT_INTERVAL_MONTHS))),
        *(0, 0, data.draw(st.integers(1, 60)), False, 0, None, None, None, None),
    )
    rows = contracts.schedule(terms, instants.parse("2026-01-31"))
    assert sum(row.credit_micros for row in rows) == credit
    assert sum(row.service_micros for row in rows) == service
    assert sum(row.amount_micros for row in rows if row.one_time) == once
    assert all(row.credit_micros >= 0 and row.service_micros >= 0 for row in rows)
    assert [row.due_ms for row in rows] == sorted(row.due_ms for row in rows)


def test_the_overdue_installments_are_the_newest_that_were_due(make_terms: Terms) -> None:
    rows = contracts.schedule(make_terms(), instants.parse("2026-01-15"))
    as_of_ms = instants.parse("2026-04-20")
    assert contracts.newest_due(rows, as_of_ms, 2) == {3, 4}
    assert contracts.newest_due(rows, as_of_ms, 0) == frozenset()


def test_a_discount_lowers_the_service_of_what_is_still_to_pay(make_terms: Terms) -> None:
    terms = make_terms()
    contract = contracts.paid(contracts.sign(terms, "active", 0, 0, None), 0, 1)
    cheaper = contracts.discounted(contract, 10, 2)
    assert cheaper.schedule[0] == contract.schedule[0]
    for before, after in zip(contract.schedule[1:], cheaper.schedule[1:], strict=True):
        assert after.credit_micros == before.credit_micros
        assert after.service_micros == before.service_micros * 9 // 10 // CENT * CENT


def test_a_renewal_starts_where_the_term_ends_without_what_is_paid_once(make_terms: Terms) -> None:
    contract = contracts.renewed(contracts.sign(make_terms(), "active", 0, 0, None))
    assert contract.start_ms == instants.parse("2027-01-15")
    assert contract.end_ms == instants.parse("2028-01-15")
    assert not any(row.one_time or row.paid for row in contract.schedule)


def test_the_next_thing_is_the_next_installment_then_the_end(make_terms: Terms) -> None:
    contract = contracts.sign(make_terms(frequency="annual"), "active", 0, 0, None)
    assert contract.next_ms() == contract.start_ms
    for index in range(len(contract.schedule)):
        contract = contracts.paid(contract, index, 1)
    assert contract.next_ms() == contract.end_ms
    assert contracts.ended(contract, "expired", 2).next_ms() is None


def test_the_schedule_is_the_one_of_the_example(make_terms: Terms) -> None:
    terms = make_terms(
        credit_micros=1_000 * 100 * CENT,
        service_micros=100 * 100 * CENT,
        onetime_credit_micros=0,
        onetime_service_micros=100 * 100 * CENT,
        term_months=3,
    )
    rows = contracts.schedule(terms, instants.parse("2026-01-31"))
    shown = [(instants.text(row.due_ms)[:10], row.credit_micros, row.service_micros) for row in rows]
    assert shown == [
        ("2026-01-31", 0, 100 * 100 * CENT),
        ("2026-01-31", 333_330_000, 0),
        ("2026-02-28", 333_330_000, 0),
        ("2026-03-31", 333_340_000, 0),
    ]
