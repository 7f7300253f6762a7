"""Reading and validating a request, as a step of the pipeline: media type, size, syntax, schema."""

from __future__ import annotations

import hashlib
from collections.abc import Coroutine
from typing import Any

import orjson

from orgbilling_stubs.billing.events import Idempotency
from orgbilling_stubs.http.context import CallNext, RequestContext, Response
from orgbilling_stubs.http.errors import INVALID, Problem
from orgbilling_stubs.http.json_schemas import ErrorDetail, error_detail
from orgbilling_stubs.http.request_body import RequestBody, check_size, receive_body


def request_validation(call_next: CallNext) -> CallNext:
    """The step that reads body, parameters and idempotency key.

    Raises `Problem`: for the first of media type, size and syntax that is wrong, else for everything that is.
    """

    def validate(context: RequestContext) -> Coroutine[Any, Any, Response]:
        request_body = context.operation.request_body
        if request_body is None:
            _read(context, [])
            return call_next(context)
        request_body.check_media_type(context.headers.get(b"content-type"))
        raw_body = context.connection.take_body()
        if raw_body is None:
            return receive_and_validate(request_body, context)
        check_size(raw_body, request_body.limit_bytes)
        _parse(request_body, raw_body, context)
        return call_next(context)

    async def receive_and_validate(request_body: RequestBody, context: RequestContext) -> Response:
        raw_body = await receive_body(
            context.headers, context.connection.receive, limit_bytes=request_body.limit_bytes
        )
        _parse(request_body, raw_body, context)
        return await call_next(context)

    return validate


def _parse(request_body: RequestBody, raw_body: bytes, context: RequestContext) -> None:
    """Parse and validate the body, then read parameters and idempotency key."""
    context.raw_body = raw_body
    context.body, errors = request_body.parse(raw_body)
    _read(context, errors)


def _read(context: RequestContext, body_errors: list[ErrorDetail]) -> None:
    """Read parameters and idempotency key. Raises `Problem` with all that is wrong with them and the body."""
    operation = context.operation
    parameters, errors = operation.parameters.read(context.query, context.path_parameters, context.headers)
    if errors or body_errors:
        raise Problem(INVALID, errors + body_errors)
    context.parameters = parameters
    if not operation.safe:
        context.idempotency = idempotency(context)


def idempotency(context: RequestContext) -> Idempotency | None:
    """The `Idempotency-Key` of a request, with the fingerprint of what the request asks for."""
    raw = context.headers.get(b"idempotency-key")
    if raw is None:
        return None
    key = raw.decode("latin-1")
    if not 1 <= len(key) <= 255 or not all("!" <= character <= "~" for character in key):
        message = "expected 1 to 255 visible ASCII characters"
        raise Problem(INVALID, [error_detail(message, "header.Idempotency-Key", key)])
    body = context.body
    content = body if isinstance(body, bytes) else orjson.dumps(body, option=orjson.OPT_SORT_KEYS)
    target = orjson.dumps(
        [context.operation.operation_id, dict(context.path_parameters)], option=orjson.OPT_SORT_KEYS
    )
    return Idempotency(key, hashlib.blake2b(target + content, digest_size=16).hexdigest())
