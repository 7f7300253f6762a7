"""Amounts and prices in requests: JSON numbers or decimal strings, to the integers of billing."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal

from orgbilling_stubs.billing.money import MICROS_PER_USD, NANOS_PER_USD


def micros(value: float | str) -> int:
    """An amount in USD, as a number or a decimal string, in micro-USD."""
    return _scaled(value, MICROS_PER_USD)


def nanos(value: float | str) -> int:
    """A price in USD, as a number or a decimal string, in nano-USD."""
    return _scaled(value, NANOS_PER_USD)


def _scaled(value: float | str, scale: int) -> int:
    """A decimal string is exact. A number is the shortest decimal that reads back as it (0.1 is a tenth),
    rounded half to even: 0.1 + 0.2, which is 0.30000000000000004, is three tenths.
    """
    decimal = Decimal(value if isinstance(value, str) else repr(value))
    return int((decimal * scale).to_integral_value(ROUND_HALF_EVEN))
