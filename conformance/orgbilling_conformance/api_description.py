"""The API description as the rules read it: operations, schemas, and the layer of every node."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path as FilePath

from orgbilling_openapi import description, json_pointer
from orgbilling_openapi.operations import operations
from orgbilling_openapi.strict_json import JsonObject, JsonValue

Path = tuple[str | int, ...]

JSON = "application/json"
PROBLEM = "application/problem+json"


@dataclass(frozen=True, slots=True)
class OperationSpec:
    """One operation. place: its node; success, request: the nodes of its schemas, if it has them."""

    id: str
    method: str
    path: str
    place: Path
    success: Path | None
    request: Path | None
    request_required: bool
    parameters: tuple[Path, ...]


class ApiDescription:
    """An API description and the origins of its nodes."""

    def __init__(self, document: JsonObject, origins: description.NodeOrigins) -> None:
        self.document, self.origins = document, origins
        self.operations = {operation.id: operation for operation in _operations(document)}
        self._places = {
            (operation.method, operation.path): operation.id for operation in self.operations.values()
        }

    def operation(self, method: str, path: str) -> str:
        """The id of the operation at a method and path, empty for none."""
        return self._places.get((method, path), "")

    @property
    def gets(self) -> list[OperationSpec]:
        """The operations that change nothing."""
        return [operation for operation in self.operations.values() if operation.method == "GET"]

    @cached_property
    def windows(self) -> list[OperationSpec]:
        """The operations with a lookback window."""
        return [operation for operation in self.gets if "days" in self.parameters(operation)]

    def parameters(self, operation: OperationSpec) -> dict[str, Path]:
        """The query parameters of an operation, by name."""
        places = {}
        for place in operation.parameters:
            node = self.node(place)
            if node.get("in") == "query":
                places[node["name"]] = place
        return places

    def node(self, path: Path) -> JsonValue:
        """The node at a path of keys."""
        node: JsonValue = self.document
        for key in path:
            node = node[key]
        return node

    def follow(self, path: Path) -> Path:
        """The path that a reference leads to, or the path itself."""
        return json_pointer.locate(self.document, self.node(path), path)[1]

    def layer(self, path: Path) -> tuple[str, str]:
        """The layer of a node and, for an assumption, its reason."""
        origin = self.origins.of(json_pointer.text(path))
        layer = "assumed" if origin.layer == "descriptions" else origin.layer
        return layer, origin.reason or ""

    def name(self, path: Path) -> str:
        """The component that a schema node is, empty for any other."""
        place = self.follow(path)
        return str(place[2]) if place[:2] == ("components", "schemas") and len(place) == 3 else ""


def _operations(document: JsonObject) -> Iterator[OperationSpec]:
    for described in operations(document):
        node, place = described.node, described.location
        body = node.get("requestBody", {})
        request = (*place, "requestBody", "content", JSON, "schema") if JSON in _content(body) else None
        answer = node["responses"].get("200", {})
        content = (*place, "responses", "200", "content", JSON, "schema")
        yield OperationSpec(
            node.get("operationId", described.line),
            described.method.upper(),
            described.path,
            place,
            content if JSON in _content(answer) else None,
            request,
            bool(body.get("required")),
            tuple(_parameters(document, (*place, "parameters"), node.get("parameters", []))),
        )


def _content(node: JsonObject) -> JsonObject:
    content: JsonObject = node.get("content", {})
    return content


def _parameters(document: JsonObject, place: Path, nodes: list[JsonObject]) -> Iterator[Path]:
    for index, node in enumerate(nodes):
        yield json_pointer.locate(document, node, (*place, index))[1]


@cache
def load() -> ApiDescription:
    """The checked-in API description."""
    return ApiDescription(description.load(), description.origins())


def in_dialect(path: FilePath) -> ApiDescription:
    """The checked-in API description in a dialect; raises `dialect.DialectError` and OSError."""
    from orgbilling_openapi import dialect  # late: needs a YAML parser

    return ApiDescription(*dialect.described(path))


@cache
def vendor_facts() -> JsonObject:
    """The API description without assumptions; composed once, for it takes half a second."""
    from orgbilling_openapi import composition  # late: needs a YAML parser

    return composition.vendor_facts()
