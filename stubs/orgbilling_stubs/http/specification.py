# mypy: allow-subclassing-any
# mypy: disable-error-code="import-untyped"
"""The API description as Connexion has it, and the parts of Connexion that the server is built from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orgbilling_openapi.json_pointer import follow
from orgbilling_openapi.operations import METHODS

from orgbilling_stubs.http.server import lazy_import

lazy_import.load()

from connexion.middleware import ConnexionMiddleware  # noqa: E402
from connexion.middleware.abstract import AbstractRoutingAPI, SpecMiddleware  # noqa: E402
from connexion.middleware.main import API  # noqa: E402
from connexion.operations import AbstractOperation  # noqa: E402
from connexion.resolver import Resolution, Resolver  # noqa: E402
from connexion.spec import OpenAPISpecification  # noqa: E402

__all__ = [
    "API",
    "AbstractOperation",
    "AbstractRoutingAPI",
    "ApiSpecification",
    "ConnexionMiddleware",
    "OpenAPISpecification",
    "Resolution",
    "Resolver",
    "SpecMiddleware",
]


class ApiSpecification(OpenAPISpecification):
    """An OpenAPI document as Connexion's loader sees it.

    Connexion 3.3 validates against the 3.0 meta-schema, which refuses 3.1, and expands every `$ref`, also
    those of recursive schemas. Here the document was validated when it was built (the tests do), and only
    the references that Connexion's operations look through are followed: path items, parameters, request
    bodies and responses. Schemas keep their references; the validators follow those.
    """

    def __init__(self, raw_spec: dict[str, Any], *, base_uri: str = "") -> None:
        self._raw_spec = raw_spec
        self._base_uri = base_uri
        self._spec = {
            **raw_spec,
            "components": raw_spec.get("components", {}),
            "paths": {path: self._path(item) for path, item in raw_spec.get("paths", {}).items()},
        }

    def _path(self, node: Any) -> dict[str, Any]:
        item = follow(self._raw_spec, node)
        return {key: self._operation(value) for key, value in item.items() if key in METHODS} | {
            "parameters": [follow(self._raw_spec, each) for each in item.get("parameters", ())]
        }

    def _operation(self, operation: Mapping[str, Any]) -> dict[str, Any]:
        found = dict(operation)
        found["parameters"] = [follow(self._raw_spec, each) for each in operation.get("parameters", ())]
        responses = operation.get("responses", {})
        found["responses"] = {str(each): follow(self._raw_spec, responses[each]) for each in responses}
        if "requestBody" in operation:
            found["requestBody"] = follow(self._raw_spec, operation["requestBody"])
        return found

    def clone(self) -> ApiSpecification:
        """A copy that can be given another base path."""
        return ApiSpecification(dict(self._raw_spec), base_uri=self._base_uri)
