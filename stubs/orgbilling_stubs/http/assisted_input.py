"""Help for people who write requests by hand: other spellings are taken, and errors suggest what was meant.

The control API has it. The thirteen operations answer in the words of the real API instead.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from jsonschema_rs import ValidationError, ValidationErrorKind
from orgbilling_openapi.json_pointer import children, follow, path_in
from orgbilling_openapi.strict_json import JsonObject, JsonValue
from orgbilling_openapi.suggestions import nearest

from orgbilling_stubs.http.json_schemas import (
    MAX_ERRORS,
    ErrorDetail,
    Validator,
    error_detail,
    error_rows,
    locate,
    shortened,
    value_at,
)

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_SEPARATORS = re.compile(r"[\s_-]+")
_WHOLE_NUMBER = re.compile(r"[0-9]{1,9}")
_UNIONS = ("anyOf", "oneOf")
_COMBINATIONS = ("allOf", *_UNIONS)
_NO_ALTERNATIVE = (ValidationErrorKind.AnyOf, ValidationErrorKind.OneOfNotValid)


def canonical_name(name: str) -> str:
    """What all spellings of a name have in common. Example: `Low_Balance`, `low-balance` -> `lowbalance`."""
    return _SEPARATORS.sub("", name).casefold()


def same_name(name: str, names: Iterable[str]) -> str | None:
    """The one of the names that this is another spelling of; None when there is none, or several."""
    wanted = canonical_name(name)
    same = [candidate for candidate in names if canonical_name(candidate) == wanted]
    return same[0] if len(same) == 1 else None


def suggestion(name: str, names: Sequence[str]) -> str:
    """A hint such as `; did you mean "low-balance"?`, or nothing."""
    return nearest(name, names, 0.65) or nearest(_SEPARATORS.sub("-", name).casefold(), names, 0.65)


def with_described_spelling(root: JsonValue, schema: JsonValue, value: JsonValue) -> JsonValue:
    """The value with names, numbers of states and instants as the schema writes them.

    `low_balance` becomes `low-balance`; `"3"` becomes 3 where a name or a number is expected; `2026-03-10`
    becomes `2026-03-10T00:00:00Z` where an instant is expected. root: the schema that references are
    relative to.
    """
    alternatives = list(_alternatives(root, schema))
    if isinstance(value, dict):
        return {name: _member(root, alternatives, name, child) for name, child in value.items()}
    if isinstance(value, list):
        items: JsonValue = next((node["items"] for node in alternatives if "items" in node), {})
        return [with_described_spelling(root, items, child) for child in value]
    return _spelled(alternatives, value) if isinstance(value, str) else value


def _member(root: JsonValue, alternatives: Sequence[JsonObject], name: str, value: JsonValue) -> JsonValue:
    schemas = [node["properties"][name] for node in alternatives if name in node.get("properties", {})]
    return with_described_spelling(root, {"anyOf": schemas}, value)


def _alternatives(root: JsonValue, schema: JsonValue) -> Iterator[JsonObject]:
    """The schema, and those that it combines."""
    schema = follow(root, schema)
    if isinstance(schema, dict):
        yield schema
        for keyword in _COMBINATIONS:
            for part in schema.get(keyword, ()):
                yield from _alternatives(root, part)


def _spelled(alternatives: Sequence[JsonObject], text: str) -> JsonValue:
    names = [name for node in alternatives for name in _names(node) if isinstance(name, str)]
    if text in names:
        return text
    if (
        names
        and _WHOLE_NUMBER.fullmatch(text)
        and any(node.get("type") == "integer" for node in alternatives)
    ):
        return int(text)
    if _DATE.fullmatch(text) and any(node.get("format") == "date-time" for node in alternatives):
        return f"{text}T00:00:00Z"
    return same_name(text, dict.fromkeys(names)) or text


def _names(schema: Mapping[str, JsonValue]) -> Sequence[JsonValue]:
    return [schema["const"]] if "const" in schema else schema.get("enum", ())


def assisted_errors(
    root: JsonValue, validator: Validator, instance: JsonValue, location: str
) -> list[ErrorDetail]:
    """Every way in which the instance breaks its schema, at most `MAX_ERRORS`, each with what was meant.

    root: the schema that the validator was made from. location: where the instance is, such as "body".
    """
    rows: dict[tuple[str, str], ErrorDetail] = {}
    for error in _without_repetition(list(validator.iter_errors(instance))):
        for row in _rows(root, error, instance, location, alternative=False):
            rows.setdefault((row["location"], row["message"]), row)
    return list(rows.values())[:MAX_ERRORS]


def with_sent_values(
    rows: Iterable[ErrorDetail], taken: JsonValue, sent: JsonValue, location: str
) -> list[ErrorDetail]:
    """The rows with values as the client sent them, where they have them as the schema writes them.

    taken: the instance as it was validated (`with_described_spelling`). sent: the same instance as it came.
    Example: `scenario` is "26" in `sent` and 26 in `taken`; a row for `body.scenario` gets "26".
    """
    values, sent_values = dict(_values(taken, location)), dict(_values(sent, location))
    return [
        error_detail(row["message"], row["location"], sent_values[row["location"]])
        if row["location"] in sent_values
        and str(row.get("value")) == str(shortened(values.get(row["location"])))
        else row
        for row in rows
    ]


def _values(value: JsonValue, location: str) -> Iterator[tuple[str, JsonValue]]:
    """The value and each value inside it, by its place."""
    yield location, value
    for key, child in children(value):
        yield from _values(child, locate(location, [key]))


def _without_repetition(errors: Sequence[ValidationError]) -> Iterator[ValidationError]:
    """The errors without those that say again what another one says.

    A value of the wrong type is in no enumeration either, and fits no alternative of a union. A member that
    tells alternatives apart (`mode` of a clock) is wrong in all of them when it is wrong at all.
    """
    others = [error for error in errors if error.kind.name not in _UNIONS]
    paths = [tuple(error.instance_path) for error in others]
    enumerated = [tuple(error.instance_path) for error in others if error.kind.name == "enum"]
    mistyped = [tuple(error.instance_path) for error in others if error.kind.name == "type"]

    def is_repetition(error: ValidationError) -> bool:
        kind, path = error.kind, tuple(error.instance_path)
        if kind.name == "type" and path in enumerated:
            return True  # the row of the enumeration lists the values
        if kind.name in _UNIONS and path in mistyped:
            return True  # the row of the type says what is expected
        if isinstance(kind, ValidationErrorKind.OneOfMultipleValid) and others:
            return True  # which alternative is meant does not matter while a member is wrong
        return isinstance(kind, _NO_ALTERNATIVE) and all(
            any(
                len(inner.instance_path) > len(path) and tuple(inner.instance_path) in paths
                for inner in alternative
            )
            for alternative in kind.context
        )  # a member that is wrong in every alternative has a row of its own

    return (error for error in errors if not is_repetition(error))


def _rows(
    root: JsonValue,
    error: ValidationError,
    instance: JsonValue,
    location: str,
    *,
    alternative: bool,
) -> Iterator[ErrorDetail]:
    """The rows of one error; alternative: whether its schema is the one that was meant among several."""
    kind, path = error.kind, path_in(instance, error.instance_path)
    place, value = locate(location, path), value_at(instance, path)
    schema = _schema_of(root, error)
    if "x-expected" in schema:  # says in words what a pattern or a union takes
        names = [name for node in _alternatives(root, schema) for name in _names(node)]
        yield error_detail(f"expected {schema['x-expected']}{_suggestion(value, names)}", place, value)
    elif isinstance(kind, _NO_ALTERNATIVE):
        choice = _types_of(kind.context, error.instance_path) or _required_members(kind.context)
        if choice:
            yield error_detail(f"expected {' or '.join(choice)}", place, value)
            return
        meant = min(kind.context, key=lambda errors: _distance(errors, error.instance_path))
        for inner in _without_repetition(meant):
            yield from _rows(root, inner, instance, location, alternative=True)
    elif isinstance(kind, ValidationErrorKind.AdditionalProperties):
        for name in kind.unexpected:
            message = _unexpected_member(name, schema, value, alternative=alternative)
            yield error_detail(message, f"{place}.{name}", value[name])
    elif isinstance(kind, ValidationErrorKind.Required):
        yield error_detail(_missing_member(root, error, schema, value, alternative=alternative), place, value)
    elif isinstance(kind, ValidationErrorKind.FalseSchema) and "dependentSchemas" in error.schema_path:
        message = f"give {path[-1]} or {error.schema_path[-3]}, not both"
        yield error_detail(message, place, value)
    elif isinstance(kind, ValidationErrorKind.Constant):
        yield error_detail(f'expected "{kind.expected_value}"{_because(error)}', place, value)
    else:
        for row in error_rows(error, instance, location):
            yield {**row, "message": row["message"] + _suggestion(value, _names(schema))}


def _suggestion(value: JsonValue, names: Iterable[JsonValue]) -> str:
    """The hint for a value that should be one of the names, or nothing."""
    texts = [name for name in names if isinstance(name, str)]
    return suggestion(value, texts) if isinstance(value, str) and texts else ""


def _because(error: ValidationError) -> str:
    """Which member makes a schema apply, such as ", since `declineCode` is given"; "" when it always does."""
    keys = list(error.schema_path)
    if "dependentSchemas" not in keys:
        return ""
    return f", since `{keys[keys.index('dependentSchemas') + 1]}` is given"


def _missing_member(
    root: JsonValue,
    error: ValidationError,
    schema: Mapping[str, JsonValue],
    value: JsonValue,
    *,
    alternative: bool,
) -> str:
    """What is wrong with an object that lacks a member, and the values that the member takes."""
    assert isinstance(error.kind, ValidationErrorKind.Required)
    name = error.kind.property
    meant = _meant(schema, value) if alternative else ""
    if meant:
        return f"{meant} needs `{name}`"
    nodes = _alternatives(root, schema.get("properties", {}).get(name, {}))
    names = [str(option) for node in nodes for option in _names(node)]
    options = f": {'one of ' if len(names) > 1 else ''}{', '.join(names)}" if names else ""
    return f"expected required property {name} to be present{_because(error)}{options}"


def _schema_of(root: JsonValue, error: ValidationError) -> Mapping[str, JsonValue]:
    """The schema that holds the keyword which an instance breaks."""
    node = root
    for key in error.schema_path[:-1]:
        node = node[key]
    return node if isinstance(node, Mapping) else {}


def _types_of(
    alternatives: Sequence[Sequence[ValidationError]], place: Sequence[str | int]
) -> Sequence[str] | None:
    """The types of all alternatives, when the instance has none of them; None when it has one."""
    types: dict[str, None] = {}
    for errors in alternatives:
        kinds = [error.kind for error in errors if list(error.instance_path) == list(place)]
        found = [kind for kind in kinds if isinstance(kind, ValidationErrorKind.Type)]
        if not found:
            return None
        types.update((name, None) for kind in found for name in kind.types if name != "null")
    return list(types)


def _required_members(alternatives: Sequence[Sequence[ValidationError]]) -> Sequence[str]:
    """The members of which an object needs one, when the alternatives differ in nothing else."""
    errors = [error for alternative in alternatives for error in alternative]
    names = [error.kind.property for error in errors if isinstance(error.kind, ValidationErrorKind.Required)]
    return list(dict.fromkeys(names)) if len(names) == len(errors) == len(alternatives) else ()


def _distance(errors: Sequence[ValidationError], place: Sequence[str | int]) -> tuple[int, int]:
    """How far an instance is from one alternative.

    The wrong type counts most, then a member with another constant: `{"mode": "frozen"}` means the
    alternative whose `mode` is `frozen`, whatever else is wrong with it.
    """
    worst = 0
    for error in errors:
        if isinstance(error.kind, ValidationErrorKind.Type) and list(error.instance_path) == list(place):
            worst = 2
        elif isinstance(error.kind, (ValidationErrorKind.Constant, ValidationErrorKind.Enum)):
            worst = max(worst, 1)
    return worst, len(errors)


def _unexpected_member(
    name: str, schema: Mapping[str, JsonValue], value: JsonValue, *, alternative: bool
) -> str:
    """What is wrong with a member that an object does not have, and what the object takes instead."""
    members = {member: node for member, node in schema.get("properties", {}).items() if member != "$schema"}
    meant = _meant(schema, value) if alternative else ""
    if meant:
        others = [f"`{member}`" for member, node in members.items() if not _names(node)]
        return f"no member `{name}`; {meant} takes {' and '.join(others) or 'no other member'}"
    absent = [member for member in members if member not in value]
    hint = suggestion(name, absent) or (f"; expected one of {', '.join(absent)}" if absent else "")
    return f"unexpected property{hint}"


def _meant(schema: Mapping[str, JsonValue], value: JsonValue) -> str:
    """The value of the member that tells one alternative from the others, such as `frozen`; "" for none."""
    for name, member in schema.get("properties", {}).items():
        if isinstance(member, Mapping) and name in value and value[name] in _names(member):
            return str(value[name])
    return ""
