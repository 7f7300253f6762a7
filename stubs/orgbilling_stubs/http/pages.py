"""The landing page and the API reference.

The API reference is Scalar (https://scalar.com), shipped in `static/`; `make api-reference` renews it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from orgbilling_openapi.operations import operations
from orgbilling_openapi.strict_json import JsonValue

from orgbilling_stubs.http import templating

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""What a page may load. Scalar sets styles in the page, so styles cannot be restricted to files."""

PAGE_HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"content-security-policy", CONTENT_SECURITY_POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
)


def landing(description: Mapping[str, JsonValue], prefix: str) -> bytes:
    """The page at `/`: what is served, and where."""
    links = [(f"{prefix}/docs", "Reference", "every operation, its parameters, bodies and responses")]
    links += [*_description_links(prefix), ("/healthz", "Health", "answers 200 while the server runs")]
    return templating.render("landing.html", title=_title(description), links=links)


def reference(description: Mapping[str, JsonValue], prefix: str) -> bytes:
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
