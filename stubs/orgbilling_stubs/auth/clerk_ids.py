"""Ids in Clerk's shape: a prefix and 27 base-62 characters, derived from their parts."""

from __future__ import annotations

import hashlib

from orgbilling_stubs.base62 import base62

LENGTH = 27


def clerk_id(prefix: str, *parts: str | int) -> str:
    """Return `<prefix>_` and 27 characters: the same for the same parts on every machine."""
    digest = hashlib.blake2b("\x1f".join((prefix, *map(str, parts))).encode(), digest_size=20).digest()
    return clerk_id_of_digest(prefix, digest)


def clerk_id_of_digest(prefix: str, digest: bytes) -> str:
    """Return `<prefix>_` and the 27 characters that a digest gives."""
    return f"{prefix}_{base62(int.from_bytes(digest, 'big'), LENGTH)}"
