from __future__ import annotations

from typing import Any

import pytest
from orgbilling_openapi import equations
from orgbilling_openapi.equations import MissingBodyError


def row(entry: str, amount: float) -> dict[str, Any]:
    return {"entryId": entry, "amountCredits": amount}


def redeem(amount: float, *new: dict[str, Any]) -> bool:
    old = [row("e1", 10.0)]
    bodies = {
        "redeemOrgVoucher": {"creditAmountUsd": amount},
        "before:getOrgLedger": old,
        "getOrgLedger": [*new, *old],
    }
    return equations.redeem_row(bodies).holds


def test_a_voucher_posts_its_credit_once() -> None:
    assert redeem(10.0, row("e2", 10.0))
    assert redeem(10.0, row("e2", 10.0), row("e3", -0.5))
    assert not redeem(10.0)
    assert not redeem(10.0, row("e2", 10.0), row("e3", 10.0))


def test_a_discount_posts_nothing() -> None:
    assert redeem(0.0)
    assert redeem(0.0, row("e2", -0.5))
    assert not redeem(0.0, row("e2", 0.0))


def test_the_ledger_is_compared_over_one_window() -> None:
    bodies = {
        "redeemOrgVoucher": {"creditAmountUsd": 1.0},
        "before:getOrgLedger": [],
        "getOrgLedger?days=90": [],
    }
    with pytest.raises(MissingBodyError, match="over the same window"):
        equations.redeem_row(bodies)


@pytest.mark.parametrize(
    ("request_body", "usd"), [({"amount": 5000}, 50), ({"amount": 1, "currency": "USD"}, 0.01)]
)
def test_what_a_checkout_asks_for(request_body: dict[str, Any], usd: float) -> None:
    assert float(equations.paid({"request:createOrgBillingCheckout": request_body})) == usd


def test_a_checkout_in_another_currency_is_not_judged() -> None:
    with pytest.raises(MissingBodyError, match="not in USD"):
        equations.paid({"request:createOrgBillingCheckout": {"amount": 5000, "currency": "EUR"}})


def test_modes_are_judged_by_their_own_law() -> None:
    prepaid = {"getOrgBilling": {"billingMode": "prepaid", "outstandingUsd": 0, "postpaidLimitUsd": 0}}
    with pytest.raises(MissingBodyError):
        equations.postpaid(prepaid)
    with pytest.raises(MissingBodyError):
        equations.prepaid({"getOrgBilling": {"billingMode": "postpaid"}})


def test_a_contract_without_a_schedule_is_not_judged_by_it() -> None:
    with pytest.raises(MissingBodyError, match="no payment schedule"):
        equations.schedule_total({"getOrgContract": {"paymentSchedule": None}})


def test_two_paid_payments_need_two_credits() -> None:
    payments = [
        {"paid": True, "creditUsd": 100.0},
        {"paid": True, "creditUsd": 100.0},
        {"paid": False, "creditUsd": 1},
    ]
    ledger = [row("e1", 100.0)]
    bodies = {"getOrgContract": {"paymentSchedule": payments}, "getOrgLedger?days=all": ledger}
    assert not equations.schedule_paid(bodies).holds
    ledger.append(row("e2", 100.0))
    assert equations.schedule_paid(bodies).holds
