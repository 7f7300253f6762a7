"""Identifiers and numbers, each a pure function of what it names: the same on every machine."""

from __future__ import annotations

from hashlib import blake2b

from orgbilling_stubs.base62 import base62


def _digest(parts: tuple[str | int, ...], size: int) -> bytes:
    return blake2b("\x1f".join(map(str, parts)).encode("utf-8", "surrogatepass"), digest_size=size).digest()


def number(limit: int, *parts: str | int) -> int:
    """A number from 0 to below the limit, derived from the parts."""
    return int.from_bytes(_digest(parts, 8)) % limit


def uuid(*parts: str | int) -> str:
    """A version 8 UUID (RFC 9562: custom) derived from the parts."""
    number = int.from_bytes(_digest(parts, 16))
    number = number & ~(0xF << 76) | (0x8 << 76)
    number = number & ~(0x3 << 62) | (0x2 << 62)
    hexed = f"{number:032x}"
    return f"{hexed[:8]}-{hexed[8:12]}-{hexed[12:16]}-{hexed[16:20]}-{hexed[20:]}"


def letters(length: int, *parts: str | int) -> str:
    """`length` base-62 characters derived from the parts."""
    # The last digit comes first, as it always has: an id must not change between versions.
    return base62(int.from_bytes(_digest(parts, 64)), length)[::-1]


def checkout_session(*parts: str | int) -> str:
    """A Stripe Checkout session id: `cs_test_` and 58 characters."""
    return "cs_test_" + letters(58, "checkout", *parts)


def portal_session(*parts: str | int) -> str:
    """A Stripe billing-portal session id: `bps_` and 24 characters."""
    return "bps_" + letters(24, "portal", *parts)


def customer(*parts: str | int) -> str:
    """A Stripe customer id: `cus_` and 14 characters."""
    return "cus_" + letters(14, "customer", *parts)


def subscription(*parts: str | int) -> str:
    """A Stripe subscription id: `sub_` and 24 characters."""
    return "sub_" + letters(24, "subscription", *parts)


def price(*parts: str | int) -> str:
    """A Stripe price id: `price_` and 24 characters."""
    return "price_" + letters(24, "price", *parts)
