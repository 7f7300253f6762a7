"""Money as integers: nano-USD for prices, micro-USD in the ledger."""

from __future__ import annotations

NANOS_PER_USD = 1_000_000_000
MICROS_PER_USD = 1_000_000
NANOS_PER_MICRO = 1_000
MICROS_PER_CENT = 10_000


def half_even(numerator: int, denominator: int) -> int:
    """Divide integers and round half to even; `denominator` is positive."""
    quotient, remainder = divmod(numerator, denominator)
    twice = 2 * remainder
    if twice > denominator or (twice == denominator and quotient & 1):
        quotient += 1
    return quotient


def token_charge_micros(
    input_tokens: int, output_tokens: int, input_per_1k_nanos: int, output_per_1k_nanos: int
) -> int:
    """Charge for tokens at prices per 1,000 tokens, rounded to micro-USD."""
    return half_even(
        input_tokens * input_per_1k_nanos + output_tokens * output_per_1k_nanos,
        1_000 * NANOS_PER_MICRO,
    )


def unit_charge_micros(count: int, unit_nanos: int) -> int:
    """Charge for `count` units at a price in nano-USD each, rounded to micro-USD."""
    return half_even(count * unit_nanos, NANOS_PER_MICRO)


def cents(micros: int) -> int:
    """Micro-USD as whole cents, rounded half to even."""
    return half_even(micros, MICROS_PER_CENT)
