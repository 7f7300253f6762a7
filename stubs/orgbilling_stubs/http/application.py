"""Assembles API description, handlers and authentication into one ASGI application."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from orgbilling_openapi.strict_json import JsonObject

from orgbilling_stubs.http.context import Handler, Middleware, RecordExchange, RequestContext, Response
from orgbilling_stubs.http.example_responses import ExampleHandler
from orgbilling_stubs.http.json_schemas import Schemas
from orgbilling_stubs.http.operation import CompileContext
from orgbilling_stubs.http.origin_policy import NetworkSettings
from orgbilling_stubs.http.pipeline import request_pipeline
from orgbilling_stubs.http.response_fitting import ResponseFitter
from orgbilling_stubs.http.responses import Responder, trace_ids
from orgbilling_stubs.http.routing import (
    ApiSpecification,
    CompiledApplication,
    HandlerResolver,
    Routing,
)
from orgbilling_stubs.http.security import Authorize
from orgbilling_stubs.http.site import Site
from orgbilling_stubs.tenants.clock import wall_ns


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """How the server behaves towards its clients.

    lenient: imitate what the real framework tolerates (`days=`, member names in any case, `$schema`).
    network: how the server is reached, and from which origins.
    seed: seeds trace ids, and the example responses of operations without a handler.
    fitter: fits replies to a description that is not the one the handlers were written for.
    assisted: take other spellings, suggest what was meant, refuse unknown query parameters.
    lazily: compile each operation with its first request, and not all at the start.
    instance: number of the process among those that share a store; part of its trace ids.
    """

    lenient: bool = False
    network: NetworkSettings = field(default_factory=NetworkSettings)
    seed: int = 0
    fitter: ResponseFitter | None = None
    assisted: bool = False
    lazily: bool = False
    instance: int = 0


def assemble(
    description: JsonObject,
    handlers: Mapping[str, Handler],
    authorize: Authorize,
    *,
    settings: HttpSettings | None = None,
    documents: Mapping[str, tuple[str, bytes]] | None = None,
    closing: Callable[[], None] | None = None,
    recorder: RecordExchange | None = None,
    fault_injection: Middleware | None = None,
) -> CompiledApplication:
    """Compile an API description into an application.

    description: an OpenAPI 3.1 document; its first server's path is the prefix.
    handlers: operationId to function; an operation without one answers with an example made from its schema.
    authorize: from raw request headers and method to the principal; raises an error (401, 403, 503).
    documents: more to serve without authentication: path to media type and bytes (a JWKS, say).
    closing: called once when the server stops.
    recorder: called with every exchange of an operation, right before its response is sent.
    fault_injection: the step that may answer in place of an operation, or change its response.
    Raises `LookupError` or `ValueError` if a reference or schema of a compiled operation is broken.
    """
    settings = settings or HttpSettings()
    specification = ApiSpecification(description)
    prefix = str(specification.base_path)
    responder = Responder(prefix, trace_ids(_trace_seed(settings)), settings.network)
    schemas = Schemas(description, tolerant=settings.lenient)
    site = Site(description, prefix, responder, documents or {}, closing)
    pipeline = request_pipeline(authorize, responder.policy, fault_injection)
    record = recorder or _record_nothing
    app = CompiledApplication(site, lambda inner: Routing(inner, responder, pipeline, record, wall_ns))
    resolver = HandlerResolver(handlers, lambda operation: ExampleHandler(operation, schemas, settings.seed))
    compiled_with = CompileContext(
        responder, schemas, settings.lenient, settings.assisted, settings.fitter, settings.lazily
    )
    app.add_specification(specification, resolver, compiled_with)
    app.compile()
    return app


def _trace_seed(settings: HttpSettings) -> int | str:
    """The seed of trace ids: no two processes of one server give the same id."""
    return f"{settings.seed}.{settings.instance}" if settings.instance else settings.seed


def _record_nothing(context: RequestContext, response: Response) -> None:
    """What a server without a journal records."""
