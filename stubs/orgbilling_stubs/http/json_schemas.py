"""JSON Schema validators for the bodies and parameters of an OpenAPI 3.1 document."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NoReturn

import jsonschema_rs
from orgbilling_openapi.json_pointer import find

Validator = jsonschema_rs.Draft202012Validator

BOUNDS = {"int64": (-(2**63), 2**63 - 1), "int32": (-(2**31), 2**31 - 1)}
_MAPS = ("properties", "patternProperties", "$defs", "dependentSchemas")
_LISTS = ("allOf", "anyOf", "oneOf", "prefixItems")
_SINGLES = ("items", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames")


def refuse_retrieval(url: str) -> NoReturn:
    """Retrieve no schema for the validator, whatever a document refers to."""
    raise LookupError(f"a reference to another document: {url}")


class Schemas:
    """Compiles the schemas of one document, once each.

    side: "request" forbids `readOnly` properties, "response" forbids `writeOnly` ones.
    tolerant: leaves `readOnly` properties in requests alone (they are never required there).
    """

    def __init__(self, document: Mapping[str, Any], *, tolerant: bool = False) -> None:
        self.document = document
        self.tolerant = tolerant
        self._validators: dict[tuple[str, str], Validator] = {}
        self._views: dict[tuple[str, str], Any] = {}

    def validator(self, schema: Any, side: str) -> Validator:
        """The compiled validator of a schema of this document.

        Raises `ValueError` (of jsonschema-rs) for a schema that is not valid, `LookupError` for a reference
        that leads nowhere.
        """
        name = (json.dumps(schema, sort_keys=True), side)
        found = self._validators.get(name)
        if found is None:
            standalone = self.standalone(schema, side)
            found = Validator(standalone, validate_formats=True, retriever=refuse_retrieval)
            self._validators[name] = found
        return found

    def standalone(self, schema: Any, side: str) -> dict[str, Any] | bool:
        """The schema with everything it refers to, at the places it refers to."""
        root = self._view(schema, side)
        if isinstance(root, bool):
            return root
        root = dict(root)
        waiting = _references(root)
        placed: set[str] = set()
        while waiting:
            reference = waiting.pop()
            if reference in placed or not reference.startswith("#/"):
                continue
            placed.add(reference)
            view = self._named(reference, side)
            _place(root, reference, view)
            waiting |= _references(view)
        return root

    def _named(self, reference: str, side: str) -> Any:
        found = self._views.get((reference, side))
        if found is None:
            found = self._views[reference, side] = self._view(find(self.document, reference), side)
        return found

    def _view(self, schema: Any, side: str) -> Any:
        if not isinstance(schema, Mapping):
            return schema
        view = dict(schema)
        for key in _MAPS:
            if isinstance(schema.get(key), Mapping):
                view[key] = {name: self._view(each, side) for name, each in schema[key].items()}
        for key in _LISTS:
            if isinstance(schema.get(key), list):
                view[key] = [self._view(each, side) for each in schema[key]]
        for key in _SINGLES:
            if key in schema:
                view[key] = self._view(schema[key], side)
        self._direct(view, schema, side)
        _bound(view)
        return view

    def _direct(self, view: dict[str, Any], schema: Mapping[str, Any], side: str) -> None:
        flag = "readOnly" if side == "request" else "writeOnly"
        properties = schema.get("properties")
        if not isinstance(properties, Mapping):
            return
        barred = [name for name, each in properties.items() if isinstance(each, Mapping) and each.get(flag)]
        if not barred:
            return
        if not (side == "request" and self.tolerant):
            view["properties"] = view["properties"] | dict.fromkeys(barred, False)
        if "required" in schema:
            view["required"] = [name for name in schema["required"] if name not in barred]


def _bound(view: dict[str, Any]) -> None:
    """Write the range of an int64 or int32 out, where the schema leaves it to the format."""
    limits = BOUNDS.get(view.get("format", "")) if isinstance(view.get("format"), str) else None
    if limits is not None:
        view.setdefault("minimum", limits[0])
        view.setdefault("maximum", limits[1])


def _references(node: Any) -> set[str]:
    if isinstance(node, Mapping):
        found = {node["$ref"]} if isinstance(node.get("$ref"), str) else set()
        return found.union(*(_references(each) for each in node.values()))
    if isinstance(node, list):
        return set().union(*(_references(each) for each in node))
    return set()


def _place(root: dict[str, Any], reference: str, value: Any) -> None:
    parts = [part.replace("~1", "/").replace("~0", "~") for part in reference[2:].split("/")]
    node = root
    for part in parts[:-1]:
        node = node.setdefault(part, {})
    node[parts[-1]] = value


def types(document: Mapping[str, Any], schema: Any) -> tuple[str, ...]:
    """The JSON types that a schema names, through references ("null" left out); empty if it names none."""
    while isinstance(schema, Mapping) and isinstance(schema.get("$ref"), str):
        schema = find(document, schema["$ref"])
    named = schema.get("type", ()) if isinstance(schema, Mapping) else ()
    return tuple(each for each in ([named] if isinstance(named, str) else named) if each != "null")
