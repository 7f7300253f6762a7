"""OpenAPI Overlay 1.0: the small part of it that our layers use, applied with a memory.

A library applies overlays too (a test holds this module to it), but none tells afterwards who
wrote which node, and none fails when a target matches nothing. Targets are JSONPath (RFC 9535):
``$``, ``.name``, ``['name']``, ``['one','two']``, ``[0]``, ``.*``. Anything else is refused.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from orgbilling_openapi.json_pointer import Path, children

Written = Callable[[Path], None]

STEP = re.compile(
    r"""\.(?P<name>[A-Za-z_$][\w$-]*|\*) | \[(?P<index>\d+)\] | \[(?P<names>'[^']*'(?:,[ ]?'[^']*')*)\]""",
    re.VERBOSE,
)
NAMES = re.compile(r"'([^']*)'")


class OverlayError(ValueError):
    """An overlay that cannot be applied: which action, which target, and why."""


def apply(
    document: dict[str, Any],
    action: Mapping[str, Any],
    written: Written = lambda path: None,
    *,
    careful: bool = False,
) -> int:
    """Apply one action in place; return how many nodes its target matched.

    Every leaf that the action writes is reported to `written`. A `careful` action only adds:
    where a member exists already, the member stays.
    """
    target = action.get("target")
    if not isinstance(target, str) or ("update" in action) == (action.get("remove") is True):
        raise OverlayError(f"an action needs a target and one of update, remove: {target!r}")
    paths = list(select(document, target))
    for path in reversed(paths):
        if "update" in action:
            _update(document, path, copy.deepcopy(action["update"]), written, careful)
        elif not careful:
            _remove(document, path, target)
    return len(paths)


def select(document: Any, target: str) -> Iterator[Path]:
    """The paths of all nodes that a JSONPath matches; raises `OverlayError` for unknown syntax."""
    steps = _steps(target)
    found: list[tuple[Path, Any]] = [((), document)]
    for step in steps:
        found = [((*path, key), child) for path, node in found for key, child in _children(node, step)]
    yield from (path for path, _ in found)


def at(document: Any, path: Path) -> Any:
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


def _children(node: Any, step: list[str] | int | None) -> Iterator[tuple[str | int, Any]]:
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


def _update(document: Any, path: Path, value: Any, written: Written, careful: bool) -> None:
    node = at(document, path)
    if isinstance(node, dict) and isinstance(value, dict):
        _merge(node, value, path, written, careful)
    elif isinstance(node, list):
        start = len(node)
        added = value if isinstance(value, list) else [value]
        node.extend(added)
        for index, item in enumerate(added, start):
            _report((*path, index), item, written)
    else:
        raise OverlayError(f"the target is neither an object nor an array: {list(path)}")


def _merge(node: dict[str, Any], value: dict[str, Any], path: Path, written: Written, careful: bool) -> None:
    for key, item in value.items():
        here = (*path, key)
        old = node.get(key)
        if careful and isinstance(old, dict) and isinstance(item, dict) and ("$ref" in old or "$ref" in item):
            continue
        if isinstance(old, dict) and isinstance(item, dict):
            _merge(old, item, here, written, careful)
        elif isinstance(old, list) and isinstance(item, list):
            _extend(old, item, here, written, careful)
        elif key not in node or not careful:
            node[key] = item
            _report(here, item, written)


def _extend(old: list[Any], items: list[Any], path: Path, written: Written, careful: bool) -> None:
    """Append; a careful action appends objects alone, since values (of an enum, say) are a closed list."""
    for item in items:
        if not careful or isinstance(item, dict):
            old.append(item)
            _report((*path, len(old) - 1), item, written)


def _report(path: Path, value: Any, written: Written) -> None:
    written(path)
    for key, child in children(value):
        _report((*path, key), child, written)


def _remove(document: Any, path: Path, target: str) -> None:
    if not path:
        raise OverlayError(f"the root cannot be removed: {target!r}")
    del at(document, path[:-1])[path[-1]]
