"""The layers, and what they compose to.

documented (the page) + published (the vendor's document) + assumed (ours) + words (ours) = the contract.
The last three are OpenAPI Overlay 1.0 documents. Along with the contract comes the origin of its
nodes: which layer wrote each, and for an assumption, why.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from orgbilling_openapi import json_pointer, overlay

Document = dict[str, Any]
Owner = tuple[str, str | None]
Owners = dict[json_pointer.Path, Owner]

HERE = Path(__file__).parent
LAYERS = ("documented", "published", "assumed", "words")
DERIVED = "# What a reference page says and nothing else. Written by: orgbilling spec derive PAGE\n"
HEADER = "# Generated from layers/ by: orgbilling spec compose\n"


class LayerError(ValueError):
    """A layer that cannot be read or applied: which file, and why."""


@dataclass(frozen=True, slots=True)
class Composition:
    """The contract and where each of its nodes comes from."""

    document: Document
    origins: Document
    """``{"reasons": [...], "nodes": {pointer: [layer] or [layer, index of reason]}}``; see `origins`."""

    def files(self) -> dict[str, bytes]:
        """File name to content of everything that is generated and checked in."""
        return {
            "org-billing.yaml": (HEADER + dump(self.document)).encode(),
            "org-billing.json": (json.dumps(self.document, ensure_ascii=False, indent=1) + "\n").encode(),
            "origins.json": (json.dumps(self.origins, ensure_ascii=False, indent=0) + "\n").encode(),
        }


def compose(layers: Path = HERE / "layers") -> Composition:
    """Compose the checked-in layers; raises `LayerError`."""
    owners: Owners = {}
    steps = _steps(layers, owners)
    document = steps[-1]
    for layer, earlier in zip(("published", "documented"), (steps[1], steps[0]), strict=True):
        for path in shared(earlier, document):
            owners[path] = (layer, None)
    _sort(document)
    return Composition(document, compact(document, owners))


def facts(layers: Path = HERE / "layers") -> Document:
    """The contract without assumptions and words: what the vendor says."""
    return _steps(layers, {})[1]


def _steps(layers: Path, owners: Owners) -> list[Document]:
    """The contract after each layer."""
    document = read(layers / "documented.yaml")
    steps = [document]
    for layer in LAYERS[1:]:
        document = json.loads(json.dumps(document))
        for action in actions(layers / f"{layer}.overlay.yaml"):
            apply(document, action, layer, _record(owners, (layer, action.get("x-reason"))))
        steps.append(document)
    return steps


def apply(document: Document, action: Mapping[str, Any], layer: str, written: overlay.Written) -> None:
    """Apply one action of a layer of ours: it has to match, and an assumption has to have its reason."""
    if layer == "assumed" and not action.get("x-reason"):
        raise LayerError(f"{layer}: the action on {action.get('target')} has no x-reason")
    try:
        matched = overlay.apply(document, action, written)
    except overlay.OverlayError as error:
        raise LayerError(f"{layer}: {error}") from None
    if not matched:
        raise LayerError(f"{layer}: nothing matches {action['target']}")


def _sort(document: Document) -> None:
    """Bring components, properties and statuses into order, whichever layer brought them."""
    components = document["components"] = dict(sorted(document["components"].items()))
    for name, part in components.items():
        components[name] = dict(sorted(part.items()))
    for schema in components["schemas"].values():
        schema["properties"] = dict(sorted(schema["properties"].items()))
    for methods in document["paths"].values():
        for operation in methods.values():
            operation["responses"] = dict(sorted(operation["responses"].items()))


def _record(owners: Owners, owner: Owner) -> overlay.Written:
    """What notes an action's nodes."""

    def written(path: json_pointer.Path) -> None:
        owners[path] = owner

    return written


def actions(path: Path) -> list[Mapping[str, Any]]:
    """The actions of an overlay file; raises `LayerError`."""
    document = read(path)
    found = document.get("actions")
    if document.get("overlay") != "1.0.0" or not isinstance(found, list):
        raise LayerError(f"{path.name}: not an OpenAPI Overlay 1.0.0 document")
    return found


def read(path: Path) -> Document:
    """A YAML file as a mapping; raises `LayerError`."""
    try:
        document = yaml.load(path.read_bytes(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
    except (OSError, yaml.YAMLError) as error:
        raise LayerError(f"{path.name}: {error}") from None
    if not isinstance(document, dict):
        raise LayerError(f"{path.name}: not a mapping")
    return document


def dump(document: Document) -> str:
    """YAML in the order of the members, without aliases."""

    class Dumper(yaml.SafeDumper):
        def ignore_aliases(self, data: Any) -> bool:
            return True

    return yaml.dump(document, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=110)


def shared(earlier: Document, later: Document) -> list[json_pointer.Path]:
    """The paths in `later` of what `earlier` said already.

    Both documents are walked side by side, through references, so that a shape which moved into a
    named component still belongs to the layer that showed it.
    """
    found: list[json_pointer.Path] = []
    seen: set[tuple[int, json_pointer.Path]] = set()

    def walk(old: Any, new: Any, path: json_pointer.Path) -> None:
        old = json_pointer.follow(earlier, old)
        new, path = json_pointer.locate(later, new, path)
        if (id(old), path) in seen:
            return
        seen.add((id(old), path))
        if isinstance(old, dict) and isinstance(new, dict):
            found.append(path)
            for key in old.keys() & new.keys():
                walk(old[key], new[key], (*path, key))
        elif isinstance(old, list) and isinstance(new, list):
            found.append(path)
            for index, pair in enumerate(zip(old, new, strict=False)):
                walk(*pair, (*path, index))
        elif old == new or (isinstance(new, list) and old in new):
            found.append(path)

    walk(earlier, later, ())
    return found


def compact(document: Document, owners: Mapping[json_pointer.Path, Owner]) -> Document:
    """The owners, without what a node has in common with the node around it."""
    reasons: list[str] = []
    nodes: dict[str, list[str | int]] = {}

    def walk(node: Any, path: json_pointer.Path, above: Owner) -> None:
        owner = owners.get(path, above)
        if owner != above or not path:
            layer, reason = owner
            nodes[json_pointer.text(path)] = [layer]
            if reason is not None:
                if reason not in reasons:
                    reasons.append(reason)
                nodes[json_pointer.text(path)].append(reasons.index(reason))
        for key, child in json_pointer.children(node):
            walk(child, (*path, key), owner)

    walk(document, (), ("documented", None))
    return {"reasons": reasons, "nodes": nodes}
