from __future__ import annotations

import pytest
from orgbilling_stubs.control.amounts import micros, nanos


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.1, 100_000),
        ("0.1", 100_000),
        (0.1 + 0.2, 300_000),
        (1.1 * 3, 3_300_000),
        (1e-6, 1),
        ("0.000001", 1),
        (5, 5_000_000),
        (-0.0000005, 0),
        (0.0000015, 2),
        ("-9999999999.999999", -9_999_999_999_999_999),
    ],
)
def test_an_amount_is_what_is_written(value: float | str, expected: int) -> None:
    assert micros(value) == expected


def test_a_price_has_nine_decimals() -> None:
    assert nanos(1e-9) == nanos("0.000000001") == 1
    assert nanos(0.1 + 0.2) == 300_000_000
