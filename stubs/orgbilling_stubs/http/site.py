"""What is served beside the operations: the API description, JSON Schemas, the API reference, health."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import orjson
from starlette.types import ASGIApp, Receive, Scope, Send

from orgbilling_stubs.http import pages, templating
from orgbilling_stubs.http.context import Headers
from orgbilling_stubs.http.errors import METHOD_WRONG, ROUTE_UNKNOWN, Problem
from orgbilling_stubs.http.origin import Origin
from orgbilling_stubs.http.responses import Responder, entity_tag, matches

YAML = b"application/yaml"
JSON = b"application/json"
HTML = b"text/html; charset=utf-8"
SCHEMA = b"application/schema+json"
DIALECT = "https://json-schema.org/draft/2020-12/schema"

Maker = Callable[[Origin], bytes]


class Site:
    """The inner application: documents, landing page, lifespan, and 404 for everything else.

    closing: called once when the server stops.
    routes: path prefix to the ASGI application that answers there, asked when nothing else does.
    """

    def __init__(
        self,
        contract: dict[str, Any],
        prefix: str,
        responder: Responder,
        documents: Mapping[str, tuple[str, bytes]],
        closing: Callable[[], None] | None = None,
        routes: Mapping[str, ASGIApp] | None = None,
    ) -> None:
        self.contract = contract
        self.prefix = prefix
        self.responder = responder
        self.closing = closing
        self.routes = dict(routes or {})
        self.pages: dict[str, tuple[bytes, Maker]] = {
            "/": (HTML, lambda origin: pages.landing(contract, prefix)),
            "/healthz": (JSON, lambda origin: b'{"status":"ok"}'),
            f"{prefix}/docs": (HTML, lambda origin: pages.reference(contract, prefix)),
            f"{prefix}/openapi.json": (JSON, lambda origin: orjson.dumps(contract)),
            f"{prefix}/openapi.yaml": (YAML, lambda origin: _yaml(contract)),
            f"{prefix}/openapi-3.0.json": (JSON, lambda origin: orjson.dumps(_older(contract))),
            f"{prefix}/openapi-3.0.yaml": (YAML, lambda origin: _yaml(_older(contract))),
        }
        for path, (media, body) in documents.items():
            self.pages[path] = (media.encode("latin-1"), _same(body))
        self._made: dict[str, bytes] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or the lifespan of the server."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1000})
        elif (app := self._mounted(scope["path"])) is not None:
            await app(scope, receive, send)
        else:
            await self._serve(scope, send)

    def _mounted(self, path: str) -> ASGIApp | None:
        if path in self.pages:
            return None
        return next((app for start, app in self.routes.items() if path.startswith(start)), None)

    async def _serve(self, scope: Scope, send: Send) -> None:
        responder = self.responder
        request = dict(reversed(scope["headers"]))
        origin = responder.origins.of(scope, request)
        trace = responder.trace()
        head = scope["method"] == "HEAD"
        extra: Headers = []
        try:
            name = scope["path"].removeprefix(templating.STATIC_FOLDER)
            if name in templating.STATIC_FILES:
                media, body, extra = _static(name, request, scope["method"])
            else:
                media, body = self._content(scope["path"], scope["method"], origin)
                extra = [*pages.PAGE_HEADERS] if media == HTML else []
        except Exception as error:
            problem = responder.problem(error, origin, trace)
            await responder.send(send, request, problem.status, problem.headers, problem.body, head=head)
            return
        tag = entity_tag(body)
        kept: Headers = [(b"etag", tag), (b"x-trace-id", trace.encode())]
        if matches(request.get(b"if-none-match", b""), tag):
            await responder.send(send, request, 304, kept)
            return
        out = [(b"content-type", media), (b"content-length", str(len(body)).encode()), *kept, *extra]
        await responder.send(send, request, 200, out, body, head=head)

    def _content(self, path: str, method: str, origin: Origin) -> tuple[bytes, bytes]:
        found = self.pages.get(path) or self._schema(path)
        if found is None:
            raise Problem(ROUTE_UNKNOWN)
        _check_read(method)
        media, make = found
        if media == SCHEMA:
            return media, make(origin)
        if path not in self._made:
            self._made[path] = make(origin)
        return media, self._made[path]

    def _schema(self, path: str) -> tuple[bytes, Maker] | None:
        start = f"{self.prefix}/schemas/"
        if not (path.startswith(start) and path.endswith(".json")):
            return None
        name = path[len(start) : -len(".json")]
        schemas = self.contract.get("components", {}).get("schemas", {})
        if name not in schemas:
            return None
        return SCHEMA, lambda origin: orjson.dumps(self._published(schemas[name], name, origin))

    def _published(self, schema: Mapping[str, Any], name: str, origin: Origin) -> dict[str, Any]:
        base = f"{origin.schema_url}{self.prefix}/schemas/"
        return {"$schema": DIALECT, "$id": f"{base}{name}.json", **_absolute(schema, base)}

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                if self.closing is not None:
                    self.closing()
                await send({"type": "lifespan.shutdown.complete"})
                return


def _static(name: str, request: Mapping[bytes, bytes], method: str) -> tuple[bytes, bytes, Headers]:
    _check_read(method)
    compressed = b"gzip" in request.get(b"accept-encoding", b"")
    headers = [*templating.STATIC_HEADERS, *([(b"content-encoding", b"gzip")] if compressed else [])]
    return templating.STATIC_FILES[name], templating.static_file(name, compressed=compressed), headers


def _check_read(method: str) -> None:
    if method not in ("GET", "HEAD"):
        raise Problem(METHOD_WRONG, headers={"Allow": "GET, HEAD, OPTIONS"})


def _same(body: bytes) -> Maker:
    return lambda origin: body


def _absolute(node: Any, base: str) -> Any:
    """The schema with its references as URLs of the schemas served here."""
    if isinstance(node, Mapping):
        start = "#/components/schemas/"
        return {
            key: base + value[len(start) :] + ".json"
            if key == "$ref" and isinstance(value, str) and value.startswith(start)
            else _absolute(value, base)
            for key, value in node.items()
        }
    if isinstance(node, list):
        return [_absolute(each, base) for each in node]
    return node


def _older(contract: dict[str, Any]) -> dict[str, Any]:
    from orgbilling_openapi.version_conversion import to_openapi_30

    return to_openapi_30(contract)


def _yaml(document: dict[str, Any]) -> bytes:
    import yaml

    text: str = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=110)
    return text.encode()
