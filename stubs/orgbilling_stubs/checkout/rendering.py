"""Templates to bytes. Jinja2 is imported with this module, so with the first page and not before."""

from __future__ import annotations

from functools import cache
from hashlib import blake2b
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from orgbilling_stubs.billing import instants
from orgbilling_stubs.checkout.reply import Reply

STATIC = {"style.css": "text/css; charset=utf-8", "icon.svg": "image/svg+xml"}
FOLDER = "/_mock/checkout/"


@cache
def static(name: str) -> bytes:
    """A file that the pages load."""
    return files("orgbilling_stubs.checkout").joinpath("templates", name).read_bytes()


@cache
def address(name: str) -> str:
    """The path of a file, which changes with its content."""
    return f"{FOLDER}{name}?{blake2b(static(name), digest_size=6).hexdigest()}"


@cache
def environment() -> Environment:
    """The templates: everything put into them is escaped, and what is missing is an error."""
    made = Environment(
        loader=PackageLoader("orgbilling_stubs.checkout"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals["asset"] = address
    made.filters["date"] = format_day
    return made


def format_day(at_ms: int) -> str:
    """A day as people write it: 9 March 2026."""
    moment = instants.moment(at_ms)
    return f"{moment.day} {moment:%B} {moment.year}"


def render_page(
    name: str, status: int = 200, *, headers: dict[str, str] | None = None, **values: Any
) -> Reply:
    """A template, filled in."""
    text = environment().get_template(f"{name}.html").render(**values)
    return Reply(status, text.encode("utf-8", "replace"), headers=headers or {})


def asset(name: str) -> Reply:
    """A file that the pages load; its address changes with it, so it may be kept."""
    return Reply(200, static(name), STATIC[name], {"cache-control": "public, max-age=31536000, immutable"})
