"""The layers of the API description, and what they compose to.

The description is written in four layers, each on top of the one before:

    documented    what the vendor's reference page says (derived from it, see `reference_page`)
    published     what the OpenAPI document in the vendor's SDK repositories adds
    assumed       what we assume where both are silent; each action carries its reason (`x-reason`)
    descriptions  our descriptions and examples

The last three are OpenAPI Overlay 1.0 documents. Composing them also records the origin of every node: the
layer that wrote it and, for an assumption, the reason. `compose_with_published` puts a newer document of the
vendor in the place of the first two layers.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from orgbilling_openapi import description, external_document, json_pointer, overlay
from orgbilling_openapi.document_checks import check_document
from orgbilling_openapi.external_document import raising_document_errors
from orgbilling_openapi.operations import operations
from orgbilling_openapi.strict_json import JsonObject, JsonValue

Owner = tuple[str, str | None]
Owners = dict[json_pointer.Path, Owner]

HERE = Path(__file__).parent
LAYERS = ("documented", "published", "assumed", "descriptions")
DERIVED = "# What a reference page says and nothing else. Written by: orgbilling spec derive PAGE\n"
HEADER = "# Generated from layers/ by: orgbilling spec compose\n"


class LayerError(ValueError):
    """A layer that cannot be read or applied: which file, and why."""


@dataclass(frozen=True, slots=True)
class Composition:
    """The API description and the origins of its nodes.

    origins: ``{"reasons": [...], "nodes": {pointer: [layer] or [layer, index of reason]}}``; a node that is
    not listed has the origin of the nearest listed node around it (see `description.NodeOrigins`).
    """

    document: JsonObject
    origins: JsonObject

    def files(self) -> dict[str, bytes]:
        """File name to content of everything that is generated and checked in."""
        return {
            "org-billing.yaml": (HEADER + dump(self.document)).encode(),
            "org-billing.json": (json.dumps(self.document, ensure_ascii=False, indent=1) + "\n").encode(),
            "origins.json": (json.dumps(self.origins, ensure_ascii=False, indent=0) + "\n").encode(),
        }


def compose(layers: Path = HERE / "layers") -> Composition:
    """The API description of the layers in a folder; raises `LayerError`."""
    owners: Owners = {}
    steps = _steps(layers, owners)
    document = steps[-1]
    for layer, earlier in zip(("published", "documented"), (steps[1], steps[0]), strict=True):
        for path in shared(earlier, document):
            owners[path] = (layer, None)
    _sort(document)
    return Composition(document, compact(document, owners))


def vendor_facts(layers: Path = HERE / "layers") -> JsonObject:
    """The description of the first two layers: what the vendor says, without anything of ours."""
    return _steps(layers, {})[1]


def described_facts(layers: Path = HERE / "layers") -> JsonObject:
    """What the vendor says, in our words: a description from which other tools generate what they would
    generate from the vendor's. It has no statuses, enums, defaults or required members of our own.
    """
    document = vendor_facts(layers)
    for action in actions(layers / "descriptions.overlay.yaml"):
        overlay.apply(document, action)  # words about operations that we assume match nothing here
    for name, schema in vendor_facts(layers)["components"]["schemas"].items():
        described = document["components"]["schemas"][name]["properties"]
        for member in described.keys() - schema["properties"].keys():  # words about a member that we assume
            del described[member]
    for operation in operations(document):
        for part in (operation.node.get("requestBody", {}), *operation.node["responses"].values()):
            for media in part.get("content", {}).values():
                if "example" in media:
                    media["example"] = _known(document, media["schema"], media["example"])
    _sort(document)
    return document


def _known(document: JsonObject, schema: JsonValue, example: JsonValue) -> JsonValue:
    """An example without the members that its schema does not have."""
    schema = json_pointer.follow(document, schema)
    if isinstance(example, dict) and "properties" in schema:
        members = schema["properties"]
        return {
            name: _known(document, members[name], value) for name, value in example.items() if name in members
        }
    if isinstance(example, list) and "items" in schema:
        return [_known(document, schema["items"], item) for item in example]
    return example


def _steps(layers: Path, owners: Owners) -> list[JsonObject]:
    """The description after each layer."""
    document = read(layers / "documented.yaml")
    steps = [document]
    for layer in LAYERS[1:]:
        document = json.loads(json.dumps(document))
        for action in actions(layers / f"{layer}.overlay.yaml"):
            apply(document, action, layer, _record(owners, (layer, action.get("x-reason"))))
        steps.append(document)
    return steps


def apply(
    document: JsonObject, action: Mapping[str, JsonValue], layer: str, written: overlay.Written
) -> None:
    """Apply one action of a layer.

    Raises `LayerError` for an action that matches nothing, and for an assumption without a reason.
    """
    if layer == "assumed" and not action.get("x-reason"):
        raise LayerError(f"{layer}: the action on {action.get('target')} has no x-reason")
    try:
        matched = overlay.apply(document, action, written)
    except overlay.OverlayError as error:
        raise LayerError(f"{layer}: {error}") from None
    if not matched:
        raise LayerError(f"{layer}: nothing matches {action['target']}")


def _sort(document: JsonObject) -> None:
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
    """A callback that records the layer of each node that an action writes."""

    def written(path: json_pointer.Path) -> None:
        owners[path] = owner

    return written


def actions(path: Path) -> list[Mapping[str, JsonValue]]:
    """The actions of an overlay file; raises `LayerError`."""
    document = read(path)
    rows = document.get("actions")
    if document.get("overlay") != "1.0.0" or not isinstance(rows, list):
        raise LayerError(f"{path.name}: not an OpenAPI Overlay 1.0.0 document")
    return rows


def read(path: Path) -> JsonObject:
    """A YAML file as a mapping; raises `LayerError`."""
    try:
        document = yaml.load(path.read_bytes(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
    except (OSError, yaml.YAMLError) as error:
        raise LayerError(f"{path.name}: {error}") from None
    if not isinstance(document, dict):
        raise LayerError(f"{path.name}: not a mapping")
    return document


def dump(document: JsonObject) -> str:
    """YAML in the order of the members, without aliases."""

    class Dumper(yaml.SafeDumper):
        def ignore_aliases(self, data: JsonValue) -> bool:
            return True

    return yaml.dump(document, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=110)


def shared(earlier: JsonObject, later: JsonObject) -> list[json_pointer.Path]:
    """The paths in `later` of everything that `earlier` already said.

    Both documents are walked side by side, through references, so that a schema that moved into a named
    component still belongs to the layer that showed it first.
    """
    paths: list[json_pointer.Path] = []
    visited: set[tuple[int, json_pointer.Path]] = set()

    def walk(old: JsonValue, new: JsonValue, path: json_pointer.Path) -> None:
        old = json_pointer.follow(earlier, old)
        new, path = json_pointer.locate(later, new, path)
        if (id(old), path) in visited:
            return
        visited.add((id(old), path))
        if isinstance(old, dict) and isinstance(new, dict):
            paths.append(path)
            for key in old.keys() & new.keys():
                walk(old[key], new[key], (*path, key))
        elif isinstance(old, list) and isinstance(new, list):
            paths.append(path)
            for index, pair in enumerate(zip(old, new, strict=False)):
                walk(*pair, (*path, index))
        elif old == new or (isinstance(new, list) and old in new):
            paths.append(path)

    walk(earlier, later, ())
    return paths


def compact(document: JsonObject, owners: Mapping[json_pointer.Path, Owner]) -> JsonObject:
    """The origins table: the owner of each node whose owner differs from that of the node around it."""
    reasons: list[str] = []
    nodes: dict[str, list[str | int]] = {}

    def walk(node: JsonValue, path: json_pointer.Path, above: Owner) -> None:
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


def compose_with_published(published: Path) -> Composition:
    """The description over another document of the vendor; raises `external_document.OpenApiDocumentError`.

    Such a document says everything that the first two layers say, and more: it is the base. Our assumptions
    go on top wherever their targets exist, and they give way: an assumption only adds a member that the
    document leaves open, and never changes what the document states.
    """
    with raising_document_errors(str(published)):
        base = _published_base(published)
        check_document(base, str(published))
        reasons: list[str] = []
        nodes: dict[str, list[str | int]] = {"#": ["published"]}
        for action in actions(HERE / "layers" / "assumed.overlay.yaml"):
            reasons.append(action["x-reason"])
            row: list[str | int] = ["assumed", len(reasons) - 1]

            def written(path: json_pointer.Path, row: list[str | int] = row) -> None:
                nodes[json_pointer.text(path)] = row

            try:
                overlay.apply(base, action, written, only_add=True)
            except overlay.OverlayError:
                continue
        _drop_assumed_parameters(base)
        return Composition(base, {"reasons": reasons, "nodes": nodes})


def _published_base(published: Path) -> JsonObject:
    """The vendor's document with our server, and with the error model where it has none."""
    ours = description.load()
    prefix = ours["servers"][0]["url"]
    theirs = external_document.load(published)
    base: JsonObject = copy.deepcopy(external_document.relative(theirs, prefix))
    if base["paths"] != theirs["paths"]:
        base["servers"] = [{"url": prefix}]  # the stub's: their hosts are not served here
    schemas = base.setdefault("components", {}).setdefault("schemas", {})
    for name in ("ErrorModel", "ErrorDetail"):
        schemas.setdefault(name, ours["components"]["schemas"][name])
    return base


def _drop_assumed_parameters(base: JsonObject) -> None:
    """Keep the first of two parameters with one name and place: the vendor's precedes our assumption."""
    for operation in operations(base):
        parameters: dict[tuple[JsonValue, JsonValue], JsonValue] = {}
        for parameter in operation.node.get("parameters", []):
            declared = json_pointer.follow(base, parameter)
            parameters.setdefault((declared.get("name"), declared.get("in")), parameter)
        if parameters:
            operation.node["parameters"] = list(parameters.values())
