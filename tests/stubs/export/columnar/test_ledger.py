from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from orgbilling_stubs.billing import money
from orgbilling_stubs.billing.state import after_history
from orgbilling_stubs.billing.tenant_config import ModelPrice, TopUp
from orgbilling_stubs.export.columnar.ledger import TOP_UP, book, half_even

from ..conftest import plan_of


@given(st.lists(st.integers(0, 2**60), min_size=1), st.sampled_from([1_000, 1_000_000]))
def test_halves_are_rounded_to_even(numbers, denominator):
    made = half_even(np.array(numbers), denominator).tolist()
    assert made == [money.half_even(number, denominator) for number in numbers]


def test_ties_are_rounded_to_even():
    assert half_even(np.array([500, 1_500, 2_500, 1_501]), 1_000).tolist() == [0, 2, 2, 2]


@pytest.mark.parametrize("name", ["standard", "low_balance", "postpaid_near_limit", "dense"])
def test_the_balance_is_that_of_the_engine_after_every_row(name):
    plan = plan_of(name)
    made, tenant = book(plan), after_history(plan)
    rows = tenant.ledger.rows
    assert made.posted.at_ms.tolist() == [row.at_ms for row in rows]
    assert np.cumsum(made.posted.credits).tolist() == np.cumsum([row.credits_micros for row in rows]).tolist()
    assert made.balance_micros == tenant.ledger.balance_micros
    assert made.outstanding_micros == tenant.ledger.outstanding_micros


def test_a_deep_fall_is_made_up_in_one_purchase():
    plan = replace(plan_of("standard"), top_up=TopUp(10_000_000, 3))
    made = book(plan)
    bought = made.posted.credits[made.posted.origin == TOP_UP]
    assert len(bought)
    assert not (bought % 3).any()
    assert np.cumsum(made.posted.credits).min() < 10_000_000


def test_charges_that_do_not_fit_in_63_bits_are_left_to_the_engine():
    plan = plan_of("standard")
    dear = tuple(ModelPrice(each.model, 10**15, 10**15) for each in plan.prices.models)
    assert book(replace(plan, prices=replace(plan.prices, models=dear))) is None
    events = tuple((slug, 10**18) for slug, _ in plan.prices.events)
    assert book(replace(plan, prices=replace(plan.prices, events=events))) is None
