"""A JSON value against a schema of the API description: every violation, with the node that forbids it.

Why not a library: the suite has to report which layer of the description a value breaks, and libraries do not
report the node. A schema is compiled to functions once. In pointers, `*` stands for any index and any key of
a map, so that a thousand rows that are wrong in the same way are one finding.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from orgbilling_openapi.strict_json import JsonObject, JsonValue

from orgbilling_conformance.api_description import ApiDescription, Path
from orgbilling_conformance.exchange import shorten


@dataclass(frozen=True, slots=True)
class SchemaViolation:
    """keyword: what of the schema; node: where in the API description; where: in the value.

    basis: overrides the layer of the node where the description says more than it means; value: the text that
    is in no enum, for each is a violation of its own.
    """

    keyword: str
    node: Path
    where: tuple[str, ...]
    expected: str
    observed: str
    basis: str | None = None
    value: str = ""


Check = Callable[[JsonValue], list[SchemaViolation]]
NONE: list[SchemaViolation] = []

TYPES: dict[str, Callable[[JsonValue], bool]] = {
    "null": lambda value: value is None,
    "boolean": lambda value: isinstance(value, bool),
    "string": lambda value: isinstance(value, str),
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "integer": lambda value: (
        not isinstance(value, bool)
        and (isinstance(value, int) or (isinstance(value, float) and value.is_integer()))
    ),
}


class SchemaValidator:
    """The compiled schemas of an API description."""

    def __init__(self, api: ApiDescription) -> None:
        self._api = api
        self._checks: dict[Path, Check] = {}

    def check(self, path: Path, value: JsonValue) -> list[SchemaViolation]:
        """All violations of the schema at a path."""
        return self._at(path)(value)

    def _at(self, path: Path) -> Check:
        place = self._api.follow(path)
        if place not in self._checks:
            # A schema may contain itself: what it compiles to is looked up when it is needed.
            self._checks[place] = lambda value: self._checks[place](value)
            self._checks[place] = self._compile(place, self._api.node(place))
        return self._checks[place]

    def _compile(self, path: Path, node: JsonValue) -> Check:
        if not isinstance(node, dict):
            return lambda value: NONE
        checks = [
            check for check in (_type_check(path, node), *_value_checks(path, node)) if check is not None
        ]
        if "properties" in node or "required" in node or "additionalProperties" in node:
            checks.append(self._object(path, node))
        if "items" in node:
            checks.append(self._array(path))
        if len(checks) == 1:
            return checks[0]

        def check(value: JsonValue) -> list[SchemaViolation]:
            violations = NONE
            for check in checks:
                more = check(value)
                if more:
                    violations = violations + more
            return violations

        return check

    def _object(self, path: Path, node: JsonObject) -> Check:
        properties = node.get("properties", {})
        members = {name: self._at((*path, "properties", name)) for name in properties}
        required = [(name, (*path, "required", index)) for index, name in enumerate(node.get("required", []))]
        rest = node.get("additionalProperties", True)
        other = self._at((*path, "additionalProperties")) if isinstance(rest, dict) else None

        def check(value: JsonValue) -> list[SchemaViolation]:
            if not isinstance(value, dict):
                return NONE
            violations = [
                SchemaViolation("required", place, (name,), f"the member {name}", "absent")
                for name, place in required
                if name not in value
            ]
            for name, member in value.items():
                inner = members.get(name, other)
                if inner is not None:
                    step = name if name in members else "*"
                    violations += [
                        replace(violation, where=(step, *violation.where)) for violation in inner(member)
                    ]
                elif rest is False:
                    place = (*path, "additionalProperties")
                    violations.append(
                        SchemaViolation("closed", place, (name,), "no such member", shorten(member))
                    )
            return violations

        return check

    def _array(self, path: Path) -> Check:
        item = self._at((*path, "items"))

        def check(value: JsonValue) -> list[SchemaViolation]:
            # What is wrong with many rows in the same way is told once, by the first of them.
            violations: dict[tuple[JsonValue, ...], SchemaViolation] = {}
            for row in value if isinstance(value, list) else ():
                for violation in item(row):
                    key = (violation.keyword, violation.node, violation.where, violation.basis)
                    violations.setdefault((*key, violation.value), violation)
            return [replace(violation, where=("*", *violation.where)) for violation in violations.values()]

        return check


def _type_check(path: Path, node: JsonObject) -> Check | None:
    if "type" not in node:
        return None
    names = node["type"] if isinstance(node["type"], list) else [node["type"]]
    tests = [TYPES[name] for name in names]
    place, expected = (*path, "type"), " or ".join(names)
    whole = "integer" in names and "number" not in names

    def check(value: JsonValue) -> list[SchemaViolation]:
        for test in tests:
            if test(value):
                if whole and isinstance(value, float):
                    return [_decimal_violation(place, value)]
                return NONE
        return [SchemaViolation("type", place, (), expected, f"{_type_name(value)}: {shorten(value, 60)}")]

    return check


def _decimal_violation(place: Path, value: float) -> SchemaViolation:
    return SchemaViolation("decimal", place, (), "an integer without a fraction part", repr(value), "assumed")


def _type_name(value: JsonValue) -> str:
    return next((name for name in ("integer", *TYPES) if TYPES[name](value)), "something else")


def _value_checks(path: Path, node: JsonObject) -> list[Check | None]:
    """The checks of one value: format, enum, pattern, bounds."""
    return [
        _format_check(path, node),
        _keyword_check(
            path,
            node,
            "enum",
            lambda value, keyword_value: not isinstance(value, str) or value in keyword_value,
        ),
        _keyword_check(path, node, "pattern", _matches),
        _keyword_check(
            path,
            node,
            "minimum",
            lambda value, keyword_value: not _is_number(value) or value >= keyword_value,
        ),
        _keyword_check(
            path,
            node,
            "maximum",
            lambda value, keyword_value: not _is_number(value) or value <= keyword_value,
        ),
        _keyword_check(
            path, node, "minLength", lambda value, least: not isinstance(value, str) or len(value) >= least
        ),
        _keyword_check(
            path, node, "maxLength", lambda value, most: not isinstance(value, str) or len(value) <= most
        ),
    ]


def _keyword_check(
    path: Path, node: JsonObject, keyword: str, test: Callable[[JsonValue, JsonValue], bool]
) -> Check | None:
    if keyword not in node:
        return None
    keyword_value, place = node[keyword], (*path, keyword)
    expected = f"{keyword} {shorten(keyword_value, 90)}"

    def check(value: JsonValue) -> list[SchemaViolation]:
        if test(value, keyword_value):
            return NONE
        observed = shorten(value, 60)
        return [SchemaViolation(keyword, place, (), expected, observed, value=observed * (keyword == "enum"))]

    return check


def _format_check(path: Path, node: JsonObject) -> Check | None:
    test = FORMATS.get(node.get("format", ""))
    # `$schema` shows a relative address and is said to be a URI: the rule `schema-link` checks it.
    if test is None or path[-1] == "$schema":
        return None
    place, name = (*path, "format"), node["format"]

    def check(value: JsonValue) -> list[SchemaViolation]:
        problem = test(value)
        if problem is None:
            return NONE
        return [
            SchemaViolation(
                "format", place, (), f"{name}: {problem.expected}", shorten(value, 60), problem.basis
            )
        ]

    return check


def _matches(value: JsonValue, pattern: str) -> bool:
    return not isinstance(value, str) or re.search(pattern.replace("\\Z", "$"), value) is not None


def _is_number(value: JsonValue) -> bool:
    return TYPES["number"](value) and not (isinstance(value, float) and math.isnan(value))


DATE_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt]([01]\d|2[0-3]):([0-5]\d):([0-5]\d|60)(\.\d+)?([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)",
    re.ASCII,
)
URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s<>\"{}|\\^`]*")
REFERENCE = re.compile(r"[^\s<>\"{}|\\^`]*")


@dataclass(frozen=True, slots=True)
class FormatError:
    """What a format asks for and a value is not; basis: where the format is stricter than its usage."""

    expected: str
    basis: str | None = None


def date_time(value: JsonValue) -> FormatError | None:
    """RFC 3339, with a time zone."""
    if not isinstance(value, str):
        return None
    match = DATE_TIME.fullmatch(value)
    if match is not None:
        try:
            datetime.fromisoformat(match[1])
        except ValueError:
            return FormatError("a day of the calendar")
        return None
    return FormatError("RFC 3339 with a time zone")


def int64(value: JsonValue) -> FormatError | None:
    """A signed integer of 64 bits."""
    if isinstance(value, bool) or not isinstance(value, int | float) or _fits(value):
        return None
    return FormatError("an integer of 64 bits")


def _fits(value: float) -> bool:
    return -(2**63) <= value < 2**63


def double(value: JsonValue) -> FormatError | None:
    """A number that a double can hold."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        finite = math.isfinite(float(value))
    except OverflowError:
        finite = False
    return None if finite else FormatError("a number that a double can hold")


def uri(value: JsonValue) -> FormatError | None:
    """An absolute URI; RFC 9457 lets a problem use a relative one."""
    if not isinstance(value, str) or URI.fullmatch(value):
        return None
    if REFERENCE.fullmatch(value):
        return FormatError("an absolute address", "assumed")
    return FormatError("an address")


FORMATS: dict[str, Callable[[JsonValue], FormatError | None]] = {
    "date-time": date_time,
    "int64": int64,
    "double": double,
    "uri": uri,
}
