# mypy: allow-subclassing-any
# mypy: disable-error-code="import-untyped"
"""Routing: finds the operation of a request.

The table of routes is built by Connexion's loader, operations and resolver, once, at start-up.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TypeAlias
from urllib.parse import unquote

from orgbilling_openapi.json_pointer import follow
from orgbilling_openapi.operations import METHODS
from orgbilling_openapi.strict_json import JsonObject, JsonValue
from starlette.types import ASGIApp, Receive, Scope, Send

from orgbilling_stubs.http.connection import Connection, Disconnected
from orgbilling_stubs.http.context import (
    NO_PARAMETERS,
    CallNext,
    Handler,
    RecordExchange,
    RequestContext,
    Response,
)
from orgbilling_stubs.http.errors import HOST_REFUSED, METHOD_WRONG, ROUTE_UNKNOWN, Problem
from orgbilling_stubs.http.operation import CompileContext, ConnexionOperation, Operation
from orgbilling_stubs.http.request_head import checked_scope, first_values
from orgbilling_stubs.http.responses import Responder
from orgbilling_stubs.http.server import lazy_import
from orgbilling_stubs.http.site import Site

lazy_import.load()

from connexion.middleware import ConnexionMiddleware  # noqa: E402
from connexion.middleware.abstract import AbstractRoutingAPI, SpecMiddleware  # noqa: E402
from connexion.middleware.main import API  # noqa: E402
from connexion.resolver import Resolution, Resolver  # noqa: E402
from connexion.spec import OpenAPISpecification  # noqa: E402

PREFLIGHT_VARY = b"Origin, Access-Control-Request-Method, Access-Control-Request-Private-Network"

_TEMPLATE = re.compile(r"\{([^{}]*)\}")

ExactOperations: TypeAlias = Mapping[tuple[bytes, bytes], tuple[Operation, str, str]]
"""By method and path as they are sent: the operation, and both as text."""


class Route:
    """The operations at one path, by method."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.names = _TEMPLATE.findall(path)
        self.methods: dict[str, Operation] = {}
        self.allow = b""

    def add(self, method: str, operation: Operation) -> None:
        """Serve a method; GET also serves HEAD, and OPTIONS is always allowed."""
        self.methods[method.upper()] = operation
        if "GET" in self.methods:
            self.methods.setdefault("HEAD", self.methods["GET"])
        self.allow = ", ".join(sorted({*self.methods, "OPTIONS"})).encode()


class _Node:
    """The routes below a segment: by fixed text, and by the texts around the parameters of a segment."""

    def __init__(self) -> None:
        self.fixed: dict[str, _Node] = {}
        self.templated: dict[tuple[str, ...], _Node] = {}
        self.route: Route | None = None

    def child(self, segment: str) -> _Node:
        """The node of a segment of a path template, made if there is none yet."""
        if _TEMPLATE.search(segment) is None:  # a brace alone is text
            return self.fixed.setdefault(segment, _Node())
        fixed_texts = tuple(_TEMPLATE.split(segment)[::2])
        return self.templated.setdefault(fixed_texts, _Node())

    def matches(
        self, segments: Sequence[str], values: tuple[str, ...] = ()
    ) -> Iterator[tuple[Route, tuple[str, ...]]]:
        """The routes that fit these segments, the best first, with the texts of their parameters."""
        if not segments:
            if self.route is not None:
                yield self.route, values
            return
        segment, *rest = segments
        if segment in self.fixed:
            yield from self.fixed[segment].matches(rest, values)
        for fixed_texts, child in self.templated.items():
            parameters = _parameter_texts(fixed_texts, segment)
            if parameters is not None:
                yield from child.matches(rest, values + parameters)


def _parameter_texts(fixed_texts: Sequence[str], segment: str) -> tuple[str, ...] | None:
    """The texts of the parameters of a segment, each as short as it can be; None when it does not fit.

    fixed_texts: what stands before, between and after the parameters. Example: `{id}.{format}` has the fixed
    texts "", "." and "", so the segment `a.b.json` has the parameters `a` and `b.json`. Each text is searched
    for once, from left to right: the work grows with the length of the segment.
    """
    first, *between, last = fixed_texts
    if not (segment.startswith(first) and segment.endswith(last)):
        return None
    start, end = len(first), len(segment) - len(last)
    parameters = []
    for fixed_text in between:
        stop = segment.find(fixed_text, start + 1, end)
        if stop < 0:
            return None
        parameters.append(segment[start:stop])
        start = stop + len(fixed_text)
    return (*parameters, segment[start:end]) if start < end else None


