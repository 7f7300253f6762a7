"""What is served beside the operations: the API description, JSON Schemas, the API reference, health.

The API reference is Scalar (https://scalar.com), shipped in `static/`; `make api-reference` renews it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial

import orjson
from orgbilling_openapi.operations import operations
from orgbilling_openapi.strict_json import JsonObject, JsonValue
from starlette.types import ASGIApp, Receive, Scope, Send

from orgbilling_stubs.http import templating
from orgbilling_stubs.http.context import Headers, Response
from orgbilling_stubs.http.errors import METHOD_WRONG, ROUTE_UNKNOWN, Problem
from orgbilling_stubs.http.responses import Responder, entity_tag, matches

YAML = b"application/yaml"
JSON = b"application/json"
HTML = b"text/html; charset=utf-8"
JSON_SCHEMA = b"application/schema+json"
DIALECT = "https://json-schema.org/draft/2020-12/schema"
SCHEMA_POINTER = "#/components/schemas/"

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""What a page may load. Scalar sets styles in the page, so styles cannot be restricted to files."""

PAGE_HEADERS: Headers = [
    (b"content-security-policy", CONTENT_SECURITY_POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
]


class Site:
    """The inner application: documents, landing page, lifespan, and 404 for everything else.

    documents: more to serve, by path: media type and bytes. closing: called once when the server stops.
    routes: path prefix to the ASGI application that serves every path below it.
    """

    def __init__(
        self,
        description: JsonObject,
        prefix: str,
        responder: Responder,
        documents: Mapping[str, tuple[str, bytes]],
        closing: Callable[[], None] | None = None,
        routes: Mapping[str, ASGIApp] | None = None,
    ) -> None:
        self._schemas = description.get("components", {}).get("schemas", {})
        self._schema_path = f"{prefix}/schemas/"
        self._responder = responder
        self._closing = closing
        self._routes = dict(routes or {})
        self._documents: dict[str, tuple[bytes, Callable[[], bytes]]] = {
            "/": (HTML, lambda: landing_page(description, prefix)),
            "/healthz": (JSON, lambda: b'{"status":"ok"}'),
            f"{prefix}/docs": (HTML, lambda: reference_page(description, prefix)),
            f"{prefix}/openapi.json": (JSON, lambda: orjson.dumps(description)),
            f"{prefix}/openapi.yaml": (YAML, lambda: _yaml(description)),
            f"{prefix}/openapi-3.0.json": (JSON, lambda: orjson.dumps(_openapi_30(description))),
            f"{prefix}/openapi-3.0.yaml": (YAML, lambda: _yaml(_openapi_30(description))),
        }
        self._documents = {path: (media, cache(make)) for path, (media, make) in self._documents.items()}
        self._documents |= {
            path: (media_type.encode("latin-1"), partial(bytes, body))
            for path, (media_type, body) in documents.items()
        }

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
        if path in self._documents:
            return None
        return next((app for start, app in self._routes.items() if path.startswith(start)), None)

    async def _serve(self, scope: Scope, send: Send) -> None:
        responder = self._responder
        request_headers = dict(reversed(scope["headers"]))
        try:
            media_type, body, more_headers = self._content(scope, request_headers)
        except Exception as error:
            await responder.send_problem(scope, send, error)
            return
        tag = entity_tag(body)
        headers: Headers = [(b"etag", tag), (b"x-trace-id", responder.trace().encode())]
        if matches(request_headers.get(b"if-none-match", b""), tag):
            await responder.send(scope, send, Response(304, headers))
            return
        length = str(len(body)).encode()
        headers = [(b"content-type", media_type), (b"content-length", length), *headers, *more_headers]
        await responder.send(scope, send, Response(200, headers, body))

    def _content(self, scope: Scope, request_headers: Mapping[bytes, bytes]) -> tuple[bytes, bytes, Headers]:
        """The media type and bytes of what is at a path, and further headers. Raises Problem (404, 405)."""
        path: str = scope["path"]
        file_name = path.removeprefix(templating.STATIC_FOLDER)
        is_file = file_name in templating.STATIC_FILES
        schema_name = path.removeprefix(self._schema_path).removesuffix(".json")
        is_schema = schema_name in self._schemas and path == f"{self._schema_path}{schema_name}.json"
        if not (is_file or is_schema or path in self._documents):
            raise Problem(ROUTE_UNKNOWN)
        if scope["method"] not in ("GET", "HEAD"):
            raise Problem(METHOD_WRONG, headers={"Allow": "GET, HEAD, OPTIONS"})
        if is_file:
            return _static_file(file_name, b"gzip" in request_headers.get(b"accept-encoding", b""))
        if is_schema:
            base_url = self._responder.origins.of(scope, request_headers).schema_url + self._schema_path
            return JSON_SCHEMA, _published_schema(self._schemas, schema_name, base_url), []
        media_type, make = self._documents[path]
        return media_type, make(), PAGE_HEADERS if media_type == HTML else []

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                if self._closing is not None:
                    self._closing()
                await send({"type": "lifespan.shutdown.complete"})
                return


def _static_file(name: str, compressed: bool) -> tuple[bytes, bytes, Headers]:
    headers: Headers = [*templating.STATIC_HEADERS, *([(b"content-encoding", b"gzip")] if compressed else [])]
    return templating.STATIC_FILES[name], templating.static_file(name, compressed=compressed), headers


def _published_schema(schemas: Mapping[str, JsonValue], name: str, base_url: str) -> bytes:
    """A schema as a document of its own, whose references are URLs of the other schemas served here."""
    document = {"$schema": DIALECT, "$id": f"{base_url}{name}.json"}
    return orjson.dumps({**document, **_with_urls(schemas[name], base_url)})


def _with_urls(node: JsonValue, base_url: str) -> JsonValue:
    """A node with its references as URLs of the schemas served here."""
    if isinstance(node, Mapping):
        copy = {key: _with_urls(value, base_url) for key, value in node.items()}
        reference = node.get("$ref")
        if isinstance(reference, str) and reference.startswith(SCHEMA_POINTER):
            copy["$ref"] = f"{base_url}{reference.removeprefix(SCHEMA_POINTER)}.json"
        return copy
    return [_with_urls(item, base_url) for item in node] if isinstance(node, list) else node


def _openapi_30(description: JsonObject) -> JsonObject:
    from orgbilling_openapi.version_conversion import to_openapi_30

    return to_openapi_30(description)


def _yaml(description: JsonObject) -> bytes:
    import yaml

    text: str = yaml.safe_dump(description, sort_keys=False, allow_unicode=True, width=110)
    return text.encode()


def landing_page(description: Mapping[str, JsonValue], prefix: str) -> bytes:
    """The page at `/`: what is served, and where."""
    links = [(f"{prefix}/docs", "Reference", "every operation, its parameters, bodies and responses")]
    links += [*_description_links(prefix), ("/healthz", "Health", "answers 200 while the server runs")]
    return templating.render("landing.html", title=_title(description), links=links)


def reference_page(description: Mapping[str, JsonValue], prefix: str) -> bytes:
    """The API reference of an API description that is served below the prefix."""
    return templating.render(
        "api_reference.html",
        title=_title(description),
        links=_description_links(prefix),
        description_path=f"{prefix}/openapi.json",
        security_scheme=next(_security_schemes(description), ""),
    )


def _description_links(prefix: str) -> list[tuple[str, str, str]]:
    return [
        (f"{prefix}/openapi.json", "OpenAPI 3.1", "the API description as JSON"),
        (f"{prefix}/openapi.yaml", "OpenAPI 3.1", "the API description as YAML"),
        (f"{prefix}/openapi-3.0.json", "OpenAPI 3.0", "for tools that need it"),
    ]


def _security_schemes(description: Mapping[str, JsonValue]) -> Iterator[str]:
    """The security schemes that operations require, in the order of the API description."""
    for operation in operations(description):
        for requirement in operation.node.get("security", ()):
            yield from requirement


def _title(description: Mapping[str, JsonValue]) -> str:
    info = description.get("info")
    return str(info.get("title", "API")) if isinstance(info, Mapping) else "API"
