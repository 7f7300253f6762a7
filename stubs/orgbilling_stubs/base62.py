"""Base 62: numbers written in digits and letters, as the ids of Clerk and Stripe are."""

from __future__ import annotations

from string import ascii_lowercase, ascii_uppercase, digits

ALPHABET = digits + ascii_uppercase + ascii_lowercase
_PAIRS = [first + second for first in ALPHABET for second in ALPHABET]
"""All pairs of digits: an id of 58 digits is written in half the divisions."""


def base62(number: int, length: int) -> str:
    """Return the last `length` base-62 digits of a non-negative number, padded with zeros."""
    written = []
    for _ in range(0, length, 2):
        number, pair = divmod(number, 3844)  # 62 times 62
        written.append(_PAIRS[pair])
    # Of an odd length the first pair has a digit too many: 61 in three digits is "000z" without its first 0.
    return "".join(reversed(written))[-length:]