class Router:
    """Routes by full path. A fixed segment is preferred to one with a parameter."""

    def __init__(self) -> None:
        self.exact: dict[str, Route] = {}
        self._templated = False
        self._root = _Node()

    def route(self, path: str) -> Route:
        """The route of a path template, made if there is none yet."""
        if "{" not in path:
            return self.exact.setdefault(path, Route(path))
        self._templated = True
        node = self._root
        for segment in path.split("/"):
            node = node.child(segment)
        if node.route is None:
            node.route = Route(path)
        return node.route

    def match(self, path: str, raw_path: bytes | None = None) -> tuple[Route | None, dict[str, str]]:
        """The route of a request path, with the texts of its path parameters.

        raw_path: the path as sent, so that an encoded slash stays inside its segment.
        """
        route = self.exact.get(path)
        if route is not None or not self._templated:
            return route, {}
        raw = path if raw_path is None else raw_path.partition(b"?")[0].decode("latin-1")
        segments = [unquote(segment, errors="replace") for segment in raw.split("/")]
        for route, values in self._root.matches(segments):
            return route, dict(zip(route.names, values, strict=True))
        return None, {}


class ApiSpecification(OpenAPISpecification):
    """An OpenAPI document as Connexion's loader sees it.

    Connexion 3.3 validates against the 3.0 meta-schema, which rejects 3.1, and expands every `$ref`, also
    those of recursive schemas. Here the document was validated when it was built (the tests do), and only
    the references that Connexion's operations look through are followed: path items, parameters, request
    bodies and responses. Schemas keep their references; the validators follow those.
    """

    def __init__(self, raw_spec: JsonObject, *, base_uri: str = "") -> None:
        self._raw_spec = raw_spec
        self._base_uri = base_uri
        self._spec = {
            **raw_spec,
            "components": raw_spec.get("components", {}),
            "paths": {path: self._path(item) for path, item in raw_spec.get("paths", {}).items()},
        }

    def _path(self, node: JsonValue) -> JsonObject:
        item = follow(self._raw_spec, node)
        operations = {key: self._operation(value) for key, value in item.items() if key in METHODS}
        return {**operations, "parameters": self._parameters(item)}

    def _operation(self, node: JsonObject) -> JsonObject:
        responses = node.get("responses", {})
        operation = {
            **node,
            "parameters": self._parameters(node),
            "responses": {str(key): follow(self._raw_spec, value) for key, value in responses.items()},
        }
        if "requestBody" in node:
            operation["requestBody"] = follow(self._raw_spec, node["requestBody"])
        return operation

    def _parameters(self, node: JsonObject) -> list[JsonValue]:
        return [follow(self._raw_spec, parameter) for parameter in node.get("parameters", ())]

    def clone(self) -> ApiSpecification:
        """A copy that can be given another base path."""
        return ApiSpecification(dict(self._raw_spec), base_uri=self._base_uri)


class HandlerResolver(Resolver):
    """Resolves an operationId by one visible table; `otherwise` makes a handler for any other operation."""

    def __init__(
        self, handlers: Mapping[str, Handler], otherwise: Callable[[ConnexionOperation], Handler]
    ) -> None:
        super().__init__()
        self.handlers = handlers
        self._otherwise = otherwise

    def resolve(self, operation: ConnexionOperation) -> Resolution:
        """The function and name of an operation. An operation without an id is named by method and path."""
        name = operation.operation_id or f"{operation.method.upper()} {operation.path}"
        return Resolution(self.handlers.get(name) or self._otherwise(operation), name)


class CompiledAPI(AbstractRoutingAPI):
    """Builds one compiled operation per operation of the specification."""

    def __init__(
        self,
        specification: ApiSpecification,
        *,
        router: Router,
        compiled_with: CompileContext,
        base_path: str | None,
        resolver: HandlerResolver,
    ) -> None:
        self.router = router
        self.compiled_with = compiled_with
        super().__init__(specification, base_path=base_path, resolver=resolver)

    def make_operation(self, operation: ConnexionOperation) -> Operation:
        """Compile what has a handler in the table now (unless `lazily`), else with its first request."""
        compiled = Operation(operation, operation.function, self.compiled_with)
        if operation.operation_id in self.resolver.handlers and not self.compiled_with.lazily:
            compiled.compile()
        return compiled

    @staticmethod
    def _framework_path_and_name(operation: ConnexionOperation, path: str) -> tuple[str, str]:
        return path, operation.operation_id

    def _add_operation_internal(
        self, method: str, path: str, operation: Operation, name: str | None = None
    ) -> None:
        self.router.route(self.base_path + path).add(method, operation)


