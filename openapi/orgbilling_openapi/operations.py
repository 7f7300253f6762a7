"""The operations of an OpenAPI document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from orgbilling_openapi.json_pointer import Path
from orgbilling_openapi.strict_json import JsonObject, JsonValue

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
"""The members of a path item that are operations (OpenAPI 3.1, Path Item Object)."""


@dataclass(frozen=True, slots=True)
class DescribedOperation:
    """An operation as the document describes it.

    method: in lower case, as the document writes it; path: its template, below the server's URL;
    node: the Operation Object.
    """

    method: str
    path: str
    node: JsonObject

    @property
    def line(self) -> str:
        """Method and path, as a request line has them: ``GET /org/billing``."""
        return f"{self.method.upper()} {self.path}"

    @property
    def location(self) -> Path:
        """The path of keys that leads to the operation in the document."""
        return ("paths", self.path, self.method)


def operations(document: Mapping[str, JsonValue]) -> Iterator[DescribedOperation]:
    """All operations, in the order of the paths and then of `METHODS`."""
    for path, item in document["paths"].items():
        for method in METHODS:
            if isinstance(item.get(method), dict):
                yield DescribedOperation(method, path, item[method])


def operations_by_id(document: Mapping[str, JsonValue]) -> dict[str, DescribedOperation]:
    """The operations that have an operationId, by it."""
    return {
        operation.node["operationId"]: operation
        for operation in operations(document)
        if "operationId" in operation.node
    }
