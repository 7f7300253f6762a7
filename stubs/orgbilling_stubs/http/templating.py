"""What every page of the stub is made of: Jinja2 templates, and the files that they load.

Packages have templates of their own, which extend `http/templates/base.html`. All files that pages load are
in `http/static/` and served below `STATIC_FOLDER`; nothing is loaded from another server. Jinja2 is imported
with the first page, because most servers show none.

Every page is rendered with a base path: the path in the public URL, such as `/mock`, which a proxy takes off
before the request arrives; mostly it is empty. A template writes `{{ base_path }}` in front of each path of
this server.
"""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from functools import cache
from hashlib import blake2b
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Environment
    from jinja2.runtime import Context

SHARED_PACKAGE = "orgbilling_stubs.http"
STATIC_FOLDER = "/_mock/static/"
STATIC_FILES: Mapping[str, bytes] = {
    "api-reference.js": b"text/javascript; charset=utf-8",
    "console.css": b"text/css; charset=utf-8",
    "console.js": b"text/javascript; charset=utf-8",
    "console_faults.js": b"text/javascript; charset=utf-8",
    "console_time.css": b"text/css; charset=utf-8",
    "console_time.js": b"text/javascript; charset=utf-8",
    "console_money.js": b"text/javascript; charset=utf-8",
    "hosted-pages.css": b"text/css; charset=utf-8",
    "icon.svg": b"image/svg+xml",
    "landing.css": b"text/css; charset=utf-8",
    "payment-state.js": b"text/javascript; charset=utf-8",
    "scalar-api-reference.js": b"text/javascript; charset=utf-8",
    "theme.css": b"text/css; charset=utf-8",
    "uplot.css": b"text/css; charset=utf-8",
    "uplot.js": b"text/javascript; charset=utf-8",
}
"""The files that pages load, and their media types."""

STATIC_HEADERS: tuple[tuple[bytes, bytes], ...] = (
    # The address of a file changes with its content, so a browser may keep it.
    (b"cache-control", b"public, max-age=31536000, immutable"),
    (b"vary", b"Accept-Encoding"),
)


def render(template: str, base_path: str, *, package: str = SHARED_PACKAGE, **values: object) -> bytes:
    """A template of a package, filled in. Characters that UTF-8 cannot encode are replaced."""
    text = environment(package).get_template(template).render(base_path=base_path, **values)
    return text.encode("utf-8", "replace")


@cache
def environment(package: str) -> Environment:
    """The templates of a package and the shared ones.

    Every value put into them is escaped, and a missing value is an error.
    """
    from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined, pass_context

    @pass_context
    def asset(context: Context, name: str) -> str:
        return f"{context['base_path']}{static_path(name)}"

    packages = dict.fromkeys((package, SHARED_PACKAGE))
    templates = Environment(
        loader=ChoiceLoader([PackageLoader(name) for name in packages]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.globals["asset"] = asset
    return templates


def static_file(name: str, *, compressed: bool) -> bytes:
    """A file that pages load, gzip-compressed or not. Raises KeyError when there is no such file."""
    if name not in STATIC_FILES:
        raise KeyError(name)
    packed = _packed(name)
    return packed if compressed else gzip.decompress(packed)


@cache
def static_path(name: str) -> str:
    """The path of a file on this server, which changes with its content."""
    return f"{STATIC_FOLDER}{name}?{blake2b(_packed(name), digest_size=6).hexdigest()}"


@cache
def _packed(name: str) -> bytes:
    folder = files(SHARED_PACKAGE).joinpath("static")
    shipped = folder.joinpath(f"{name}.gz")
    if shipped.is_file():
        return shipped.read_bytes()
    return gzip.compress(folder.joinpath(name).read_bytes(), mtime=0)
