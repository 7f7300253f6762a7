"""Money in integers: prices in nano-USD, the ledger in micro-USD.

A price needs three more decimals than an amount: the cheapest model costs 1e-9 USD per 1,000 tokens. Where a
price becomes an amount, it is rounded once, half to even.
"""

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
    """Charge for tokens at prices per 1,000 tokens, rounded to micro-USD.

    (input * input price + output * output price) / (1,000 tokens * 1,000 nano-USD per micro-USD). Example:
    1,000 input tokens at 100,000 nano-USD and 500 output tokens at 400,000 are 300 micro-USD. Both parts are
    added before rounding, so a row is rounded once.
    """
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
