"""Validation errors in the words and places of the real framework (`errors[]` of a problem)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

import orjson

from orgbilling_stubs.http.json_schemas import Validator

ValidationError: TypeAlias = dict[str, Any]

LIMIT_BYTES = 1024
"""A value of more JSON than this is cut (text) or left out (anything else)."""
MOST = 100
"""So many findings are reported at most."""

FORMATS = {
    "date-time": "expected string to be RFC 3339 date-time",
    "date": "expected string to be RFC 3339 date",
    "time": "expected string to be RFC 3339 time",
    "email": "expected string to be RFC 5322 email",
    "hostname": "expected string to be RFC 5890 hostname",
    "ipv4": "expected string to be RFC 2673 ipv4",
    "ipv6": "expected string to be RFC 2373 ipv6",
    "uri": "expected string to be RFC 3986 uri",
    "uuid": "expected string to be RFC 4122 uuid",
    "regex": "expected string to be regex",
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
PLAIN = {
    "anyOf": "expected value to match at least one schema but matched none",
    "oneOf": "expected value to match exactly one schema",
    "not": "expected value to not match schema",
    "uniqueItems": "expected array items to be unique",
    "const": "expected value to be the constant of the schema",
}


def validation_error(message: str, location: str, value: Any = None) -> ValidationError:
    """One row of `errors[]`; a null value is left out, a large one is cut."""
    row: ValidationError = {"message": message, "location": location}
    kept = bounded(value)
    if kept is not None:
        row["value"] = kept
    return row


def bounded(value: Any) -> Any:
    """The value if it is small; a long text is cut, a large structure becomes None."""
    if isinstance(value, str):
        return value if len(value) <= LIMIT_BYTES else value[:LIMIT_BYTES] + "…"
    if isinstance(value, (Mapping, list)):
        try:
            return value if len(orjson.dumps(value)) <= LIMIT_BYTES else None
        except orjson.JSONEncodeError:
            return None
    return value


def validation_errors(validator: Validator, instance: Any, place: str) -> list[ValidationError]:
    """Every way in which the instance breaks its schema, at most `MOST`.

    place: where the instance is, e.g. "body" or "query.days".
    """
    rows: list[ValidationError] = []
    for error in validator.iter_errors(instance):
        rows.extend(_translate(error, instance, place))
        if len(rows) >= MOST:
            return rows[:MOST]
    return rows


def _translate(error: Any, instance: Any, place: str) -> Iterable[ValidationError]:
    path = list(error.instance_path)
    where = locate(place, path)
    kind = error.kind
    name = kind.name
    if name == "required":
        message = f"expected required property {kind.property} to be present"
        return [validation_error(message, where, _at(instance, path))]
    if name in ("additionalProperties", "unevaluatedProperties"):
        whole = _at(instance, path)
        return [validation_error("unexpected property", f"{where}.{each}", whole) for each in kind.unexpected]
    if name == "falseSchema":
        return [validation_error("unexpected property", where, _at(instance, path[:-1]))]
    return [validation_error(_message(name, kind, error), where, _at(instance, path))]


def _message(name: str, kind: Any, error: Any) -> str:
    if name == "type":
        return "expected " + (_types(kind) or "another type")
    if name in LIMITS:
        return LIMITS[name].format(kind.value)
    if name == "format":
        return FORMATS.get(kind.format, f"expected string to be {kind.format}")
    if name == "enum":
        return 'expected value to be one of "{}"'.format(", ".join(str(each) for each in kind.options))
    return PLAIN.get(name) or str(error.message)


def _types(kind: Any) -> str:
    named = [each for each in kind.types if each != "null"]
    return " or ".join(named)


def locate(place: str, path: Iterable[str | int]) -> str:
    """`body`, ["items", 3, "tag"] -> "body.items[3].tag"."""
    for part in path:
        place += f"[{part}]" if isinstance(part, int) else f".{part}"
    return place


def _at(instance: Any, path: Iterable[Any]) -> Any:
    for part in path:
        instance = instance[part]
    return instance
