"""Response rules over headers, and over what no response may show: traces and secrets."""

from __future__ import annotations

import re
from collections.abc import Iterable

from orgbilling_openapi.strict_json import StrictJsonError

from orgbilling_conformance.api_description import PROBLEM
from orgbilling_conformance.exchange import Exchange, address_parts, shorten, strings
from orgbilling_conformance.rules.rule import ResponseCheck, RuleContext, RuleViolation
from orgbilling_conformance.schema_validation import REFERENCE

SHORT = 16
"""A token of fewer characters could be in any text."""

TRACE = re.compile(
    r"Traceback \(most recent call last\)|File \"[^\"]+\", line \d+|goroutine \d+ \[|\bpanic: |\.go:\d+\b"
    r"|\n[ \t]+at [\w.$<>]+ ?\(|\(\w+\.(?:java|kt|scala):\d+\)|\.(?:js|ts|py|rb):\d+(?::\d+)?\b"
    r"|Exception in thread|SQLSTATE\[|pq: |syntax error at or near"
    r"|/usr/(?:local|lib)/|/home/\w+/|/site-packages/"
)
MARKS = ("sk_", "rk_", "whsec_", "-----BEGIN", "AKIA", "://", "eyJ")
"""What every secret has; looking for these alone is quick."""

SECRET = re.compile(
    r"\b(?:sk|rk)_(?:live|test)_\w{8,}|\bwhsec_\w{8,}"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY|\bAKIA[0-9A-Z]{16}\b"
    r"|\b\w+://[^/\s:@]+:[^/\s:@]+@|(?<![\w-])eyJ[\w-]{10,}\.eyJ[\w-]{10,}"
)


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


def leak_trace(exchange: Exchange, context: RuleContext) -> Iterable[RuleViolation] | None:
    """Traces, in errors: what people write about themselves may look like anything."""
    if exchange.response.status < 400:
        return None
    sent = (exchange.request.body or b"").decode("utf-8", "replace") + " ".join(
        value for name in ("days", "limit", "cursor") for value in exchange.request.values(name)
    )
    for text in _texts(exchange):
        match = TRACE.search(text)
        if match and match[0] not in sent:
            return [RuleViolation("leak-trace", "", "no internals", shorten(text[match.start() :]))]
    return []


def leak_secret(exchange: Exchange, context: RuleContext) -> Iterable[RuleViolation] | None:
    """Secrets, in any answer; what was sent must not come back either."""
    response = exchange.response
    text = response.body.decode("utf-8", "replace") + "\n" + "\n".join(value for _, value in response.headers)
    if any(len(secret) >= SHORT and secret in text for secret in context.secrets):
        return [RuleViolation("leak-secret", "", "no token", "the token that was sent")]
    match = SECRET.search(text) if any(mark in text for mark in MARKS) else None
    return [RuleViolation("leak-secret", "", "no secret", f"{match[0][:8]}…")] if match else []


def _texts(exchange: Exchange) -> Iterable[str]:
    body = exchange.response.parsed
    if isinstance(body, StrictJsonError):
        return [exchange.response.body.decode("utf-8", "replace")]
    return strings(body)


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
    (("leak-trace",), leak_trace),
    (("leak-secret",), leak_secret),
    (("cors",), cors),
    (("cache",), cache),
    (("challenge",), challenge),
)
