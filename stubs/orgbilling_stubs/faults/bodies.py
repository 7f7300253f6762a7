"""What faults do to a body: null for empty, and members that no contract knows."""

from __future__ import annotations

from typing import Any

import orjson

UNDOCUMENTED = "not documented: a drift drill"


def reshaped(payload: bytes, nulls: bool, field: str | None) -> bytes:
    """A JSON body with these faults; what is no JSON stays as it is."""
    try:
        body = orjson.loads(payload)
    except ValueError:
        return payload
    if nulls:
        body = emptied(body)
    if field is not None:
        body = drifted(body, field)
    return orjson.dumps(body)


def emptied(value: Any) -> Any:
    """The value with null for every empty array."""
    if isinstance(value, dict):
        return {name: emptied(each) for name, each in value.items()}
    if isinstance(value, list):
        return [emptied(each) for each in value] or None
    return value


def drifted(value: Any, field: str) -> Any:
    """The object, or each object of the array, with one more member."""
    if isinstance(value, dict):
        return {**value, field: UNDOCUMENTED}
    if isinstance(value, list):
        return [drifted(each, field) for each in value]
    return value
