"""Whether the members of a document from outside have the types that a dataclass declares, within bounds.

Events are read from files that somebody may have written by hand. Each member is held to its annotation, so
that what uses an event can rely on it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from types import NoneType, UnionType
from typing import TypeAlias, Union, get_args, get_origin, get_type_hints

MAX_INTEGER = 2**63 - 1
MAX_CHARACTERS = 20_000
MAX_ITEMS = 10_000

Check: TypeAlias = Callable[[object], bool]
"""Says whether a value has a type. It is made once for each type: a log has many events of few types."""

_EXPECTED: Mapping[object, str] = {
    int: "a 64-bit integer",
    str: f"a text of at most {MAX_CHARACTERS} characters",
    bool: "true or false",
    NoneType: "null",
    Mapping: f"an object of at most {MAX_ITEMS} members",
    Sequence: f"an array of at most {MAX_ITEMS} items",
}


def member_problem(declared: type, members: Mapping[str, object]) -> str | None:
    """What is wrong with the first member that does not fit the dataclass `declared`; None when all fit."""
    checks = _checks(declared)
    if not members.keys() <= checks.keys():
        return f"{min(members.keys() - checks.keys())} is unknown"
    for name, value in members.items():
        if not checks[name](value):
            return f"{name}: expected {_described(get_type_hints(declared)[name])}"
    return None


@cache
def _checks(declared: type) -> Mapping[str, Check]:
    return {name: _check(hint) for name, hint in get_type_hints(declared).items()}


def _check(hint: object) -> Check:
    if hint is int:
        return lambda value: type(value) is int and abs(value) <= MAX_INTEGER
    if hint is str:
        return lambda value: isinstance(value, str) and len(value) <= MAX_CHARACTERS
    if hint in (bool, NoneType):
        return lambda value: type(value) is hint
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        if len(arguments) == 2 and NoneType in arguments:
            check = _check(next(argument for argument in arguments if argument is not NoneType))
            return lambda value: value is None or check(value)
        alternatives = [_check(argument) for argument in arguments]
        return lambda value: any(check(value) for check in alternatives)
    if origin is Mapping:
        of_member = _check(arguments[1])
        return lambda value: (
            isinstance(value, dict) and len(value) <= MAX_ITEMS and all(map(of_member, value.values()))
        )
    if origin is Sequence:
        of_item = _check(arguments[0])
        return lambda value: (
            isinstance(value, (list, tuple)) and len(value) <= MAX_ITEMS and all(map(of_item, value))
        )
    return lambda value: True  # the annotation permits any value


def _described(hint: object) -> str:
    """A type in words."""
    if get_origin(hint) in (Union, UnionType):
        return " or ".join(map(_described, get_args(hint)))
    return _EXPECTED[get_origin(hint) or hint]
