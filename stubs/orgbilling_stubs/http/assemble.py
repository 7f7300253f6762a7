"""Puts contract, handlers and authentication together into one ASGI application."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from orgbilling_stubs.http.context import Admit, Handler
from orgbilling_stubs.http.cors import Cors
from orgbilling_stubs.http.document import Document
from orgbilling_stubs.http.fallback import Fallback
from orgbilling_stubs.http.middleware import Tap
from orgbilling_stubs.http.operation import World
from orgbilling_stubs.http.responses import Responder
from orgbilling_stubs.http.routing import Compiled, Routing, Table
from orgbilling_stubs.http.schemas import Schemas
from orgbilling_stubs.http.site import App, Site
from orgbilling_stubs.http.trace import traces


@dataclass(frozen=True, slots=True)
class Habits:
    """How the server behaves towards its clients.

    lenient: imitate what the real framework tolerates (`days=`, member names in any case, `$schema`).
    cors: origins that may call; none means any origin on this machine, "*" any origin at all.
    seed: seeds trace ids and the replies of operations without a handler.
    """

    lenient: bool = False
    cors: Sequence[str] = ()
    seed: int = 0


def assemble(
    contract: dict[str, Any],
    handlers: Mapping[str, Handler],
    admit: Admit,
    service: Any = None,
    *,
    habits: Habits | None = None,
    documents: Mapping[str, tuple[str, bytes]] | None = None,
    closing: Callable[[], None] | None = None,
    routes: Mapping[str, App] | None = None,
    tap: Tap | None = None,
) -> Compiled:
    """Compile a contract into an application.

    contract: an OpenAPI 3.1 document; its first server's path is the prefix.
    handlers: operationId to function; an operation without one answers with an example made from its schema.
    admit: from raw request headers and method to the principal; raises a refusal (401, 403, 503) to say no.
    service: what handlers find as `call.service`.
    documents: more to serve without authentication: path to media type and bytes (a JWKS, say).
    closing: called once when the server stops.
    routes: ASGI applications by path prefix, for paths that the contract does not know.
    tap: watches every exchange of an operation.
    Raises `LookupError` or `ValueError` if a reference or schema of a handled operation is broken.
    """
    habits = habits or Habits()
    document = Document(contract)
    prefix = str(document.base_path)
    responder = Responder(prefix, Cors(habits.cors), traces(habits.seed))
    schemas = Schemas(contract, tolerant=habits.lenient)
    world = World(responder, schemas, admit, service, habits.lenient, tap)
    site = Site(contract, prefix, responder, documents or {}, closing, routes)
    app = Compiled(site, middlewares=[lambda inner: Routing(inner, responder, tuple(routes or ()))])
    resolver = Table(handlers, lambda operation: Fallback(operation, schemas, habits.seed))
    app.add_specification(document, resolver=resolver, world=world)
    app.compile()
    return app
