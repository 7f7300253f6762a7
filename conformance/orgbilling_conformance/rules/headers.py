"""Response rules over headers."""

from __future__ import annotations

import re
from collections.abc import Iterable

from orgbilling_openapi.strict_json import StrictJsonError

from orgbilling_conformance.api_description import PROBLEM
from orgbilling_conformance.exchange import Exchange, address_parts, shorten
from orgbilling_conformance.rules.rule import ResponseCheck, RuleContext, RuleViolation
from orgbilling_conformance.schema_validation import REFERENCE


def schema_link(exchange: Exchange, context: RuleContext) -> Iterable[RuleViolation] | None:
    """`$schema` in a body."""
    body, name = exchange.response.json, _name(exchange, context)
    if not name or not isinstance(body, dict) or "$schema" not in body:
        return None
    value = body["$schema"]
    if isinstance(value, str) and _names(value, name):
        return []
    expected = f"an address, relative or absolute, that ends with /schemas/{name}.json"
    # That it is an address is a fact; which one is only shown.
    basis = "assumed" if isinstance(value, str) and REFERENCE.fullmatch(value) else ""
    node = ("components", "schemas", name, "properties", "$schema")
    return [RuleViolation("schema-link", "/$schema", expected, shorten(value), basis, node)]


def link(exchange: Exchange, context: RuleContext) -> Iterable[RuleViolation] | None:
    """`Link` with rel="describedBy"."""
    value, name = exchange.response.header("link"), _name(exchange, context)
    if value is None or not name:
        return None
    for address, rest in re.findall(r"<([^<>]*)>([^<]*)", value):
        if re.search(r"rel=\"?describedby\"?", rest, re.IGNORECASE) and not _names(address, name):
            return [RuleViolation("link", "header/Link", f"…/schemas/{name}.json", shorten(value))]
    return []


def _names(address: str, name: str) -> bool:
    return address_parts(address).path.endswith(f"/schemas/{name}.json") and not re.search(r"\s", address)


def _name(exchange: Exchange, context: RuleContext) -> str:
    """The name of the schema that the body has to have; empty where it has none."""
    operation = context.api.operations.get(exchange.operation)
    if operation is None or isinstance(exchange.response.parsed, StrictJsonError):
        return ""
    if exchange.response.status == 200 and operation.success:
        return context.api.name(operation.success)
    error = exchange.response.status >= 400 and exchange.response.media == PROBLEM
    return "ErrorModel" if error else ""


def cors(exchange: Exchange, context: RuleContext) -> Iterable[RuleViolation] | None:
    """Origin and credentials fit each other, and the caller."""
    allowed, origin = (
        exchange.response.header("access-control-allow-origin"),
        exchange.request.header("origin"),
    )
    if allowed is None:
        return None
    if exchange.response.header("access-control-allow-credentials") == "true" and allowed == "*":
        return [
            RuleViolation("cors", "header/Access-Control-Allow-Origin", "one origin", "* with credentials")
        ]
    if allowed not in ("*", "null", origin) and ("," in allowed or " " in allowed or "://" not in allowed):
        return [
            RuleViolation("cors", "header/Access-Control-Allow-Origin", "* or one origin", shorten(allowed))
        ]
    return []


def cache(exchange: Exchange, context: RuleContext) -> Iterable[RuleViolation] | None:
    """No shared cache."""
    if exchange.response.status != 200 or not exchange.operation:
        return None
    value = (exchange.response.header("cache-control") or "").lower()
    if re.search(r"\bpublic\b|\bs-maxage\b", value):
        return [RuleViolation("cache", "header/Cache-Control", "private, or no-store", shorten(value))]
    return []


def challenge(exchange: Exchange, context: RuleContext) -> Iterable[RuleViolation] | None:
    """WWW-Authenticate on 401."""
    if exchange.response.status != 401:
        return None
    if exchange.response.header("www-authenticate"):
        return []
    if exchange.response.hides("www-authenticate"):
        return None
    return [RuleViolation("challenge", "header/WWW-Authenticate", "Bearer …", "absent")]


RESPONSE_CHECKS: tuple[tuple[tuple[str, ...], ResponseCheck], ...] = (
    (("schema-link",), schema_link),
    (("link",), link),
    (("cors",), cors),
    (("cache",), cache),
    (("challenge",), challenge),
)
