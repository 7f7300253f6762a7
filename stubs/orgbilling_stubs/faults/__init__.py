"""Faults on demand: overrides of one request, and standing rules for many."""

from __future__ import annotations

COOKIE = "orgbilling_prefer"
"""The cookie that carries overrides."""
