"""OpenAPI Overlay 1.0: the part of it that our layers use.

Why not a library: none reports which action wrote which node (`orgbilling spec explain` needs it), and none
fails when a target matches nothing. A test compares the result with that of a library.

Targets are JSONPath (RFC 9535), of which these parts are understood, and all else is an `OverlayError`:
``$``, ``.name``, ``['name']``, ``['one','two']``, ``[0]``, ``.*``.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator, Mapping

from orgbilling_openapi.json_pointer import Path, children
from orgbilling_openapi.strict_json import JsonObject, JsonValue

Written = Callable[[Path], None]

STEP = re.compile(
    r"""\.(?P<name>[A-Za-z_$][\w$-]*|\*) | \[(?P<index>\d+)\] | \[(?P<names>'[^']*'(?:,[ ]?'[^']*')*)\]""",
    re.VERBOSE,
)
JSON_TYPES = {str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null"}
NAMES = re.compile(r"'([^']*)'")


class OverlayError(ValueError):
    """An overlay that cannot be applied: which action, which target, and why."""


def apply(
    document: JsonObject,
    action: Mapping[str, JsonValue],
    written: Written = lambda path: None,
    *,
    only_add: bool = False,
) -> int:
    """Apply one action in place; return how many nodes its target matched.

    Every leaf that the action writes is reported to `written`. With
    `only_add`, a member that exists already stays as it is.
    """
    target = action.get("target")
    if not isinstance(target, str) or ("update" in action) == (action.get("remove") is True):
        raise OverlayError(f"an action needs a target and one of update, remove: {target!r}")
    paths = list(select(document, target))
    for path in reversed(paths):
        if "update" in action:
            _update(document, path, copy.deepcopy(action["update"]), written, only_add)
        elif not only_add:
            _remove(document, path, target)
    return len(paths)


def select(document: JsonValue, target: str) -> Iterator[Path]:
    """The paths of all nodes that a JSONPath matches; raises `OverlayError` for unknown syntax."""
    steps = _steps(target)
    matches: list[tuple[Path, JsonValue]] = [((), document)]
    for step in steps:
        matches = [((*path, key), child) for path, node in matches for key, child in _children(node, step)]
    yield from (path for path, _ in matches)


def at(document: JsonValue, path: Path) -> JsonValue:
    """The node at a path of keys that is known to exist."""
    for key in path:
        document = document[key]
    return document


def _steps(target: str) -> list[list[str] | int | None]:
    if not target.startswith("$"):
        raise OverlayError(f"a target starts with $: {target!r}")
    steps: list[list[str] | int | None] = []
    position = 1
    while position < len(target):
        match = STEP.match(target, position)
        if match is None:
            raise OverlayError(f"JSONPath not understood at {target[position:]!r} of {target!r}")
        position = match.end()
        if match["index"] is not None:
            steps.append(int(match["index"]))
        elif match["names"] is not None:
            steps.append(NAMES.findall(match["names"]))
        else:
            steps.append(None if match["name"] == "*" else [match["name"]])
    return steps


def _children(node: JsonValue, step: list[str] | int | None) -> Iterator[tuple[str | int, JsonValue]]:
    if isinstance(node, dict):
        if step is None:
            yield from node.items()
        elif isinstance(step, list):
            yield from ((name, node[name]) for name in step if name in node)
    elif isinstance(node, list):
        if step is None:
            yield from enumerate(node)
        elif isinstance(step, int) and step < len(node):
            yield step, node[step]


def _update(document: JsonValue, path: Path, value: JsonValue, written: Written, only_add: bool) -> None:
    node = at(document, path)
    if isinstance(node, dict) and isinstance(value, dict):
        _merge(node, value, path, written, only_add)
    elif isinstance(node, list):
        start = len(node)
        added = value if isinstance(value, list) else [value]
        node.extend(added)
        for index, item in enumerate(added, start):
            _report((*path, index), item, written)
    else:
        raise OverlayError(f"the target is neither an object nor an array: {list(path)}")


def _merge(node: JsonObject, value: JsonObject, path: Path, written: Written, only_add: bool) -> None:
    """Merge a value into an object, member by member, and note what was written.

    only_add: what is there stays. Then a reference is not merged with what stands in its place, and no `enum`
    is added whose values are of other types than the schema names.
    """
    for key, item in value.items():
        here = (*path, key)
        old = node.get(key)
        if (
            only_add
            and isinstance(old, dict)
            and isinstance(item, dict)
            and ("$ref" in old or "$ref" in item)
        ):
            continue
        if isinstance(old, dict) and isinstance(item, dict):
            _merge(old, item, here, written, only_add)
        elif isinstance(old, list) and isinstance(item, list):
            _extend(old, item, here, written, only_add)
        elif only_add and key == "enum" and not _has_type(item, node.get("type")):
            continue
        elif key not in node or not only_add:
            node[key] = item
            _report(here, item, written)


def _has_type(values: list[JsonValue], named: JsonValue) -> bool:
    """Whether some of the values are of a type that a schema names; it permits any if it names none."""
    permitted = [named] if isinstance(named, str) else named
    return not permitted or any(JSON_TYPES.get(type(value)) in permitted for value in values)


def _extend(
    old: list[JsonValue], items: list[JsonValue], path: Path, written: Written, only_add: bool
) -> None:
    """Append the items; with `only_add` objects alone, since values (of an enum, say) are a closed list."""
    for item in items:
        if not only_add or isinstance(item, dict):
            old.append(item)
            _report((*path, len(old) - 1), item, written)


def _report(path: Path, value: JsonValue, written: Written) -> None:
    written(path)
    for key, child in children(value):
        _report((*path, key), child, written)


def _remove(document: JsonValue, path: Path, target: str) -> None:
    if not path:
        raise OverlayError(f"the root cannot be removed: {target!r}")
    del at(document, path[:-1])[path[-1]]
