"""Counts in words."""

from __future__ import annotations


def many(count: int, noun: str) -> str:
    """A number with its noun: ``1 rule``, ``2 rules``."""
    return f"{count:,} {noun}{'s' * (count != 1)}"
