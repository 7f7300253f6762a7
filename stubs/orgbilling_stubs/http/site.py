"""What is served beside the operations: the API description, JSON Schemas, the API reference, health.

The API reference is Scalar (https://scalar.com), shipped in `static/`; `make api-reference` renews it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache, lru_cache

import orjson
from orgbilling_openapi.operations import operations
from orgbilling_openapi.strict_json import JsonObject, JsonValue
from starlette.types import ASGIApp, Receive, Scope, Send

from orgbilling_stubs.auth.authorization import READ_METHODS
from orgbilling_stubs.http import templating
from orgbilling_stubs.http.command_name import command_name
from orgbilling_stubs.http.context import Headers, Response
from orgbilling_stubs.http.errors import METHOD_WRONG, ROUTE_UNKNOWN, Problem
from orgbilling_stubs.http.request_head import first_values
from orgbilling_stubs.http.responses import Responder, entity_tag, matches

YAML = b"application/yaml"
JSON = b"application/json"
HTML = b"text/html; charset=utf-8"
JSON_SCHEMA = b"application/schema+json"
DIALECT = "https://json-schema.org/draft/2020-12/schema"
HEALTH_PATH = "/healthz"
SCHEMA_POINTER = "#/components/schemas/"
CACHED_BASE_PATHS = 4
"""For how many base paths each document is kept: few servers are reached under more than one."""

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""What a page may load. Scalar sets styles in the page, so styles cannot be restricted to files."""

PAGE_HEADERS: Headers = [
    (b"content-security-policy", CONTENT_SECURITY_POLICY.encode()),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
    (b"content-language", b"en"),
]


class Site:
    """The inner application: documents, landing page, lifespan, and 404 for everything else.

    documents: more to serve, by path: media type and bytes. closing: called once when the server stops.
    """

    def __init__(
        self,
        description: JsonObject,
        prefix: str,
        responder: Responder,
        documents: Mapping[str, tuple[str, bytes]],
        closing: Callable[[], None] | None = None,
    ) -> None:
        self._description = description
        self._prefix = prefix
        self._schemas = description.get("components", {}).get("schemas", {})
        self._schema_path = f"{prefix}/schemas/"
        self._responder = responder
        self._closing = closing
        self._routes: dict[str, ASGIApp] = {}
        render_by_path: dict[str, tuple[bytes, Callable[[str], bytes]]] = {
            HEALTH_PATH: (JSON, lambda _: b'{"status":"ok"}'),
            f"{prefix}/docs": (HTML, lambda base: reference_page(description, prefix, base)),
            f"{prefix}/openapi.json": (JSON, lambda base: orjson.dumps(_served(description, base))),
            f"{prefix}/openapi.yaml": (YAML, lambda base: _yaml(_served(description, base))),
            f"{prefix}/openapi-3.0.json": (
                JSON,
                lambda base: orjson.dumps(_openapi_30(_served(description, base))),
            ),
            f"{prefix}/openapi-3.0.yaml": (YAML, lambda base: _yaml(_openapi_30(_served(description, base)))),
        }
        self._rendered = {
            path: (media_type, lru_cache(CACHED_BASE_PATHS)(render))
            for path, (media_type, render) in render_by_path.items()
        }
        self._documents = {
            path: (media_type.encode("latin-1"), body) for path, (media_type, body) in documents.items()
        }

    def mount(self, routes: Mapping[str, ASGIApp]) -> None:
        """Serve applications, by path prefix: every path below it, and without a slash at its end, itself."""
        self._routes |= routes

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
        is_own = path == "/" or path in self._documents or path in self._rendered
        is_own = is_own or path.removeprefix(self._schema_path).removesuffix(".json") in self._schemas
        if is_own or path.startswith(templating.STATIC_FOLDER):
            return None
        for start, app in self._routes.items():
            if path == start or path.startswith(start if start.endswith("/") else f"{start}/"):
                return app
        return None

    async def _serve(self, scope: Scope, send: Send) -> None:
        responder = self._responder
        request_headers = first_values(scope["headers"])
        try:
            media_type, body, more_headers = self._content(scope, request_headers)
        except Exception as error:
            is_unknown = getattr(error, "code", "") == ROUTE_UNKNOWN.code
            if is_unknown and scope["method"] in READ_METHODS and prefers_html(request_headers):
                await responder.send(scope, send, self._unknown_page(scope, request_headers))
            else:
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
        is_document = path == "/" or path in self._documents or path in self._rendered
        if not (is_file or is_schema or is_document):
            raise Problem(ROUTE_UNKNOWN)
        if scope["method"] not in READ_METHODS:
            raise Problem(METHOD_WRONG, headers={"Allow": "GET, HEAD, OPTIONS"})
        if is_file:
            return _static_file(file_name, b"gzip" in request_headers.get(b"accept-encoding", b""))
        if path in self._documents:
            return *self._documents[path], []
        public_url = self._responder.public_urls.of(scope, request_headers)
        if is_schema:
            base_url = public_url.schema_url + self._schema_path
            return JSON_SCHEMA, _published_schema(self._schemas, schema_name, base_url), []
        if path == "/":
            page = landing_page(self._description, self._prefix, public_url.base_url, public_url.path)
            return HTML, page, PAGE_HEADERS
        media_type, render = self._rendered[path]
        return media_type, render(public_url.path), PAGE_HEADERS if media_type == HTML else []

    def _unknown_page(self, scope: Scope, request_headers: Mapping[bytes, bytes]) -> Response:
        """The page of an address that leads nowhere, with links that lead somewhere."""
        base_path = self._responder.public_urls.of(scope, request_headers).path
        body = templating.render("not_found.html", base_path, title="Not found", prefix=self._prefix)
        headers: Headers = [
            (b"content-type", HTML),
            (b"content-length", str(len(body)).encode()),
            (b"x-trace-id", self._responder.trace().encode()),
            (b"vary", b"Accept"),
            *PAGE_HEADERS,
        ]
        return Response(404, headers, body)

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


