from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import pytest
from orgbilling_openapi import equations
from orgbilling_openapi.equations import MissingBodyError


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