class Routing(SpecMiddleware):
    """Sends a request to its compiled operation, and any other path to the inner application."""

    def __init__(
        self,
        app: ASGIApp,
        responder: Responder,
        pipeline: CallNext,
        record: RecordExchange,
        now_ns: Callable[[], int],
    ) -> None:
        self.app = app
        self.elsewhere: tuple[str, ...] = ()
        """Path prefixes where the inner application answers preflights, too."""
        self.responder = responder
        self.pipeline = pipeline
        self.record = record
        self.router = Router()
        self.exact = self.router.exact
        self.now_ns = now_ns

    def add_api(
        self,
        specification: ApiSpecification,
        *,
        compiled_with: CompileContext,
        resolver: HandlerResolver,
        base_path: str | None = None,
        **options: object,
    ) -> CompiledAPI:
        """Register the operations of one specification.

        Connexion calls this once per specification, with further options that have no meaning here.
        """
        return CompiledAPI(
            specification,
            router=self.router,
            compiled_with=compiled_with,
            base_path=base_path,
            resolver=resolver,
        )

    @cached_property
    def operations(self) -> ExactOperations:
        """The operations whose path has no parameters, for a server that has whole requests."""
        return {
            (method.encode(), path.encode()): (operation, method, path)
            for path, route in self.exact.items()
            for method, operation in route.methods.items()
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Route one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        try:
            scope = checked_scope(scope)
        except Problem as problem:
            await self.responder.send_problem(scope, send, problem)
            return
        path = scope["path"]
        route: Route | None = self.exact.get(path)
        path_parameters = NO_PARAMETERS
        if route is None:
            route, path_parameters = self.router.match(path, scope.get("raw_path"))
        method = scope["method"]
        if route is not None:
            operation = route.methods.get(method)
            if operation is not None:
                await self._serve(operation, scope, receive, send, path_parameters)
                return
        if not self.responder.public_urls.of(scope, dict(reversed(scope["headers"]))).is_allowed:
            await self.responder.send_problem(scope, send, Problem(HOST_REFUSED))
        elif method == "OPTIONS" and not (route is None and path.startswith(self.elsewhere)):
            await self._options(scope, send, route)
        elif route is None:
            await self.app(scope, receive, send)
        else:
            error = Problem(METHOD_WRONG, headers={"Allow": route.allow.decode()})
            await self.responder.send_problem(scope, send, error)

    async def _serve(
        self,
        operation: Operation,
        scope: Scope,
        receive: Receive,
        send: Send,
        path_parameters: Mapping[str, str],
    ) -> None:
        method: str = scope["method"]
        raw_headers = scope["headers"]
        connection = Connection(receive, send, method == "HEAD")
        headers = first_values(raw_headers)
        context = RequestContext(
            operation,
            method,
            scope["path"],
            scope["query_string"],
            raw_headers,
            headers,
            path_parameters,
            self.responder.public_urls.of(scope, headers),
            self.responder.trace(),
            self.now_ns(),
            connection,
            None,
            NO_PARAMETERS,
        )
        try:
            response = await self.pipeline(context)
        except Disconnected:
            return
        self.record(context, response)
        await connection.deliver(response)

    async def _options(self, scope: Scope, send: Send, route: Route | None) -> None:
        headers = first_values(scope["headers"])
        responder = self.responder
        allow = route.allow if route is not None else b"GET, HEAD, OPTIONS, POST"
        response = Response(204, [(b"allow", allow), (b"x-trace-id", responder.trace().encode())])
        if b"access-control-request-method" in headers and b"origin" in headers:
            response.headers += responder.cors.preflight(headers, allow)
            response.headers.append((b"vary", PREFLIGHT_VARY))
            await send({"type": "http.response.start", "status": 204, "headers": response.headers})
            await send({"type": "http.response.body", "body": b""})
        elif route is None:
            await responder.send_problem(scope, send, Problem(ROUTE_UNKNOWN))
        else:
            await responder.send(scope, send, response)


class CompiledApplication(ConnexionMiddleware):
    """Connexion's application, for specifications that are already loaded, around a site."""

    def __init__(self, site: Site, routing: Callable[[ASGIApp], Routing]) -> None:
        super().__init__(site, middlewares=[routing])
        self._site = site

    def mount(self, routes: Mapping[str, ASGIApp]) -> None:
        """Serve other applications on paths that are not described, by path prefix (see `Site.mount`).

        They are added when this application is built, because they may send requests to it.
        """
        self._site.mount(routes)
        self.routing.elsewhere += tuple(routes)

    def add_specification(
        self, specification: ApiSpecification, resolver: HandlerResolver, compiled_with: CompileContext
    ) -> None:
        """Serve a specification; everything given here reaches `Routing.add_api`."""
        self.apis.append(
            API(
                specification,
                base_path=specification.base_path,
                resolver=resolver,
                compiled_with=compiled_with,
            )
        )

    def compile(self) -> None:
        """Build everything now rather than at the first request."""
        self.app, self.middleware_stack = self._build_middleware_stack()

    @property
    def routing(self) -> Routing:
        """Where requests enter."""
        routing = self.app
        assert isinstance(routing, Routing)
        return routing
