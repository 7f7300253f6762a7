from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import pytest
from orgbilling_openapi import equations
from orgbilling_openapi.equations import MissingBodyError


def holds(count: int, price: float, amount: float) -> bool:
    row = {"eventType": "a", "count": count, "unitPriceUsd": price, "chargeUsd": amount}
    bodies = {"getOrgContextEngineEvents": {"byType": [row]}}
    return equations.charge(bodies, "getOrgContextEngineEvents", "byType", "eventType").holds


@pytest.mark.parametrize(
    ("count", "price", "amount", "expected"),
    [
        (3, 0.1, 0.30000000000000004, True),
        (3, 0.1, 0.3000005, True),
        (3, 0.1, 0.3000006, False),
        (1, 0.0000005, 0.000001, True),
        (1, 0.0000005, 0.0, True),
        (1, 0.0000006, 0.0, False),
        (9_007_199_254_740_993, 1000.0, 9.007199254740992e18, True),
        (9_007_199_254_740_993, 1000.0, 9.00719925474e18, False),
    ],
)
def test_the_tolerance_is_that_of_rounding_and_no_more(
    count: int, price: float, amount: float, expected: bool
) -> None:
    """Half a micro-USD, and beyond 2^53 what doubles cannot hold."""
    assert holds(count, price, amount) is expected


def test_each_rounded_row_may_be_off_by_half_a_micro() -> None:
    rows = [{"chargeUsd": 1.0, "count": 1} for _ in range(4)]

    def total(whole: float) -> bool:
        bodies = {"op": {"rows": rows, "whole": whole}}
        return equations.total(bodies, "op", "rows", "whole", "chargeUsd").holds

    assert total(4.0000025)
    assert not total(4.0000026)


def test_windows_are_read_from_the_keys() -> None:
    bodies: dict[str, Any] = {"x?days=all": 3, "x": 1, "x?days=90": 2, "before:x": 0, "xy": 9}
    assert equations.windows(bodies, "x") == {30: 1, 90: 2, math.inf: 3}
    assert equations.windows(bodies, "x", "before:") == {30: 0}
    assert equations.any_window(bodies, "x") == 1
    with pytest.raises(MissingBodyError, match="needs z"):
        equations.windows(bodies, "z")


def test_the_whole_ledger_is_not_guessed_from_a_window() -> None:
    with pytest.raises(MissingBodyError, match="days=all"):
        equations.whole_ledger({"getOrgLedger?days=365": []})
    assert equations.whole_ledger({"getOrgLedger?days=all": None}) == []


def test_numbers_are_what_the_json_shows() -> None:
    assert equations.number(0.1) == Decimal("0.1")
    assert equations.number(3) == 3
    for nonsense in (True, "1", None):
        with pytest.raises(MissingBodyError):
            equations.number(nonsense)


def test_the_first_failure_is_the_outcome() -> None:
    good, bad = equations.EquationResult(True), equations.EquationResult(False, (), "no")
    assert equations.all_of([good, bad, equations.EquationResult(False, (), "later")]) is bad
    assert equations.all_of([]).holds
