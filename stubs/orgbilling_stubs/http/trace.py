"""Trace ids: 32 hex digits, unique in a server, the same sequence for the same seed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from itertools import count


def traces(seed: int | str) -> Callable[[], str]:
    """A function that gives the next trace id of a server started with this seed."""
    prefix = hashlib.blake2b(f"trace:{seed}".encode(), digest_size=8).hexdigest()
    numbers = count(1)
    return lambda: f"{prefix}{next(numbers):016x}"
