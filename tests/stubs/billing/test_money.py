from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st
from orgbilling_stubs.billing import money


@given(st.integers(-(10**20), 10**20), st.integers(1, 10**9))
def test_half_even_is_pythons_own_rounding(numerator: int, denominator: int) -> None:
    assert money.half_even(numerator, denominator) == round(Fraction(numerator, denominator))


def test_a_token_charge_is_rounded_once_to_micros() -> None:
    # 1,500 tokens at 0.000001 USD per 1K and 500 at 0.000003 USD: 1.5 + 1.5 micro-USD.
    assert money.token_charge_micros(1_500, 500, 1_000, 3_000) == 3
    assert money.token_charge_micros(1, 0, 1, 0) == 0


def test_unit_charges_and_cents() -> None:
    assert money.unit_charge_micros(3, 2_500_000) == 7_500
    assert money.cents(1_005_000) == 100
    assert money.cents(1_015_000) == 102
