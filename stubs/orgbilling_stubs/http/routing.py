# mypy: allow-subclassing-any
"""Connexion's routing, compiled: its loader, operations and resolver build the table that serves requests."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from orgbilling_stubs.http.connection import Receive, Send
from orgbilling_stubs.http.context import Handler
from orgbilling_stubs.http.cors import Headers
from orgbilling_stubs.http.document import Document
from orgbilling_stubs.http.errors import METHOD_WRONG, ROUTE_UNKNOWN, Problem
from orgbilling_stubs.http.framework import (
    API,
    AbstractRoutingAPI,
    ConnexionMiddleware,
    Resolution,
    Resolver,
    SpecMiddleware,
)
from orgbilling_stubs.http.operation import Operation, World
from orgbilling_stubs.http.responses import Responder
from orgbilling_stubs.http.router import Route, Router

PREFLIGHT_VARY = b"Origin, Access-Control-Request-Method, Access-Control-Request-Private-Network"

Prompt: TypeAlias = dict[
    tuple[bytes, bytes], tuple[Callable[[dict[str, Any], bytes], tuple[int, Headers, bytes] | None], str, str]
]
"""By method and path as sent: what answers a scope and a body (see `Operation.answer`), method and path."""


class Table(Resolver):
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


class Lazy:
    """An operation that is compiled when it is first asked for: most of a wide contract never is."""

    def __init__(self, compile_now: Callable[[], Operation], responder: Responder) -> None:
        self._compile = compile_now
        self._responder = responder
        self._operation: Operation | None = None

    async def serve(
        self, scope: Mapping[str, Any], receive: Receive, send: Send, path: Mapping[str, str]
    ) -> None:
        """Answer one request that was routed here."""
        if self._operation is None:
            try:
                self._operation = self._compile()
            except Exception as error:
                await refuse(self._responder, scope, send, error)
                return
        await self._operation.serve(scope, receive, send, path)


class CompiledAPI(AbstractRoutingAPI):
    """Builds one compiled operation per operation of the specification."""

    def __init__(self, specification: Document, *, router: Router, world: World, **options: Any) -> None:
        self.router = router
        self.world = world
        super().__init__(specification, **options)

    def make_operation(self, operation: Any) -> Operation | Lazy:
        """Compile what has a row in the table now, anything else on its first request."""
        if operation.operation_id in self.resolver.handlers:
            return Operation(operation, operation.function, self.world)
        return Lazy(lambda: Operation(operation, operation.function, self.world), self.world.responder)

    @staticmethod
    def _framework_path_and_name(operation: Any, path: str) -> tuple[str, str]:
        return path, operation.operation_id

    def _add_operation_internal(
        self, method: str, path: str, operation: Operation | Lazy, name: str | None = None
    ) -> None:
        self.router.route(self.base_path + path).add(method, operation)


class Routing(SpecMiddleware):
    """Sends a request to its compiled operation, and whatever the contract does not know to the inner app.

    elsewhere: path prefixes where the inner app answers preflights, too.
    """

    def __init__(self, app: Any, responder: Responder, elsewhere: Sequence[str] = ()) -> None:
        self.app = app
        self.elsewhere = tuple(elsewhere)
        self.responder = responder
        self.router = Router()
        self.exact = self.router.exact

    def add_api(self, specification: Document, *, world: World, **options: Any) -> CompiledAPI:
        """Register the operations of one specification (Connexion calls this, once per contract)."""
        return CompiledAPI(
            specification,
            router=self.router,
            world=world,
            base_path=options.get("base_path"),
            resolver=options["resolver"],
        )

    def prompt(self) -> Prompt:
        """The operations that answer at once, for a server that has the whole request."""
        return {
            (method.encode(), path.encode()): (operation.answer, method, path)
            for path, route in self.exact.items()
            for method, operation in route.methods.items()
            if type(operation) is Operation and operation.prompt
        }

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Route one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        path = scope["path"]
        route: Route | None = self.exact.get(path)
        values: dict[str, str] = {}
        if route is None:
            route, values = self.router.match(path, scope.get("raw_path"))
        method = scope["method"]
        if route is not None:
            operation = route.methods.get(method)
            if operation is not None:
                await operation.serve(scope, receive, send, values)
                return
        if method == "OPTIONS" and not (route is None and path.startswith(self.elsewhere)):
            await self._options(scope, send, route)
        elif route is None:
            await self.app(scope, receive, send)
        else:
            wrong = Problem(METHOD_WRONG, headers={"Allow": route.allow.decode()})
            await refuse(self.responder, scope, send, wrong)

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
    status, out, payload = responder.problem(problem, origin, responder.trace())
    await responder.send(send, headers, status, out, payload, head=scope["method"] == "HEAD")


class Compiled(ConnexionMiddleware):
    """Connexion's application, for specifications that are already loaded."""

    def add_specification(self, specification: Document, **options: Any) -> None:
        """Serve a specification; `options` reach `Routing.add_api`."""
        self.apis.append(API(specification, base_path=specification.base_path, **options))

    def compile(self) -> None:
        """Build everything now rather than at the first request."""
        self.app, self.middleware_stack = self._build_middleware_stack()
        self.prompt: Prompt = self.app.prompt()
        """For a server that can use it (see `server`)."""
