# mypy: allow-subclassing-any
"""Routing: finds the operation of a request. Connexion's loader, operations and resolver build its table."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:
    from orgbilling_stubs.http.operation import Operation


from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, TypeAlias

from starlette.types import Receive, Send

from orgbilling_stubs.http.connection import Connection, Disconnected
from orgbilling_stubs.http.context import CallNext, Handler, Record, RequestContext
from orgbilling_stubs.http.errors import METHOD_WRONG, ROUTE_UNKNOWN, Problem
from orgbilling_stubs.http.operation import CompileContext, Operation
from orgbilling_stubs.http.origin import Address
from orgbilling_stubs.http.responses import Responder
from orgbilling_stubs.http.specification import (
    API,
    AbstractRoutingAPI,
    ApiSpecification,
    ConnexionMiddleware,
    Resolution,
    Resolver,
    SpecMiddleware,
)

_TEMPLATE = re.compile(r"\{([^{}]*)\}")


class Route:
    """The operations at one path, by method."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.names = _TEMPLATE.findall(path)
        self.methods: dict[str, Operation] = {}
        self.allow = b""

    def add(self, method: str, operation: Operation) -> None:
        """Serve a method; GET also serves HEAD, and OPTIONS is always answered."""
        self.methods[method.upper()] = operation
        if "GET" in self.methods:
            self.methods.setdefault("HEAD", self.methods["GET"])
        self.allow = ", ".join(sorted({*self.methods, "OPTIONS"})).encode()


class _Node:
    def __init__(self) -> None:
        self.fixed: dict[str, _Node] = {}
        self.open: dict[str, tuple[re.Pattern[str], _Node]] = {}
        self.route: Route | None = None


class Router:
    """Routes by full path. A fixed segment is preferred to one with a parameter."""

    def __init__(self) -> None:
        self.exact: dict[str, Route] = {}
        self._root = _Node()
        self._templated = False

    def route(self, path: str) -> Route:
        """The route of a path template, made if there is none yet."""
        if "{" not in path:
            return self.exact.setdefault(path, Route(path))
        self._templated = True
        node = self._root
        for segment in path.split("/"):
            node = _child(node, segment)
        if node.route is None:
            node.route = Route(path)
        return node.route

    def match(self, path: str, raw_path: bytes | None = None) -> tuple[Route | None, dict[str, str]]:
        """The route of a request path, with the texts of its path parameters.

        raw_path: the path as sent, so that an encoded slash stays inside its segment.
        """
        found = self.exact.get(path)
        if found is not None or not self._templated:
            return found, {}
        raw = path if raw_path is None else raw_path.partition(b"?")[0].decode("latin-1")
        segments = [unquote(segment, errors="replace") for segment in raw.split("/")]
        for route, values in _walk(self._root, segments, 0, ()):
            return route, dict(zip(route.names, values, strict=True))
        return None, {}

    def routes(self) -> Iterator[Route]:
        """Every route."""
        yield from self.exact.values()
        waiting = [self._root]
        while waiting:
            node = waiting.pop()
            if node.route is not None:
                yield node.route
            waiting += [*node.fixed.values(), *(each[1] for each in node.open.values())]


def _child(node: _Node, segment: str) -> _Node:
    if "{" not in segment:
        return node.fixed.setdefault(segment, _Node())
    parts = _TEMPLATE.split(segment)
    shape = "".join("(.+?)" if index % 2 else re.escape(part) for index, part in enumerate(parts))
    if shape not in node.open:
        node.open[shape] = (re.compile(shape, re.DOTALL), _Node())
    return node.open[shape][1]


def _walk(
    node: _Node, segments: list[str], at: int, values: tuple[str, ...]
) -> Iterator[tuple[Route, tuple[str, ...]]]:
    if at == len(segments):
        if node.route is not None:
            yield node.route, values
        return
    fixed = node.fixed.get(segments[at])
    if fixed is not None:
        yield from _walk(fixed, segments, at + 1, values)
    for pattern, child in node.open.values():
        found = pattern.fullmatch(segments[at])
        if found is not None:
            yield from _walk(child, segments, at + 1, values + found.groups())


PREFLIGHT_VARY = b"Origin, Access-Control-Request-Method, Access-Control-Request-Private-Network"


NO_PATH: Mapping[str, str] = {}
NO_PARAMETERS: Mapping[str, Any] = {}

ExactOperations: TypeAlias = Mapping[tuple[bytes, bytes], tuple[Operation, str, str]]
"""By method and path as they are sent: the operation, and both as text."""


class HandlerResolver(Resolver):
    """Resolves an operationId by one visible table; `otherwise` makes a handler for any other."""

    def __init__(
        self, handlers: Mapping[str, Handler], otherwise: Callable[[Any], Handler] | None = None
    ) -> None:
        super().__init__()
        self.handlers = handlers
        self.otherwise = otherwise

    def resolve(self, operation: Any) -> Resolution:
        """The function and name of an operation. An operation without an id is named by method and path."""
        name = operation.operation_id or f"{operation.method.upper()} {operation.path}"
        handler = self.handlers.get(name)
        if handler is None:
            if self.otherwise is None:
                raise LookupError(f"no handler for operation {name}")
            handler = self.otherwise(operation)
        return Resolution(handler, name)


class CompiledAPI(AbstractRoutingAPI):
    """Builds one compiled operation per operation of the specification."""

    def __init__(
        self,
        specification: ApiSpecification,
        *,
        router: Router,
        compiled_with: CompileContext,
        **options: Any,
    ) -> None:
        self.router = router
        self.compiled_with = compiled_with
        super().__init__(specification, **options)

    def make_operation(self, operation: Any) -> Operation:
        """Compile what has a row in the table now, anything else with its first request."""
        compiled = Operation(operation, operation.function, self.compiled_with)
        if operation.operation_id in self.resolver.handlers:
            compiled.compile()
        return compiled

    @staticmethod
    def _framework_path_and_name(operation: Any, path: str) -> tuple[str, str]:
        return path, operation.operation_id

    def _add_operation_internal(
        self, method: str, path: str, operation: Operation, name: str | None = None
    ) -> None:
        self.router.route(self.base_path + path).add(method, operation)


