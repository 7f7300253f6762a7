"""Base 62: numbers written in digits and letters, as the ids of Clerk and Stripe are."""

from __future__ import annotations

from string import ascii_lowercase, ascii_uppercase, digits

ALPHABET = digits + ascii_uppercase + ascii_lowercase


def base62(number: int, length: int) -> str:
    """Return the last `length` base-62 digits of a non-negative number, padded with zeros."""
    written = []
    for _ in range(length):
        number, digit = divmod(number, len(ALPHABET))
        written.append(ALPHABET[digit])
    return "".join(reversed(written))