def _served(description: JsonObject, base_path: str) -> JsonObject:
    """The API description as a client sees it for whom a proxy adds a path in front of ours."""
    servers = [{**server, "url": base_path + server["url"]} for server in description["servers"]]
    return {**description, "servers": servers}


def _openapi_30(description: JsonObject) -> JsonObject:
    from orgbilling_openapi.version_conversion import to_openapi_30

    return to_openapi_30(description)


def _yaml(description: JsonObject) -> bytes:
    import yaml

    text: str = yaml.safe_dump(description, sort_keys=False, allow_unicode=True, width=110)
    return text.encode()


def prefers_html(headers: Mapping[bytes, bytes]) -> bool:
    """Whether a request comes from a browser that shows a page, not from a program that reads JSON."""
    accept = headers.get(b"accept", b"").lower()
    return b"text/html" in accept and b"json" not in accept


def landing_page(description: Mapping[str, JsonValue], prefix: str, base_url: str, base_path: str) -> bytes:
    """The page at `/`: what this is, where everything is, lines to paste, and the personas.

    base_url: of the server, for the lines to paste. base_path: the path in it, for links.
    """
    links = [
        ("/_mock/", "Console", "every state with one click, requests and why, a form for each operation"),
        (f"{prefix}/docs", "API reference", "every operation, its parameters, bodies and responses"),
        ("/_mock/docs", "Control reference", "the API that drives this server"),
        *_description_links(prefix),
        ("/llms.txt", "For coding agents", "how a program that writes code drives this server"),
        (HEALTH_PATH, "Health", "answers 200 while the server runs"),
    ]
    return templating.render(
        "landing.html",
        base_path,
        title=_title(description),
        links=links,
        api_url=f"{base_url}{prefix}",
        control_url=f"{base_url}/_mock/v1",
        personas=_personas(),
        command=command_name(),
    )


@cache
def _personas() -> list[tuple[str, str]]:
    """The organization that each shipped persona names, and what it shows."""
    from orgbilling_fixtures import personas  # late: most servers show no page

    return [(f"org_{name}", personas.load(name).shows) for name in personas.names()]


def reference_page(description: Mapping[str, JsonValue], prefix: str, base_path: str) -> bytes:
    """The API reference of an API description that is served below the prefix."""
    return templating.render(
        "api_reference.html",
        base_path,
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
