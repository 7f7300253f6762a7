from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from orgbilling_stubs.billing import money
from orgbilling_stubs.billing.state import after_history
from orgbilling_stubs.billing.tenant_config import ModelPrice, TopUp
from orgbilling_stubs.export.columnar.ledger_columns import TOP_UP, account_columns, half_even

from ..conftest import config_of


@given(st.lists(st.integers(0, 2**60), min_size=1), st.sampled_from([1_000, 1_000_000]))
def test_halves_are_rounded_to_even(numbers, denominator):
    account = half_even(np.array(numbers), denominator).tolist()
    assert account == [money.half_even(number, denominator) for number in numbers]


def test_ties_are_rounded_to_even():
    assert half_even(np.array([500, 1_500, 2_500, 1_501]), 1_000).tolist() == [0, 2, 2, 2]


@pytest.mark.parametrize("name", ["standard", "low_balance", "postpaid_near_limit", "dense"])
def test_the_balance_is_that_of_the_scheduler_after_every_row(name):
    config = config_of(name)
    account, tenant = account_columns(config), after_history(config)
    rows = tenant.ledger.rows
    assert account.ledger.at_ms.tolist() == [row.at_ms for row in rows]
    assert (
        np.cumsum(account.ledger.credits_micros).tolist()
        == np.cumsum([row.credits_micros for row in rows]).tolist()
    )
    assert account.balance_micros == tenant.ledger.balance_micros
    assert account.outstanding_micros == tenant.ledger.outstanding_micros


def test_a_deep_fall_is_made_up_in_one_purchase():
    config = replace(config_of("standard"), top_up=TopUp(10_000_000, 3))
    account = account_columns(config)
    bought = account.ledger.credits_micros[account.ledger.origin == TOP_UP]
    assert len(bought)
    assert not (bought % 3).any()
    assert np.cumsum(account.ledger.credits_micros).min() == 10_000_000


def test_charges_that_do_not_fit_in_63_bits_are_left_to_the_rows():
    config = config_of("standard")
    dear = tuple(ModelPrice(each.model, 10**15, 10**15) for each in config.prices.models)
    assert account_columns(replace(config, prices=replace(config.prices, models=dear))) is None
    events = tuple((slug, 10**18) for slug, _ in config.prices.events)
    assert account_columns(replace(config, prices=replace(config.prices, events=events))) is None
