"""A JSON value against a schema of the contract: every violation, with the node that forbids it.

The validators of others say that a value is wrong; a judge has to say which layer says so. A schema is
compiled to functions once; `*` stands for any index or any key of a map, so that a list of a thousand
wrong rows is one finding.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from orgbilling_conformance import formats
from orgbilling_conformance.exchange import shown
from orgbilling_conformance.facts import Facts, Path


@dataclass(frozen=True, slots=True)
class Violation:
    """keyword: what of the schema; node: where in the contract; where: in the value.

    basis: overrides the layer of the node where the contract says more than it means.
    """

    keyword: str
    node: Path
    where: tuple[str, ...]
    expected: str
    observed: str
    basis: str | None = None


Check = Callable[[Any], list[Violation]]
NONE: list[Violation] = []

TYPES: dict[str, Callable[[Any], bool]] = {
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


class Schemas:
    """The compiled schemas of a contract."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._checks: dict[Path, Check] = {}

    def check(self, path: Path, value: Any) -> list[Violation]:
        """All violations of the schema at a path."""
        return self._at(path)(value)

    def _at(self, path: Path) -> Check:
        place = self._facts.follow(path)
        if place not in self._checks:
            # A schema may contain itself: what it compiles to is looked up when it is needed.
            self._checks[place] = lambda value: self._checks[place](value)
            self._checks[place] = self._compile(place, self._facts.node(place))
        return self._checks[place]

    def _compile(self, path: Path, node: Any) -> Check:
        if not isinstance(node, dict):
            return lambda value: NONE
        checks = [each for each in (_type(path, node), *_values(path, node)) if each is not None]
        if "properties" in node or "required" in node or "additionalProperties" in node:
            checks.append(self._object(path, node))
        if "items" in node:
            checks.append(self._array(path))
        if len(checks) == 1:
            return checks[0]

        def check(value: Any) -> list[Violation]:
            found = NONE
            for each in checks:
                more = each(value)
                if more:
                    found = found + more
            return found

        return check

    def _object(self, path: Path, node: dict[str, Any]) -> Check:
        properties = node.get("properties", {})
        members = {name: self._at((*path, "properties", name)) for name in properties}
        required = [(name, (*path, "required", index)) for index, name in enumerate(node.get("required", []))]
        rest = node.get("additionalProperties", True)
        other = self._at((*path, "additionalProperties")) if isinstance(rest, dict) else None

        def check(value: Any) -> list[Violation]:
            if not isinstance(value, dict):
                return NONE
            found = [
                Violation("required", place, (name,), f"the member {name}", "absent")
                for name, place in required
                if name not in value
            ]
            for name, member in value.items():
                inner = members.get(name, other)
                if inner is not None:
                    step = name if name in members else "*"
                    found += [replace(each, where=(step, *each.where)) for each in inner(member)]
                elif rest is False:
                    place = (*path, "additionalProperties")
                    found.append(Violation("closed", place, (name,), "no such member", shown(member)))
            return found

        return check

    def _array(self, path: Path) -> Check:
        item = self._at((*path, "items"))

        def check(value: Any) -> list[Violation]:
            # What is wrong with many rows in the same way is told once, by the first of them.
            found: dict[tuple[Any, ...], Violation] = {}
            for each in value if isinstance(value, list) else ():
                for one in item(each):
                    found.setdefault((one.keyword, one.node, one.where, one.basis), one)
            return [replace(one, where=("*", *one.where)) for one in found.values()]

        return check


def _type(path: Path, node: dict[str, Any]) -> Check | None:
    if "type" not in node:
        return None
    names = node["type"] if isinstance(node["type"], list) else [node["type"]]
    tests = [TYPES[name] for name in names]
    place, expected = (*path, "type"), " or ".join(names)
    whole = "integer" in names and "number" not in names

    def check(value: Any) -> list[Violation]:
        for test in tests:
            if test(value):
                if whole and isinstance(value, float):
                    return [_decimal(place, value)]
                return NONE
        return [Violation("type", place, (), expected, f"{_kind(value)}: {shown(value, 60)}")]

    return check


def _decimal(place: Path, value: float) -> Violation:
    return Violation("decimal", place, (), "an integer without a fraction part", repr(value), "assumed")


def _kind(value: Any) -> str:
    return next((name for name in ("integer", *TYPES) if TYPES[name](value)), "something else")


def _values(path: Path, node: dict[str, Any]) -> list[Check | None]:
    """The checks of one value: format, enum, pattern, bounds."""
    return [
        _format(path, node),
        _test(path, node, "enum", lambda value, given: not isinstance(value, str) or value in given),
        _test(path, node, "pattern", _matches),
        _test(path, node, "minimum", lambda value, given: not _number(value) or value >= given),
        _test(path, node, "maximum", lambda value, given: not _number(value) or value <= given),
        _test(
            path, node, "minLength", lambda value, least: not isinstance(value, str) or len(value) >= least
        ),
        _test(path, node, "maxLength", lambda value, most: not isinstance(value, str) or len(value) <= most),
    ]


def _test(path: Path, node: dict[str, Any], keyword: str, test: Callable[[Any, Any], bool]) -> Check | None:
    if keyword not in node:
        return None
    given, place = node[keyword], (*path, keyword)
    expected = f"{keyword} {shown(given, 90)}"

    def check(value: Any) -> list[Violation]:
        if test(value, given):
            return NONE
        return [Violation(keyword, place, (), expected, shown(value, 60))]

    return check


def _format(path: Path, node: dict[str, Any]) -> Check | None:
    test = formats.FORMATS.get(node.get("format", ""))
    # `$schema` shows a relative address and is said to be a URI: `links` judges what it says.
    if test is None or path[-1] == "$schema":
        return None
    place, name = (*path, "format"), node["format"]

    def check(value: Any) -> list[Violation]:
        problem = test(value)
        if problem is None:
            return NONE
        return [
            Violation("format", place, (), f"{name}: {problem.expected}", shown(value, 60), problem.basis)
        ]

    return check


def _matches(value: Any, pattern: str) -> bool:
    return not isinstance(value, str) or re.search(pattern.replace("\\Z", "$"), value) is not None


def _number(value: Any) -> bool:
    return TYPES["number"](value) and not (isinstance(value, float) and math.isnan(value))
