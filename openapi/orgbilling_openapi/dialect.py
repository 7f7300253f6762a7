"""A dialect: how the real API speaks where our description assumed otherwise, as a person has accepted it.

It is an OpenAPI Overlay 1.0 document on top of all layers. Its actions change what the description permits;
three members that it may write into a schema say how the stub has to put what it knows:

    x-words     our words of an enumeration to those of the real API: {top_up: topup}
    x-absent    true: the real API never sends this member
    x-instant   how an instant is written: {offset: "+09:00", fraction: 6}

`orgbilling beside --proposal` writes a proposal of one, and `orgbilling spec propose` makes it a dialect.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from orgbilling_openapi import description, json_pointer, overlay
from orgbilling_openapi.strict_json import JsonObject, JsonValue

LARGEST_BYTES = 1_000_000
MOST_ACTIONS = 2_000
WORDS, ABSENT, INSTANT = "x-words", "x-absent", "x-instant"

_OFFSET = re.compile(r"Z|[+-]\d\d:\d\d")


class DialectError(ValueError):
    """A file that is no dialect, or one that does not fit the API description: which file, and why."""


@dataclass(frozen=True, slots=True)
class DialectChange:
    """What belongs together in a dialect: the actions that have one reason."""

    reason: str
    actions: tuple[JsonObject, ...]


def read(path: Path) -> list[DialectChange]:
    """The changes of a dialect or a proposal, in their order; raises DialectError and OSError."""
    with path.open("rb") as file:
        data = file.read(LARGEST_BYTES + 1)
    if len(data) > LARGEST_BYTES:
        raise DialectError(f"{path}: larger than {LARGEST_BYTES:,} bytes")
    try:
        document = yaml.load(data, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise DialectError(f"{path}: is not valid YAML: {' '.join(str(error).split())[:200]}") from None
    actions = document.get("actions") if isinstance(document, dict) else None
    if not isinstance(actions, list) or document.get("overlay") != "1.0.0":
        raise DialectError(f"{path}: not an OpenAPI Overlay 1.0.0 document")
    if len(actions) > MOST_ACTIONS:
        raise DialectError(f"{path}: more than {MOST_ACTIONS:,} actions")
    groups: dict[str, list[JsonObject]] = {}
    for number, action in enumerate(actions):
        reason = action.get("x-reason") if isinstance(action, dict) else None
        if not isinstance(reason, str) or not reason.strip():
            raise DialectError(f"{path}: actions[{number}] has no x-reason")
        groups.setdefault(reason, []).append(action)
    return [DialectChange(reason, tuple(rows)) for reason, rows in groups.items()]


def document_of(changes: Sequence[DialectChange], title: str = "Dialect of the real API") -> JsonObject:
    """The overlay document of changes."""
    actions = [action for change in changes for action in change.actions]
    return {"overlay": "1.0.0", "info": {"title": title, "version": "1"}, "actions": actions}


def text_of(document: JsonObject) -> str:
    """An overlay document as YAML."""
    written: str = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=110)
    return written


def apply(
    document: JsonObject, changes: Sequence[DialectChange], where: str = "the dialect"
) -> dict[str, str]:
    """Apply changes in place; the reason of each node that they wrote, by JSON pointer.

    Raises DialectError for an action that matches nothing or cannot be applied, and for values of the members
    that the stub reads that have no meaning.
    """
    reasons: dict[str, str] = {}
    for change in changes:
        for action in change.actions:

            def written(path: json_pointer.Path, reason: str = change.reason) -> None:
                reasons[json_pointer.text(path)] = reason

            try:
                matched = overlay.apply(document, action, written)
            except (overlay.OverlayError, LookupError, TypeError, AttributeError) as error:
                raise DialectError(f"{where}: {action.get('target')}: {error}") from None
            if not matched:
                raise DialectError(f"{where}: nothing matches {action.get('target')}")
    for pointer, node in _schemas(document):
        _check_extensions(node, f"{where}: {pointer}")
    return reasons


def described(path: Path, document: JsonObject | None = None) -> tuple[JsonObject, description.NodeOrigins]:
    """An API description (ours without one) in a dialect, with the origins of its nodes.

    What the dialect writes is an assumption. Raises DialectError and OSError.
    """
    spoken = copy.deepcopy(document) if document is not None else description.load()
    reasons = apply(spoken, read(path), str(path))
    table = json.loads((description.HERE / "origins.json").read_bytes())
    nodes: dict[str, list[JsonValue]] = dict(table["nodes"])
    texts = [*table["reasons"]]
    for pointer, reason in reasons.items():
        if reason not in texts:
            texts.append(reason)
        nodes[pointer] = ["assumed", texts.index(reason)]
    return spoken, description.NodeOrigins({"reasons": texts, "nodes": nodes})


def _schemas(document: JsonObject) -> Iterator[tuple[str, JsonObject]]:
    """Every node that has a member of a dialect, with its pointer."""
    waiting: list[tuple[json_pointer.Path, JsonValue]] = [((), document)]
    while waiting:
        path, node = waiting.pop()
        if isinstance(node, dict) and not {WORDS, ABSENT, INSTANT}.isdisjoint(node):
            yield json_pointer.text(path), node
        waiting += [((*path, key), child) for key, child in json_pointer.children(node)]


def _check_extensions(node: JsonObject, where: str) -> None:
    words, absent, instant = node.get(WORDS, {}), node.get(ABSENT, False), node.get(INSTANT, {"offset": "Z"})
    if not isinstance(words, dict) or not all(isinstance(word, str) for word in [*words, *words.values()]):
        raise DialectError(f"{where}: {WORDS} is no map of words to words")
    if not isinstance(absent, bool):
        raise DialectError(f"{where}: {ABSENT} is true or false")
    offset = instant.get("offset") if isinstance(instant, dict) else None
    fraction = instant.get("fraction", 0) if isinstance(instant, dict) else None
    if not isinstance(offset, str) or not _OFFSET.fullmatch(offset):
        raise DialectError(f"{where}: {INSTANT} needs an offset such as Z or +09:00")
    if not isinstance(fraction, int) or isinstance(fraction, bool) or not 0 <= fraction <= 9:
        raise DialectError(f"{where}: the fraction of {INSTANT} has 0 to 9 digits")
