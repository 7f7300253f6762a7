"""Puts contract, handlers and authentication together into one ASGI application."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.types import ASGIApp

from orgbilling_stubs.http.context import Handler, Middleware, Record, RequestContext, Response
from orgbilling_stubs.http.cors import Cors
from orgbilling_stubs.http.example_responses import ExampleHandler
from orgbilling_stubs.http.json_schemas import Schemas
from orgbilling_stubs.http.operation import CompileContext, handle
from orgbilling_stubs.http.pipeline import compose
from orgbilling_stubs.http.response_fitting import ResponseFitter
from orgbilling_stubs.http.responses import ProblemResponses, Responder, trace_ids
from orgbilling_stubs.http.routing import CompiledApplication, HandlerResolver, Routing
from orgbilling_stubs.http.security import Authorize, Security
from orgbilling_stubs.http.site import Site
from orgbilling_stubs.http.specification import ApiSpecification
from orgbilling_stubs.http.validation import Validation
from orgbilling_stubs.tenants.clock import wall_ns


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """How the server behaves towards its clients.

    lenient: imitate what the real framework tolerates (`days=`, member names in any case, `$schema`).
    cors: origins that may call; none means any origin on this machine, "*" any origin at all.
    seed: seeds trace ids and the replies of operations without a handler.
    fitter: fits replies to a description that is not the one the handlers were written for.
    """

    lenient: bool = False
    cors: Sequence[str] = ()
    seed: int = 0
    fitter: ResponseFitter | None = None


def assemble(
    contract: dict[str, Any],
    handlers: Mapping[str, Handler],
    authorize: Authorize,
    *,
    habits: HttpSettings | None = None,
    documents: Mapping[str, tuple[str, bytes]] | None = None,
    closing: Callable[[], None] | None = None,
    routes: Mapping[str, ASGIApp] | None = None,
    recorder: Record | None = None,
    fault_injection: Middleware | None = None,
) -> CompiledApplication:
    """Compile a contract into an application.

    contract: an OpenAPI 3.1 document; its first server's path is the prefix.
    handlers: operationId to function; an operation without one answers with an example made from its schema.
    authorize: from raw request headers and method to the principal; raises an error (401, 403, 503).
    documents: more to serve without authentication: path to media type and bytes (a JWKS, say).
    closing: called once when the server stops.
    routes: ASGI applications by path prefix, for paths that the contract does not know.
    recorder: told of every exchange of an operation, right before its response is sent.
    fault_injection: the step that may answer in place of an operation, or change its response.
    Raises `LookupError` or `ValueError` if a reference or schema of a handled operation is broken.
    """
    habits = habits or HttpSettings()
    document = ApiSpecification(contract)
    prefix = str(document.base_path)
    cors = Cors(habits.cors)
    responder = Responder(prefix, cors, trace_ids(habits.seed))
    schemas = Schemas(contract, tolerant=habits.lenient)
    site = Site(contract, prefix, responder, documents or {}, closing, routes)
    steps = [
        fault_injection,
        ProblemResponses(),
        Security(authorize),
        Validation(),
    ]
    pipeline = compose([step for step in steps if step is not None], handle)
    record = recorder or _record_nothing
    app = CompiledApplication(
        site,
        middlewares=[lambda inner: Routing(inner, responder, pipeline, record, wall_ns, tuple(routes or ()))],
    )
    resolver = HandlerResolver(handlers, lambda operation: ExampleHandler(operation, schemas, habits.seed))
    compiled_with = CompileContext(responder, schemas, habits.lenient, habits.fitter)
    app.add_specification(document, resolver=resolver, compiled_with=compiled_with)
    app.compile()
    return app


def _record_nothing(context: RequestContext, response: Response) -> None:
    """What a server without a journal records."""
