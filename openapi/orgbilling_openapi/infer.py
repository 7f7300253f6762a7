"""Types read back from the samples that a reference page prints.

The renderer of the page prints one fixed sample per type, so that a sample tells its type:
``0.1`` is a double, ``"string"`` a plain string, ``{"property1": …, "property2": …}`` a map.
What a sample cannot tell (required members, nullability, enums) is left out, not guessed.
"""

from __future__ import annotations

import re
from typing import Any

Schema = dict[str, Any]

INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
MAP_KEYS = ["property1", "property2"]
NAME = re.compile(r"(?P<prefix>/[\w/.-]*)/schemas/(?P<name>\w+)\.json")


class SampleError(ValueError):
    """A sample that no row of the table explains; ``str`` is the problem in words."""


def schema(sample: object) -> Schema:
    """The schema of one sample; raises `SampleError` for a sample that tells no type."""
    if sample is None:
        return {}
    if isinstance(sample, bool):
        return {"type": "boolean"}
    if isinstance(sample, int):
        return {"type": "integer"}
    if isinstance(sample, float):
        return {"type": "number", "format": "double"}
    if isinstance(sample, str):
        return _string(sample)
    if isinstance(sample, list):
        return _array(sample)
    if isinstance(sample, dict):
        return _map(sample) if list(sample) == MAP_KEYS else _object(sample)
    raise SampleError(f"a sample of type {type(sample).__name__} tells nothing")


def name(sample: object) -> tuple[str, str] | None:
    """The (path prefix, schema name) that an object tells in its ``$schema`` member, if it has one."""
    if not isinstance(sample, dict) or "$schema" not in sample:
        return None
    link = sample["$schema"]
    match = NAME.fullmatch(link) if isinstance(link, str) else None
    if match is None:
        raise SampleError(f"$schema is not a path to a named schema: {link!r}")
    return match["prefix"], match["name"]


def _string(sample: str) -> Schema:
    if sample == "string" or NAME.fullmatch(sample):
        return {"type": "string"}
    if INSTANT.fullmatch(sample):
        return {"type": "string", "format": "date-time"}
    return {"type": "string", "examples": [sample]}


def _array(sample: list[Any]) -> Schema:
    if len(sample) != 1:
        raise SampleError(f"an array sample has one item, this one has {len(sample)}")
    return {"type": "array", "items": schema(sample[0])}


def _map(sample: dict[str, Any]) -> Schema:
    first, second = (schema(value) for value in sample.values())
    if first != second:
        raise SampleError("the two members of a map sample differ in type")
    return {"type": "object", "additionalProperties": first}


def _object(sample: dict[str, Any]) -> Schema:
    return {"type": "object", "properties": {key: schema(value) for key, value in sample.items()}}
