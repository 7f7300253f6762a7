"""Ids in Clerk's shape: a prefix and 27 base-62 characters, derived from their parts."""

from __future__ import annotations

import hashlib

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
LENGTH = 27


def base62(number: int, length: int = LENGTH) -> str:
    """Return the last `length` base-62 digits of a non-negative number, zero-padded."""
    digits = []
    for _ in range(length):
        number, digit = divmod(number, 62)
        digits.append(ALPHABET[digit])
    return "".join(reversed(digits))


def clerk_id(prefix: str, *parts: str | int) -> str:
    """Return `<prefix>_` + 27 characters, the same for the same parts on every machine."""
    joined = "\x1f".join((prefix, *map(str, parts))).encode()
    return f"{prefix}_{base62(int.from_bytes(hashlib.blake2b(joined, digest_size=20).digest(), 'big'))}"
