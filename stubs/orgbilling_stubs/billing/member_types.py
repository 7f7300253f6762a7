"""Whether the members of a document from outside have the types that a dataclass declares, within bounds.

Events are read from files that somebody may have written by hand. Each member is held to its annotation, so
that what uses an event can rely on it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from types import NoneType, UnionType
from typing import Union, get_args, get_origin, get_type_hints

MAX_INTEGER = 2**63 - 1
MAX_CHARACTERS = 20_000
MAX_ITEMS = 10_000

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
    hints = _hints(declared)
    if members.keys() - hints.keys():
        return f"{min(members.keys() - hints.keys())} is unknown"
    for name, value in members.items():
        if not _fits(value, hints[name]):
            return f"{name}: expected {_described(hints[name])}"
    return None


@cache
def _hints(declared: type) -> Mapping[str, object]:
    return get_type_hints(declared)


def _fits(value: object, hint: object) -> bool:
    """Whether a value has a type."""
    if hint is int:
        return type(value) is int and abs(value) <= MAX_INTEGER
    if hint is str:
        return isinstance(value, str) and len(value) <= MAX_CHARACTERS
    if hint in (bool, NoneType):
        return type(value) is hint
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return any(_fits(value, argument) for argument in arguments)
    if origin is Mapping:
        return (
            isinstance(value, dict)
            and len(value) <= MAX_ITEMS
            and all(_fits(item, arguments[1]) for item in value.values())
        )
    if origin is Sequence:
        return (
            isinstance(value, (list, tuple))
            and len(value) <= MAX_ITEMS
            and all(_fits(item, arguments[0]) for item in value)
        )
    return True  # the annotation permits any value


def _described(hint: object) -> str:
    """A type in words."""
    if get_origin(hint) in (Union, UnionType):
        return " or ".join(map(_described, get_args(hint)))
    return _EXPECTED[get_origin(hint) or hint]
