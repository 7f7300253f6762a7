"""Undocumented member: one more in every object, as an API has it that changed without notice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import orjson
from orgbilling_openapi.strict_json import JsonValue

from orgbilling_stubs.faults.effects.effect import Documented, Effect, json_field, text

UNDOCUMENTED = "not documented: a drift drill"


@dataclass(frozen=True, slots=True)
class UndocumentedMember(Effect):
    """One member more, in the object or in every row of the array.

    The response is not checked against the API description afterwards: being wrong is its purpose.
    """

    member: ClassVar = "field"
    presets: ClassVar = {"an undocumented member": {"field": "x_new"}}
    on_the_wire: ClassVar = (
        "one undocumented member more, in the object or in every row; "
        "not checked against the API description, on purpose"
    )

    name: str = json_field("field", text(100, "Name of a member that every object gets; no documented one."))

    def invalid(self, documented: Documented) -> str | None:
        """A documented member would be overwritten."""
        if self.name not in documented():
            return None
        return f"field: the API description documents a member {self.name}; choose another name"

    def change_body(self, body: bytes) -> bytes:
        """The body with the member added."""
        return orjson.dumps(_extended(orjson.loads(body), self.name))


def _extended(value: JsonValue, name: str) -> JsonValue:
    if isinstance(value, dict):
        return {**value, name: UNDOCUMENTED}
    if isinstance(value, list):
        return [_extended(row, name) for row in value]
    return value
