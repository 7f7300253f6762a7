"""An exchange as the control API shows it: everything once more redacted, bodies cut."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from orgbilling_stubs.auth.redaction import redact
from orgbilling_stubs.billing import instants
from orgbilling_stubs.journal.exchange import EXCERPT_BYTES, Exchange


def document(exchange: Exchange) -> dict[str, Any]:
    """The JSON form of an exchange."""
    query = exchange.query.decode("latin-1")
    body, payload = exchange.body, exchange.payload
    return {
        "trace": exchange.trace,
        "at": instants.text(exchange.began_ns // 1_000_000),
        "organization": exchange.organization or None,
        "operation": exchange.operation,
        "method": exchange.method,
        "path": redact(f"{exchange.path}?{query}" if query else exchange.path),
        "status": exchange.status or None,
        "milliseconds": exchange.took_ns // 1_000 / 1_000,
        "fault": None if exchange.fault is None else redact(exchange.fault.text),
        "error": None if exchange.refusal is None else exchange.refusal.name,
        "request": {
            "credentials": _credentials(exchange),
            "headers": _headers(exchange.headers),
            "body": _body(body, len(body) >= EXCERPT_BYTES),
        },
        "response": {
            "headers": _headers(exchange.out),
            "body": _body(payload, exchange.size > len(payload)),
            "bytes": exchange.size,
        },
    }


def _credentials(exchange: Exchange) -> dict[str, Any]:
    """Who asked, as far as the token was believed; of the token itself only its kind."""
    who = exchange.principal
    shown: dict[str, Any] = {"kind": exchange.credentials or "none"}
    if who is not None:
        shown |= {
            "organization": who.organization,
            "role": who.role,
            "subject": who.subject,
            "session": who.session,
            "expires": instants.text(who.expires_ms),
        }
    return shown


def _headers(headers: Sequence[tuple[bytes, bytes]]) -> dict[str, str]:
    shown: dict[str, str] = {}
    for raw_name, raw_value in headers:
        name, value = raw_name.decode("latin-1"), redact(raw_value.decode("latin-1"))
        shown[name] = f"{shown[name]}, {value}" if name in shown else value
    return shown


def _body(content: bytes, cut: bool) -> Any:
    """JSON where it is whole; else its beginning as a text; None where there is none."""
    if not content:
        return None
    text = redact(content.decode("utf-8", "replace"))
    if cut:
        return text + "…"
    try:
        return orjson.loads(text)
    except ValueError:
        return text
