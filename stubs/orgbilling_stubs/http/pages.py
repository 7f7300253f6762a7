"""The landing page and the API reference: Jinja2 templates, and the files that they load.

The API reference is Scalar (https://scalar.com), shipped in `static/`; `make api-reference` renews it.
Nothing is loaded from another server. Jinja2 is imported with the first page, because most servers show none.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Mapping
from functools import cache
from hashlib import blake2b
from importlib.resources import files
from typing import TYPE_CHECKING

from orgbilling_openapi.operations import operations
from orgbilling_openapi.strict_json import JsonValue

if TYPE_CHECKING:
    from jinja2 import Environment

STATIC_FOLDER = "/_mock/static/"
STATIC_FILES: Mapping[str, bytes] = {
    "api-reference.js": b"text/javascript; charset=utf-8",
    "landing.css": b"text/css; charset=utf-8",
    "scalar-api-reference.js": b"text/javascript; charset=utf-8",
}
"""The files that pages load, and their media types."""

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
FILE_HEADERS: tuple[tuple[bytes, bytes], ...] = (
    # The address of a file changes with its content, so a browser may keep it.
    (b"cache-control", b"public, max-age=31536000, immutable"),
    (b"x-content-type-options", b"nosniff"),
    (b"vary", b"Accept-Encoding"),
)


def landing(description: Mapping[str, JsonValue], prefix: str) -> bytes:
    """The page at `/`: what is served, and where."""
    links = [(f"{prefix}/docs", "Reference", "every operation, its parameters, bodies and responses")]
    links += [*_description_links(prefix), ("/healthz", "Health", "answers 200 while the server runs")]
    return _render("landing.html", title=_title(description), links=links)


def reference(description: Mapping[str, JsonValue], prefix: str) -> bytes:
    """The API reference of an API description that is served below the prefix."""
    return _render(
        "api_reference.html",
        title=_title(description),
        links=_description_links(prefix),
        description_path=f"{prefix}/openapi.json",
        security_scheme=next(_security_schemes(description), ""),
    )


def static_file(name: str, *, compressed: bool) -> bytes:
    """A file that pages load, gzip-compressed or not. Raises KeyError when there is no such file."""
    if name not in STATIC_FILES:
        raise KeyError(name)
    packed = _packed(name)
    return packed if compressed else gzip.decompress(packed)


@cache
def static_path(name: str) -> str:
    """The path of a file, which changes with its content."""
    return f"{STATIC_FOLDER}{name}?{blake2b(_packed(name), digest_size=6).hexdigest()}"


@cache
def _packed(name: str) -> bytes:
    folder = files("orgbilling_stubs.http").joinpath("static")
    shipped = folder.joinpath(f"{name}.gz")
    if shipped.is_file():
        return shipped.read_bytes()
    return gzip.compress(folder.joinpath(name).read_bytes(), mtime=0)


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


def _render(template: str, **values: object) -> bytes:
    return _environment().get_template(template).render(**values).encode("utf-8", "replace")


@cache
def _environment() -> Environment:
    """The templates: every value put into them is escaped, and a missing value is an error."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("orgbilling_stubs.http"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["asset"] = static_path
    return environment
