from __future__ import annotations

import pytest
from orgbilling_stubs.control.amounts import micros, nanos
from orgbilling_stubs.runtime.refusals import Problem


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.1, 100_000),
        ("0.1", 100_000),
        (0.1 + 0.2, None),
        ("0.30", 300_000),
        (1e-6, 1),
        ("0.000001", 1),
        (5, 5_000_000),
        ("-9999999999.999999", -9_999_999_999_999_999),
        (1e-7, None),
        ("0.0000001", None),
    ],
)
def test_an_amount_is_exact_or_refused(value: float | str, expected: int | None) -> None:
    if expected is None:
        with pytest.raises(Problem, match="amount_invalid"):
            micros(value, "body.amountUsd")
    else:
        assert micros(value, "body.amountUsd") == expected


def test_a_price_has_nine_decimals() -> None:
    assert nanos(1e-9, "body.price") == 1
    assert nanos("0.000000001", "body.price") == 1
    with pytest.raises(Problem) as refused:
        nanos("0.0000000001", "body.price")
    assert refused.value.errors[0]["location"] == "body.price"
