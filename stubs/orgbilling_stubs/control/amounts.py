"""USD as people write it, to integers: exactly, or not at all."""

from __future__ import annotations

from decimal import Decimal

from ..domain.money import MICROS_PER_USD, NANOS_PER_USD
from .refusals import AMOUNT_INVALID, refusal


def micros(value: float | str, location: str) -> int:
    """An amount in micro-USD; raises Problem when it has more than six decimals."""
    return _scaled(value, MICROS_PER_USD, location)


def nanos(value: float | str, location: str) -> int:
    """A price in nano-USD; raises Problem when it has more than nine decimals."""
    return _scaled(value, NANOS_PER_USD, location)


def _scaled(value: float | str, scale: int, location: str) -> int:
    """A float counts as the shortest decimal that reads back as it: 0.1 is a tenth."""
    scaled = Decimal(value if isinstance(value, str) else repr(value)) * scale
    whole = int(scaled)
    if scaled != whole:
        raise refusal(AMOUNT_INVALID, location, value)
    return whole