class Routing(SpecMiddleware):
    """Sends a request to its compiled operation, and whatever the contract does not know to the inner app.

    elsewhere: path prefixes where the inner app answers preflights, too.
    """

    def __init__(
        self,
        app: Any,
        responder: Responder,
        pipeline: CallNext,
        record: Record,
        now_ns: Callable[[], int],
        elsewhere: Sequence[str] = (),
    ) -> None:
        self.app = app
        self.elsewhere = tuple(elsewhere)
        self.responder = responder
        self.pipeline = pipeline
        self.record = record
        self.router = Router()
        self.exact = self.router.exact
        self._now_ns = now_ns

    def add_api(
        self, specification: ApiSpecification, *, compiled_with: CompileContext, **options: Any
    ) -> CompiledAPI:
        """Register the operations of one specification (Connexion calls this, once per contract)."""
        return CompiledAPI(
            specification,
            router=self.router,
            compiled_with=compiled_with,
            base_path=options.get("base_path"),
            resolver=options["resolver"],
        )

    def context(
        self,
        operation: Operation,
        connection: Connection,
        method: str,
        path: str,
        query: bytes,
        raw_headers: Sequence[tuple[bytes, bytes]],
        headers: dict[bytes, bytes],
        scheme: str,
        server: Address | None,
        path_parameters: Mapping[str, str] = NO_PATH,
    ) -> RequestContext:
        """A request at the start of the pipeline, as ASGI has it; headers: the first of each name."""
        responder = self.responder
        return RequestContext(
            operation,
            method,
            path,
            query,
            raw_headers,
            headers,
            path_parameters,
            responder.origins.of_request(headers, scheme, server),
            responder.trace(),
            self._now_ns(),
            connection,
            NO_PARAMETERS,
        )

    @cached_property
    def operations(self) -> ExactOperations:
        """The operations whose path has no parameters, for a server that has whole requests."""
        return {
            (method.encode(), path.encode()): (operation, method, path)
            for path, route in self.exact.items()
            for method, operation in route.methods.items()
        }

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Route one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        path = scope["path"]
        route: Route | None = self.exact.get(path)
        path_parameters: Mapping[str, str] = NO_PATH
        if route is None:
            route, path_parameters = self.router.match(path, scope.get("raw_path"))
        method = scope["method"]
        if route is not None:
            operation = route.methods.get(method)
            if operation is not None:
                await self._serve(operation, scope, receive, send, path_parameters)
                return
        if method == "OPTIONS" and not (route is None and path.startswith(self.elsewhere)):
            await self._options(scope, send, route)
        elif route is None:
            await self.app(scope, receive, send)
        else:
            wrong = Problem(METHOD_WRONG, headers={"Allow": route.allow.decode()})
            await refuse(self.responder, scope, send, wrong)

    async def _serve(
        self,
        operation: Operation,
        scope: Mapping[str, Any],
        receive: Receive,
        send: Send,
        path_parameters: Mapping[str, str],
    ) -> None:
        method: str = scope["method"]
        raw_headers = scope["headers"]
        connection = Connection(receive, send, method == "HEAD")
        context = self.context(
            operation,
            connection,
            method,
            scope["path"],
            scope["query_string"],
            raw_headers,
            dict(reversed(raw_headers)),
            scope.get("scheme", "http"),
            scope.get("server"),
            path_parameters,
        )
        try:
            response = await self.pipeline(context)
        except Disconnected:
            return
        self.record(context, response)
        await connection.deliver(response)

    async def _options(self, scope: Mapping[str, Any], send: Send, route: Route | None) -> None:
        headers = dict(reversed(scope["headers"]))
        allow = route.allow if route is not None else b"GET, HEAD, OPTIONS, POST"
        responder = self.responder
        out = [(b"allow", allow), (b"x-trace-id", responder.trace().encode())]
        if b"access-control-request-method" in headers and b"origin" in headers:
            out += responder.cors.preflight(headers, allow)
            out.append((b"vary", PREFLIGHT_VARY))
            await send({"type": "http.response.start", "status": 204, "headers": out})
            await send({"type": "http.response.body", "body": b""})
        elif route is None:
            await refuse(self.responder, scope, send, Problem(ROUTE_UNKNOWN))
        else:
            await responder.send(send, headers, 204, out)


async def refuse(responder: Responder, scope: Mapping[str, Any], send: Send, problem: Exception) -> None:
    """Answer a request that no operation takes."""
    headers = dict(reversed(scope["headers"]))
    origin = responder.origins.of(scope, headers)
    response = responder.problem(problem, origin, responder.trace())
    head = scope["method"] == "HEAD"
    await responder.send(send, headers, response.status, response.headers, response.body, head=head)


class CompiledApplication(ConnexionMiddleware):
    """Connexion's application, for specifications that are already loaded."""

    def add_specification(self, specification: ApiSpecification, **options: Any) -> None:
        """Serve a specification; `options` reach `Routing.add_api`."""
        self.apis.append(API(specification, base_path=specification.base_path, **options))

    def compile(self) -> None:
        """Build everything now rather than at the first request."""
        self.app, self.middleware_stack = self._build_middleware_stack()

    @property
    def routing(self) -> Routing:
        """Where requests enter."""
        routing = self.app
        assert isinstance(routing, Routing)
        return routing
