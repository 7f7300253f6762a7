"""Reading and validating a request: media type, size, syntax, schema."""

from __future__ import annotations

import hashlib
from collections.abc import Coroutine, Sequence

import orjson
from orgbilling_openapi.redaction import may_hold_secret, redact

from orgbilling_stubs.billing.events import Idempotency
from orgbilling_stubs.http.context import RequestContext
from orgbilling_stubs.http.errors import INVALID, Problem
from orgbilling_stubs.http.json_schemas import ErrorDetail, error_detail
from orgbilling_stubs.http.parameters import Parameters
from orgbilling_stubs.http.request_body import RequestBody, receive_body

NO_ERRORS: Sequence[ErrorDetail] = ()


def validate_request(context: RequestContext) -> Coroutine[object, object, None] | None:
    """Read and validate body, parameters and idempotency key; with a coroutine, if the body is not here yet.

    Raises `Problem`: for the first of media type, size and syntax that is wrong, else for everything that is.
    """
    readers = context.operation.readers or context.operation.compile_readers()
    request_body = readers.request_body
    body_errors = NO_ERRORS
    if request_body is not None:
        request_body.check_media_type(context.headers)
        if context.raw_body is None:
            return _receive(request_body, readers.parameters, context)
        context.body, body_errors = request_body.parse(context.raw_body)
    _read(context, readers.parameters, body_errors)
    return None


async def _receive(request_body: RequestBody, described: Parameters, context: RequestContext) -> None:
    context.raw_body = await receive_body(
        context.headers, context.connection.receive, limit_bytes=request_body.limit_bytes
    )
    context.body, body_errors = request_body.parse(context.raw_body)
    _read(context, described, body_errors)


def _read(context: RequestContext, described: Parameters, body_errors: Sequence[ErrorDetail]) -> None:
    """Read parameters and idempotency key. Raises `Problem` with all that is wrong with them and the body."""
    parameters, errors = described.read(context.query, context.path_parameters, context.headers)
    if errors or body_errors:
        raise Problem(INVALID, [*errors, *body_errors])
    context.parameters = parameters
    if not context.operation.safe:
        raw_key = context.headers.get(b"idempotency-key")
        if raw_key is not None:
            context.idempotency = idempotency(raw_key, context)


def idempotency(raw: bytes, context: RequestContext) -> Idempotency:
    """The `Idempotency-Key` of a request, with the fingerprint of what the request asks for."""
    key = raw.decode("latin-1")
    if not 1 <= len(key) <= 255 or not all("!" <= character <= "~" for character in key):
        message = "expected 1 to 255 visible ASCII characters"
        raise Problem(INVALID, [error_detail(message, "header.Idempotency-Key", key)])
    body = context.body
    content = body if isinstance(body, bytes) else orjson.dumps(body, option=orjson.OPT_SORT_KEYS)
    target = orjson.dumps(
        [context.operation.operation_id, dict(context.path_parameters)], option=orjson.OPT_SORT_KEYS
    )
    if may_hold_secret(raw) and redact(key) != key:  # the log keeps the key: a secret in it is not kept whole
        key = "sha256-" + hashlib.sha256(raw).hexdigest()
    return Idempotency(key, hashlib.blake2b(target + content, digest_size=16).hexdigest())
