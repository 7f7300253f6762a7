from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from orgbilling_stubs.billing.billing_days import month_openings, month_payment_ms
from orgbilling_stubs.billing.instants import DAY_MS
from orgbilling_stubs.billing.ledger_posting import PAYMENT_ON_ACCOUNT
from orgbilling_stubs.billing.state import after_history
from orgbilling_stubs.billing.tenant_config import NO_OPENING_BALANCE, OpeningBalance
from orgbilling_stubs.export.columnar.base_ledger import MeteredCharges, Turn, base_ledger

from ..conftest import AS_OF_MS, config_of

KINDS = ("free_credit", "contract_credit", "bonus_credit", "service_charge")


def charges(*rows):
    """Charges of usage: instant and micro-USD of each."""
    columns = np.array(rows, dtype=np.int64).reshape(-1, 2)
    return MeteredCharges(columns[:, 0], np.full(len(columns), Turn.USAGE), columns[:, 1])


def openings(config):
    return [*month_openings(config.start_ms, config.as_of_ms)]


def without_numbers(rows):
    return [row[1:] for row in rows if row.kind in KINDS and row.description != "Services"]


def test_contract_and_agreements_are_posted_as_in_a_full_run():
    config = config_of("standard")
    opened = openings(config)
    base = base_ledger(config, opened, [0] * len(opened), charges())
    tenant, whole = base.tenant, after_history(config)
    assert without_numbers(base.rows) == without_numbers(whole.ledger.rows)
    assert tenant.contract == whole.contract
    assert tenant.agreements_billed_ms == whole.agreements_billed_ms
    assert tenant.now_ms == AS_OF_MS


def test_characters_are_billed_by_their_peaks():
    config = replace(config_of("no_contract"), agreements=())
    opened = openings(config)
    rows = base_ledger(config, opened, [*range(len(opened))], charges()).rows
    billed = [row for row in rows if row.kind == "character_charge"]
    assert [row.description.split()[0] for row in billed] == [str(peak) for peak in range(1, len(opened))]


def test_invoices_are_of_what_is_owed():
    config = replace(config_of("postpaid_near_limit"), agreements=(), opening_balance=NO_OPENING_BALANCE)
    opened = openings(config)
    each_month = charges(*((at_ms - DAY_MS, 7) for at_ms in opened), (AS_OF_MS, 5))
    base = base_ledger(config, opened, [0] * len(opened), each_month)
    paid = [row for row in base.rows if row.kind == "adjustment"]
    assert [row.usd_micros for row in paid] == [7] * len(opened)
    assert [row.at_ms for row in paid] == [
        month_payment_ms(at_ms, config.seed, config.identity_organization) for at_ms in opened
    ]
    assert base.tenant.ledger.outstanding_micros == 5
    assert base.paid_before == {}


def test_a_course_is_posted_with_the_rest():
    config = replace(config_of("postpaid_near_limit"), agreements=())
    opened = openings(config)
    unpaid_ms = month_payment_ms(opened[-2], config.seed, config.identity_organization)
    config = replace(config, opening_balance=OpeningBalance(unpaid_from_ms=unpaid_ms, unpaid_rest_micros=3))
    each_month = charges(*((at_ms - DAY_MS, 7) for at_ms in opened))
    rows = base_ledger(config, opened, [0] * len(opened), each_month).rows
    assert [row.usd_micros for row in rows if row.kind == "adjustment"][-2:] == [7, 4]
    assert rows[-1].description.endswith("paid in part")


def test_what_is_owed_is_paid_before_a_charge_that_would_lead_above_the_limit():
    config = replace(
        config_of("postpaid_near_limit"),
        agreements=(),
        opening_balance=NO_OPENING_BALANCE,
        outstanding_target_micros=None,
        postpaid_limit_micros=100,
    )
    opened = openings(config)
    first_ms = config.start_ms + 1
    used = charges(*((first_ms + number, micros) for number, micros in enumerate((40, 50, 30, 60, 500))))
    base = base_ledger(config, opened, [0] * len(opened), used)
    on_account = [row for row in base.rows if row.description == PAYMENT_ON_ACCOUNT]
    assert [(row.at_ms - first_ms, row.usd_micros) for row in on_account] == [(2, 90), (4, 90)]
    assert base.paid_before == {row.number: row.at_ms - first_ms for row in on_account}
    assert 500 in [row.usd_micros for row in base.rows]  # a single charge may be more than the limit
    assert base.tenant.ledger.outstanding_micros == 0


@pytest.mark.parametrize(
    ("low", "micros", "expected"), [(0, 11, 1), (0, 12, 2), (1, 6, 1), (1, 7, 2), (0, 16, 3), (2, -1, 2)]
)
def test_the_first_charge_above_an_amount(low, micros, expected):
    three = charges((30, 4), (10, 5), (20, 7))
    assert three.numbers.tolist() == [2, 0, 1]
    assert three.sum(1, 3) == 11
    assert three.first_above(low, 3, micros) == expected
    assert three.charge(1) == (20, Turn.USAGE, 7)
    assert three.count_before(20, Turn.USAGE) == 1
    assert three.count_before(20, Turn.MONTH) == 2
