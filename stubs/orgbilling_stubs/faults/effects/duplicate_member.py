"""Duplicate member: a JSON object repeats one of its members, which strict parsers reject.

RFC 8259 says that names should be unique, and leaves open what a parser does when they are not: some take the
first value, some the last, some fail.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import ClassVar

import orjson
from orgbilling_openapi.strict_json import JsonValue

from orgbilling_stubs.faults.effects.effect import Documented, ObjectEffect, json_field, text


class Repeated(Enum):
    """Stands for the member's own value: null is a value that a rule can ask for."""

    OWN_VALUE = "the member's own value"


@dataclass(frozen=True, slots=True)
class DuplicateMember(ObjectEffect):
    """The object, or each object of the array, ends with the member `name` once more, if it has one.

    value: the value of the second one; the first keeps its own. With `name: creditBalance, value: 0`,
    `{"creditBalance": 7.5, "currency": "USD"}` becomes
    `{"creditBalance": 7.5, "currency": "USD", "creditBalance": 0}`.
    """

    member: ClassVar = "duplicateMember"
    description: ClassVar = "Every object that has this member has it twice."
    on_the_wire: ClassVar = (
        "the object, or every row, ends with its member `name` once more; with another `value`, if given, "
        "so that it shows which of the two a lenient parser takes"
    )
    conflicts: ClassVar = ("reset", "hangMs")
    presets: ClassVar = {"currency twice": {"duplicateMember": {"name": "currency"}}}

    name: str = json_field("name", text(100, "A documented member."))
    value: object = json_field(
        "value",
        {"description": "Value of the second one, any JSON; its own when left out."},
        Repeated.OWN_VALUE,
    )

    def invalid(self, documented: Documented) -> str | None:
        """No response has an undocumented member."""
        if self.name in documented():
            return None
        return f"duplicateMember.name: the API description documents no member {self.name}"

    def change_body(self, body: bytes) -> bytes:
        """The body with the member repeated."""
        value = orjson.loads(body)
        if isinstance(value, list):
            return b"[" + b",".join(map(self._repeated, value)) + b"]"
        return self._repeated(value)

    def _repeated(self, value: JsonValue) -> bytes:
        """The JSON of a value; no library writes a name twice, so the second one is put before the brace."""
        text = orjson.dumps(value)
        if not isinstance(value, dict) or self.name not in value:
            return text
        second = value[self.name] if self.value is Repeated.OWN_VALUE else self.value
        return b"%b,%b:%b}" % (text[:-1], orjson.dumps(self.name), orjson.dumps(second))
