"""An exchange as the JSON of the control API: everything once more redacted, bodies cut."""

from __future__ import annotations

from collections.abc import Sequence

import orjson
from orgbilling_openapi.redaction import redact, redact_json
from orgbilling_openapi.strict_json import JsonObject, JsonValue, is_too_deep

from orgbilling_stubs.billing import instants
from orgbilling_stubs.journal.exchange import EXCERPT_BYTES, Exchange


def exchange_document(exchange: Exchange) -> JsonObject:
    """The schema Exchange."""
    body, payload = exchange.request_body, exchange.response_body
    return exchange_summary(exchange) | {
        "request": {
            "credentials": _credentials(exchange),
            "headers": _headers(exchange.request_headers),
            "body": _body(body, len(body) >= EXCERPT_BYTES),
        },
        "response": {
            "headers": _headers(exchange.response_headers),
            "body": _body(payload, exchange.response_size > len(payload)),
            "bytes": exchange.response_size,
        },
    }


def exchange_summary(exchange: Exchange) -> JsonObject:
    """The schema Exchange without request and response: what a table shows of many exchanges."""
    query = exchange.query.decode("latin-1")
    return {
        "trace": exchange.trace,
        "at": instants.text(exchange.began_ns // 1_000_000),
        "organization": exchange.organization or None,
        "operation": exchange.operation,
        "method": exchange.method,
        "path": redact(f"{exchange.path}?{query}" if query else exchange.path),
        "status": exchange.status or None,
        "answeredBy": exchange.answered_by,
        "milliseconds": exchange.took_ns // 1_000 / 1_000,
        "fault": None if exchange.fault is None else redact(exchange.fault.text),
        "error": None if exchange.error is None else exchange.error.name,
    }


def _credentials(exchange: Exchange) -> JsonObject:
    """The principal that the token led to; of the token itself only its kind."""
    principal = exchange.principal
    credentials: JsonObject = {"kind": exchange.credentials or "none"}
    if principal is not None:
        credentials |= {
            "organization": principal.organization,
            "role": redact(principal.role),
            "subject": redact(principal.subject),
            "session": None if principal.session is None else redact(principal.session),
            "expires": instants.text(principal.expires_ms),
        }
    return credentials


def _headers(headers: Sequence[tuple[bytes, bytes]]) -> dict[str, str]:
    values: dict[str, str] = {}
    for raw_name, raw_value in headers:
        name, value = raw_name.decode("latin-1"), redact(raw_value.decode("latin-1"))
        values[name] = f"{values[name]}, {value}" if name in values else value
    return values


def _body(content: bytes, cut: bool) -> JsonValue:
    """JSON where it is whole and not nested too deeply; else its beginning as a text; None for none."""
    if not content:
        return None
    text = redact(content.decode("utf-8", "replace"))
    if cut:
        return text + "…"
    try:
        value: JsonValue = orjson.loads(content)
    except ValueError:
        return text
    return text if is_too_deep(value) else redact_json(value)
