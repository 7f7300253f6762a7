"""Null arrays: empty arrays are null, as some serializers of Go write them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import orjson
from orgbilling_openapi.strict_json import JsonValue

from orgbilling_stubs.faults.effects.effect import FlagEffect


@dataclass(frozen=True, slots=True)
class NullArrays(FlagEffect):
    """`null` for every empty array."""

    member: ClassVar = "nulls"
    presets: ClassVar = {"null for empty arrays": {"nulls": True}}
    description: ClassVar = "Empty arrays are null."
    on_the_wire: ClassVar = "`null` for every empty array"

    def change_body(self, body: bytes) -> bytes:
        """The body with null for every empty array."""
        return orjson.dumps(_nulled(orjson.loads(body)))


def _nulled(value: JsonValue) -> JsonValue:
    if isinstance(value, dict):
        return {name: _nulled(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_nulled(item) for item in value] or None
    return value
