"""Fields of forms that follow from the JSON Schema of a member of a request body."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from orgbilling_openapi.strict_json import JsonObject, JsonValue


@dataclass(frozen=True, slots=True)
class FormField:
    """One field.

    name: of the form's field, such as `body.effect.latency.ms`. label: the member. hint: what it means.
    options: of a choice. default: the value that is taken when the field is empty.
    """

    name: str
    label: str
    kind: Literal["checkbox", "number", "select", "text"]
    hint: str = ""
    options: tuple[str, ...] = ()
    minimum: int | None = None
    maximum: int | None = None
    default: JsonValue = None


def form_fields_of(name: str, schema: JsonObject) -> Iterator[FormField]:
    """The field of a member, or those of the members of an object.

    name: `body.`, and the path to the member. The label of a member of an object is its own name.
    """
    if "properties" in schema:
        for member, member_schema in schema["properties"].items():
            yield from form_fields_of(f"{name}.{member}", member_schema)
        return
    kind: Literal["checkbox", "number", "select", "text"] = "text"
    if "enum" in schema:
        kind = "select"
    elif schema.get("type") in ("integer", "number"):
        kind = "number"
    elif schema.get("type") == "boolean":
        kind = "checkbox"
    yield FormField(
        name,
        name.rpartition(".")[2],
        kind,
        schema.get("description", ""),
        tuple(schema.get("enum", ())),
        schema.get("minimum"),
        schema.get("maximum"),
        schema.get("default"),
    )
