"""An exchange as bytes, for the table that several processes share: everything once more redacted.

What is in memory is redacted again when it is shown (`journal.serializers`), passwords by the names of their
members only then. Nothing that would be masked there is written to a disk.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import cast

import orjson
from orgbilling_openapi.redaction import redact, redact_bytes, redact_json
from orgbilling_openapi.strict_json import JsonValue, is_too_deep

from orgbilling_stubs.auth.principal import Principal
from orgbilling_stubs.http.context import AppliedFault
from orgbilling_stubs.journal.exchange import EXCERPT_BYTES, Exchange, RecordedError

FORMAT = 1
"""The first item of the list that an exchange becomes."""
_CACHED = 256
"""How many bodies and headers are remembered: clients that poll get the same ones again."""

_OWN = b"x-trace-id"
"""The header that differs in every response, and that no client has a part in."""


class UnknownEncodingError(ValueError):
    """Bytes that another version of this program has written, or none has."""


def encode(exchange: Exchange) -> bytes:
    """An exchange as bytes."""
    principal, error, fault = exchange.principal, exchange.error, exchange.fault
    row = [
        FORMAT,
        exchange.trace,
        exchange.began_ns,
        exchange.took_ns,
        exchange.organization,
        exchange.operation,
        exchange.method,
        _path(exchange.path),
        exchange.query.decode("latin-1"),
        _headers(exchange.request_headers),
        exchange.credentials,
        None if principal is None else _principal(principal),
        _body(exchange.request_body, len(exchange.request_body) >= EXCERPT_BYTES),
        exchange.status,
        _headers(exchange.response_headers),
        _body(exchange.response_body, exchange.response_size > len(exchange.response_body)),
        exchange.response_size,
        error,
        exchange.version_before,
        exchange.version_after,
        exchange.generation,
        exchange.now_ms,
        None if fault is None else [redact(fault.text), fault.override, fault.rules],
        exchange.answered_by,
        exchange.held_bytes,
    ]
    try:
        return orjson.dumps(row)
    except TypeError:  # a character that is none, in a path or an error
        return orjson.dumps(_writable(row))


def decode(content: bytes) -> Exchange:
    """The exchange of bytes; raises UnknownEncodingError."""
    try:
        number, *values = orjson.loads(content)
        if number != FORMAT:
            raise UnknownEncodingError(f"an exchange of format {number}")
        written = Exchange(*values)
        principal, error, fault = written.principal, written.error, written.fault
        if principal is not None:
            principal = Principal(*cast("tuple[str, str, str, str | None, int]", principal))
        if error is not None:
            name, detail, findings = error
            error = RecordedError(name, detail, tuple((place, text) for place, text in findings))
        if fault is not None:
            text, override, rules = cast("tuple[str, str, list[tuple[str, int]]]", fault)
            fault = AppliedFault(text, override, tuple((rule, match) for rule, match in rules))
        return written._replace(
            query=_bytes(written.query),
            request_headers=_header_bytes(written.request_headers),
            principal=principal,
            request_body=_bytes(written.request_body),
            response_headers=_header_bytes(written.response_headers),
            response_body=_bytes(written.response_body),
            error=error,
            fault=fault,
        )
    except (AttributeError, TypeError, ValueError) as problem:
        raise UnknownEncodingError(str(problem)) from problem


def _header_bytes(headers: Iterable[tuple[object, object]]) -> list[tuple[bytes, bytes]]:
    return [(_bytes(name), _bytes(value)) for name, value in headers]


def _bytes(text: object) -> bytes:
    return cast("str", text).encode("latin-1")


@lru_cache(_CACHED)
def _principal(principal: Principal) -> list[str | int | None]:
    session = None if principal.session is None else redact(principal.session)
    return [
        principal.organization,
        redact(principal.role),
        redact(principal.subject),
        session,
        principal.expires_ms,
    ]


def _headers(headers: Sequence[tuple[bytes, bytes]]) -> list[tuple[str, str]]:
    return [
        (name.decode("latin-1"), value.decode("latin-1") if name == _OWN else _header_value(value))
        for name, value in headers
    ]


@lru_cache(_CACHED)
def _path(path: str) -> str:
    return redact(path)


@lru_cache(_CACHED)
def _header_value(value: bytes) -> str:
    return redact(value.decode("latin-1"))


@lru_cache(_CACHED)
def _body(content: bytes, cut: bool) -> str:
    """A body, or its beginning, without what would be masked when it is shown."""
    clean = redact_bytes(content)
    if not cut and content:
        try:
            value: JsonValue = orjson.loads(clean)
            masked = value if is_too_deep(value) else redact_json(value)
        except ValueError:
            pass
        else:
            clean = clean if masked == value else orjson.dumps(masked)
    return clean.decode("latin-1")


def _writable(value: object) -> object:
    """A value whose texts have a question mark for each character that is none."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    return [_writable(item) for item in value] if isinstance(value, (list, tuple)) else value
