# mypy: disable-error-code="import-untyped"
"""The parts of Connexion that the runtime is built from, imported lightly (see `lean`)."""

from __future__ import annotations

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
    "ConnexionMiddleware",
    "OpenAPISpecification",
    "Resolution",
    "Resolver",
    "SpecMiddleware",
]
