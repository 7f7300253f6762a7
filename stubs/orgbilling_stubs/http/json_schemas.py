"""JSON Schema validation for an OpenAPI 3.1 document, with errors in the words of the real API."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal, NoReturn, NotRequired, TypeAlias, TypedDict

import jsonschema_rs
import orjson
from jsonschema_rs import ValidationErrorKind
from orgbilling_openapi.json_pointer import children, find, follow, keys, path_in
from orgbilling_openapi.strict_json import JsonObject, JsonValue

Validator: TypeAlias = jsonschema_rs.Draft202012Validator
Side: TypeAlias = Literal["request", "response"]

RANGES = {"int64": (-(2**63), 2**63 - 1), "int32": (-(2**31), 2**31 - 1)}
"""Smallest and largest integer of a format."""

_MAPS_OF_SCHEMAS = ("properties", "patternProperties", "$defs", "dependentSchemas")
_LISTS_OF_SCHEMAS = ("allOf", "anyOf", "oneOf", "prefixItems")
_SCHEMAS = ("items", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames")


def retrieve_nothing(url: str) -> NoReturn:
    """Retrieve no schema for a validator, whatever a document refers to."""
    raise LookupError(f"a reference to another document: {url}")


class Schemas:
    """Compiles the schemas of one document, once each.

    side: a schema forbids `readOnly` properties in a request, and `writeOnly` ones in a response.
    tolerant: `readOnly` properties may be in a request, too (they are never required there).
    """

    def __init__(self, document: Mapping[str, JsonValue], *, tolerant: bool = False) -> None:
        self.document = document
        self._tolerant = tolerant
        self._validators: dict[tuple[str, Side], Validator] = {}
        self._one_sided: dict[tuple[str, Side], JsonValue] = {}

    def validator(self, schema: JsonValue, side: Side) -> Validator:
        """The compiled validator of a schema of this document.

        Raises `ValueError` (of jsonschema-rs) for a schema that is not valid, `LookupError` for a reference
        that leads nowhere.
        """
        key = (json.dumps(schema, sort_keys=True), side)
        validator = self._validators.get(key)
        if validator is None:
            standalone = self.standalone(schema, side)
            validator = Validator(standalone, validate_formats=True, retriever=retrieve_nothing)
            self._validators[key] = validator
        return validator

    def standalone(self, schema: JsonValue, side: Side) -> JsonValue:
        """The schema with everything that it refers to, at the places that it refers to."""
        root = self._for_side(schema, side)
        pending = set(_references(root))
        included: set[str] = set()
        while pending:
            reference = pending.pop()
            if reference in included or not reference.startswith("#/"):
                continue
            included.add(reference)
            target = self._target(reference, side)
            *parents, last = keys(reference)
            node = root
            for parent in parents:
                node = node.setdefault(parent, {})
            node[last] = target
            pending.update(_references(target))
        return root

    def _target(self, reference: str, side: Side) -> JsonValue:
        """The schema that a reference leads to, for one side."""
        if (reference, side) not in self._one_sided:
            self._one_sided[reference, side] = self._for_side(find(self.document, reference), side)
        return self._one_sided[reference, side]

    def _for_side(self, schema: JsonValue, side: Side) -> JsonValue:
        """A copy of a schema in which the properties of the other side are forbidden."""
        if not isinstance(schema, Mapping):
            return schema
        copy: JsonObject = dict(schema)
        for keyword, value in schema.items():
            if keyword in _MAPS_OF_SCHEMAS and isinstance(value, Mapping):
                copy[keyword] = {name: self._for_side(child, side) for name, child in value.items()}
            elif keyword in _LISTS_OF_SCHEMAS and isinstance(value, list):
                copy[keyword] = [self._for_side(child, side) for child in value]
            elif keyword in _SCHEMAS:
                copy[keyword] = self._for_side(value, side)
        self._forbid(copy, schema.get("properties"), side)
        schema_format = schema.get("format")
        if isinstance(schema_format, str) and schema_format in RANGES:  # validators do not know these formats
            smallest, largest = RANGES[schema_format]
            copy.setdefault("minimum", smallest)
            copy.setdefault("maximum", largest)
        return copy

    def _forbid(self, schema: JsonObject, properties: JsonValue, side: Side) -> None:
        """Forbid the properties that belong to the other side."""
        flag = "readOnly" if side == "request" else "writeOnly"
        if not isinstance(properties, Mapping):
            return
        forbidden = [
            name for name, child in properties.items() if isinstance(child, Mapping) and child.get(flag)
        ]
        if forbidden and not (side == "request" and self._tolerant):
            schema["properties"] = schema["properties"] | dict.fromkeys(forbidden, False)
        if side == "response" and "$schema" in properties:
            forbidden.append("$schema")  # not required: the server writes it when a response is valid
        if forbidden and "required" in schema:
            schema["required"] = [name for name in schema["required"] if name not in forbidden]


def _references(node: JsonValue) -> Iterator[str]:
    if isinstance(node, dict) and isinstance(node.get("$ref"), str):
        yield node["$ref"]
    for _, child in children(node):
        yield from _references(child)


def types(document: Mapping[str, JsonValue], schema: JsonValue) -> tuple[str, ...]:
    """The JSON types that a schema names, through references ("null" left out); empty if it names none."""
    schema = follow(document, schema)
    named = schema.get("type", ()) if isinstance(schema, Mapping) else ()
    return tuple(name for name in ([named] if isinstance(named, str) else named) if name != "null")


class ErrorDetail(TypedDict):
    """One row of `errors` in a problem document: what is wrong, where, and with which value."""

    message: str
    location: str
    value: NotRequired[JsonValue]


MAX_VALUE_BYTES = 1024
"""A value of more JSON than this is cut (a text) or left out (anything else)."""
MAX_ERRORS = 100

FORMATS = {
    "date-time": "RFC 3339 date-time",
    "date": "RFC 3339 date",
    "time": "RFC 3339 time",
    "email": "RFC 5322 email",
    "hostname": "RFC 5890 hostname",
    "ipv4": "RFC 2673 ipv4",
    "ipv6": "RFC 2373 ipv6",
    "uri": "RFC 3986 uri",
    "uuid": "RFC 4122 uuid",
}
LIMITS = {
    "minimum": "expected number >= {}",
    "exclusiveMinimum": "expected number > {}",
    "maximum": "expected number <= {}",
    "exclusiveMaximum": "expected number < {}",
    "multipleOf": "expected number to be a multiple of {}",
    "minLength": "expected length >= {}",
    "maxLength": "expected length <= {}",
    "pattern": "expected string to match pattern {}",
    "minItems": "expected array length >= {}",
    "maxItems": "expected array length <= {}",
    "minProperties": "expected object with at least {} properties",
    "maxProperties": "expected object with at most {} properties",
}
MESSAGES = {
    "anyOf": "expected value to match at least one schema but matched none",
    "oneOf": "expected value to match exactly one schema",
    "not": "expected value to not match schema",
    "uniqueItems": "expected array items to be unique",
    "const": "expected value to be the constant of the schema",
}


def error_detail(message: str, location: str, value: JsonValue = None) -> ErrorDetail:
    """One row of `errors`; a null value is left out, a large one is cut."""
    value = shortened(value)
    if value is None:
        return {"message": message, "location": location}
    return {"message": message, "location": location, "value": value}


def shortened(value: JsonValue) -> JsonValue:
    """The value if it is small; a long text is cut, a large structure becomes None."""
    if isinstance(value, str):
        return value if len(value) <= MAX_VALUE_BYTES else value[:MAX_VALUE_BYTES] + "…"
    if isinstance(value, (Mapping, list)):
        try:
            return value if len(orjson.dumps(value)) <= MAX_VALUE_BYTES else None
        except orjson.JSONEncodeError:
            return None
    return value


def validation_errors(validator: Validator, instance: JsonValue, location: str) -> list[ErrorDetail]:
    """Every way in which the instance breaks its schema, at most `MAX_ERRORS`.

    location: where the instance is, such as "body" or "query.days".
    """
    rows: list[ErrorDetail] = []
    for error in validator.iter_errors(instance):
        rows.extend(error_rows(error, instance, location))
        if len(rows) >= MAX_ERRORS:
            return rows[:MAX_ERRORS]
    return rows


def error_rows(
    error: jsonschema_rs.ValidationError, instance: JsonValue, location: str
) -> Iterable[ErrorDetail]:
    """The rows of `errors` for one validation error."""
    kind, path = error.kind, path_in(instance, error.instance_path)
    location = locate(location, path)
    value = value_at(instance, path)
    if isinstance(kind, ValidationErrorKind.Required):
        return [error_detail(f"expected required property {kind.property} to be present", location, value)]
    if isinstance(
        kind, (ValidationErrorKind.AdditionalProperties, ValidationErrorKind.UnevaluatedProperties)
    ):
        return [error_detail("unexpected property", f"{location}.{name}", value) for name in kind.unexpected]
    if isinstance(kind, ValidationErrorKind.FalseSchema):
        return [error_detail("unexpected property", location, value_at(instance, path[:-1]))]
    return [error_detail(_message(kind, error.message), location, value)]


def _message(kind: ValidationErrorKind, otherwise: str) -> str:
    if isinstance(kind, ValidationErrorKind.Type):
        return "expected " + (" or ".join(name for name in kind.types if name != "null") or "another type")
    if isinstance(kind, ValidationErrorKind.Format):
        return f"expected string to be {FORMATS.get(kind.format, kind.format)}"
    if isinstance(kind, ValidationErrorKind.Enum):
        return 'expected value to be one of "{}"'.format(", ".join(str(option) for option in kind.options))
    if kind.name in LIMITS:
        return LIMITS[kind.name].format(kind.value)
    return MESSAGES.get(kind.name, otherwise)


def locate(location: str, path: Iterable[str | int]) -> str:
    """A place below a location. Example: `body`, ["items", 3, "tag"] -> "body.items[3].tag"."""
    for key in path:
        location += f"[{key}]" if isinstance(key, int) else f".{key}"
    return location


def value_at(instance: JsonValue, path: Sequence[str | int]) -> JsonValue:
    """The value at a path that leads to one."""
    for key in path:
        instance = instance[key]
    return instance
