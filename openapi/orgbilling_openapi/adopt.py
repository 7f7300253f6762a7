"""A newer document of the vendor in the place of layer 2.

Such a document says all that ours says as facts, and more: it is the base. On top come our
assumptions, wherever their targets exist, and they give way: an assumption only adds a member that
the document leaves open, and never changes what it states.
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

from orgbilling_openapi import contract, document, json_pointer, overlay
from orgbilling_openapi.compose import HERE, Composition, actions
from orgbilling_openapi.operations import operations

Document = dict[str, Any]


def adopt(published: Path) -> Composition:
    """The contract over a published document; raises `document.DocumentError`."""
    with document.sound(str(published)):
        return _adopt(published)


def _adopt(published: Path) -> Composition:
    prefix = contract.load()["servers"][0]["url"]
    theirs = document.load(published)
    base: Document = copy.deepcopy(document.relative(theirs, prefix))
    if base["paths"] != theirs["paths"]:
        base["servers"] = [{"url": prefix}]  # of the stub, which is no host of theirs
    base.setdefault("components", {}).setdefault("schemas", {})
    for name in ("ErrorModel", "ErrorDetail"):
        base["components"]["schemas"].setdefault(name, contract.load()["components"]["schemas"][name])
    reasons: list[str] = []
    nodes: dict[str, list[str | int]] = {"#": ["published"]}
    for action in actions(HERE / "layers" / "assumed.overlay.yaml"):
        reasons.append(action["x-reason"])
        try:
            overlay.apply(base, action, _record(nodes, len(reasons) - 1), careful=True)
        except overlay.OverlayError:
            continue
    _once(base)
    return Composition(base, {"reasons": reasons, "nodes": nodes})


def _record(nodes: dict[str, list[str | int]], reason: int) -> overlay.Written:
    """What notes an assumption's nodes."""

    def written(path: json_pointer.Path) -> None:
        nodes[json_pointer.text(path)] = ["assumed", reason]

    return written


def _once(base: Document) -> None:
    """Drop what we assumed of a parameter that the document declares itself."""
    for operation in operations(base):
        kept: dict[tuple[Any, Any], Any] = {}
        for parameter in operation.node.get("parameters", []):
            declared = json_pointer.follow(base, parameter)
            kept.setdefault((declared.get("name"), declared.get("in")), parameter)
        if kept:
            operation.node["parameters"] = list(kept.values())
