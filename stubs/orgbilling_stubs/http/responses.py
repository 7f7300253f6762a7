"""Responses: replies are validated and serialized, errors become problem documents."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Mapping
from itertools import count
from typing import Any

import orjson
from orgbilling_openapi.json_pointer import find
from starlette.types import Send

from orgbilling_stubs.http.connection import Connection, Disconnected
from orgbilling_stubs.http.context import (
    AnyReply,
    CallNext,
    EncodedReply,
    Headers,
    Reply,
    RequestContext,
    Response,
    Serialized,
    StreamReply,
)
from orgbilling_stubs.http.cors import VARY, Cors
from orgbilling_stubs.http.errors import BREACHED, CRASHED, TITLES, InvalidReply, ProblemType
from orgbilling_stubs.http.json_schemas import Schemas, Validator, types
from orgbilling_stubs.http.origin import Origin, Origins
from orgbilling_stubs.http.response_fitting import ResponseFitter
from orgbilling_stubs.http.validation_errors import validation_errors

LOG = logging.getLogger("orgbilling")

JSON = (b"content-type", b"application/json")
PROBLEM = (b"content-type", b"application/problem+json")


class DeclaredResponse:
    """One response of the description: its validator (None if it has no JSON body) and constant headers."""

    __slots__ = ("_head", "headers", "schema", "suffix", "validator")

    def __init__(self, declared: Mapping[str, Any], schemas: Schemas, prefix: str) -> None:
        content = declared.get("content", {})
        media = next((media_type for media_type in content if "json" in media_type), None)
        self.schema: Any = {}
        self.validator: Validator | None = None
        self.headers: Headers = []
        self.suffix: str | None = None
        self._head = ("", b"")
        if media is None:
            return
        schema = self.schema = content[media].get("schema", {})
        self.validator = schemas.validator(schema, "response")
        self.headers = [JSON if media == "application/json" else (b"content-type", media.encode("latin-1"))]
        reference = schema.get("$ref", "") if isinstance(schema, Mapping) else ""
        if reference and types(schemas.document, schema) in ((), ("object",)):
            name = reference.rpartition("/")[2]
            self.headers.append((b"link", describing(prefix, name)))
            if "$schema" in find(schemas.document, reference).get("properties", {}):
                self.suffix = f'{prefix}/schemas/{name}.json"'

    def head(self, schema_url: str) -> bytes:
        """How a body begins that names its schema, for clients that see the server there."""
        cached_url, head = self._head
        if cached_url != schema_url:
            head = f'{{"$schema":"{schema_url}{self.suffix}'.encode()
            self._head = schema_url, head
        return head


class DeclaredResponses:
    """The responses of one operation.

    declared: by status, status range (`4XX`) or `default`. safe: a 200 of the operation carries an ETag.
    fitter: fits replies that break the description; without it they are errors.
    """

    def __init__(
        self,
        operation_id: str,
        declared: Mapping[str, Mapping[str, Any]],
        schemas: Schemas,
        prefix: str,
        safe: bool,
        fitter: ResponseFitter | None = None,
    ) -> None:
        self._operation_id = operation_id
        self._declared = {
            status: DeclaredResponse(response, schemas, prefix) for status, response in declared.items()
        }
        self._by_status: dict[int, DeclaredResponse] = {}
        self._safe = safe
        self._fitter = fitter

    def serialize(self, context: RequestContext, reply: AnyReply) -> Response:
        """The response for a reply; 304 when the client has it already.

        Raises `Breach` for a reply that is not what the description says.
        """
        if isinstance(reply, StreamReply):
            return _streamed(context, reply)
        serialized = reply.serialized
        if serialized is None or serialized.origin is not context.origin:
            serialized = reply.serialized = self._serialize(reply, context.origin)
        trace = (b"x-trace-id", context.trace_id.encode())
        if serialized.tag is not None:
            condition = context.headers.get(b"if-none-match")
            if condition is not None and matches(condition, serialized.tag):
                return Response(304, [(b"etag", serialized.tag), trace])
        return Response(reply.status, [*serialized.headers, trace], serialized.payload)

    def _serialize(self, reply: Reply | EncodedReply, origin: Origin) -> Serialized:
        """Validate and serialize a reply, once however often it is given."""
        status = reply.status
        declared = self._by_status.get(status) or self._find(status)
        tag = None
        if isinstance(reply, EncodedReply):
            payload = reply.body
            tag = None if reply.etag is None else b'"' + reply.etag.encode("latin-1") + b'"'
        else:
            payload = self._payload(declared, status, reply.body)
        if declared.suffix is not None and payload[:1] == b"{":
            head = declared.head(origin.schema_url)
            payload = head + b"," + payload[1:] if len(payload) > 2 else head + b"}"
        headers = [*declared.headers]
        if payload or status != 204:
            headers.append((b"content-length", b"%d" % len(payload)))
        if reply.headers:
            headers += _encoded(reply.headers)
        if self._safe and status == 200:
            tag = tag or entity_tag(payload)
            headers.append((b"etag", tag))
        return Serialized(origin, headers, payload, tag)

    def _payload(self, declared: DeclaredResponse, status: int, body: Any) -> bytes:
        validator = declared.validator
        if validator is None:
            return b""
        if validator.is_valid(body):
            return orjson.dumps(body)
        if self._fitter is not None:
            return orjson.dumps(self._fitter.fitted(declared.schema, body))
        rows = validation_errors(validator, body, "body")
        text = "; ".join(f"{row['location']}: {row['message']}" for row in rows[:20])
        raise InvalidReply(f"{self._operation_id} {status} breaks the contract: {text}")

    def _find(self, status: int) -> DeclaredResponse:
        declared = self._declared.get(str(status)) or self._declared.get(f"{status // 100}XX")
        if declared is None and self._fitter is not None and status < 300:
            successes = (name for name in sorted(self._declared) if name.startswith("2"))
            declared = self._declared.get(next(successes, "default"))
        declared = declared or self._declared.get("default")
        if declared is None:
            raise InvalidReply(f"{self._operation_id}: the contract has no response {status}")
        self._by_status[status] = declared
        return declared


def _streamed(context: RequestContext, reply: StreamReply) -> Response:
    headers = [
        (b"content-type", reply.media),
        (b"x-trace-id", context.trace_id.encode()),
        (b"cache-control", b"no-store"),
    ]

    async def deliver(response: Response, connection: Connection) -> None:
        await connection.start(response.status, response.headers)
        await reply.run(connection)

    return Response(200, headers, deliver=deliver)


def _encoded(headers: Mapping[str, str]) -> Headers:
    return [(name.lower().encode("latin-1"), text.encode("latin-1")) for name, text in headers.items()]


class ProblemResponses:
    """Makes a response of whatever error a later step of the pipeline raises."""

    async def __call__(self, context: RequestContext, call_next: CallNext) -> Response:
        """Answer the request; an error becomes a problem document."""
        try:
            return await call_next(context)
        except Disconnected:
            raise
        except Exception as error:
            return context.operation.problem(context, error)


class Responder:
    """Writes the responses of one server.

    prefix: the path under which the API and its schemas are served, e.g. "/api/v1".
    traces: gives the next trace id.
    """

    def __init__(self, prefix: str, cors: Cors, traces: Callable[[], str]) -> None:
        self.prefix = prefix
        self.cors = cors
        self.trace = traces
        self.origins = Origins()
        self.error_link = describing(prefix, "ErrorModel")

    def finish(self, request: Mapping[bytes, bytes], headers: Headers) -> None:
        """Add to the headers of an answer what every answer carries."""
        headers.append(VARY)
        origin = request.get(b"origin")
        if origin is not None:
            headers += self.cors.headers(origin)

    async def write(
        self, send: Send, status: int, headers: Headers, payload: bytes, *, head: bool = False
    ) -> None:
        """Send an answer as it is. A response to HEAD keeps its headers, not its body."""
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if head else payload})

    async def send(
        self,
        send: Send,
        request: Mapping[bytes, bytes],
        status: int,
        headers: Headers,
        payload: bytes = b"",
        *,
        head: bool = False,
    ) -> None:
        """Send one response; `headers` is added to."""
        self.finish(request, headers)
        await self.write(send, status, headers, payload, head=head)

    def problem(self, error: Exception, origin: Origin, trace: str) -> Response:
        """The problem document for an error: the error itself, or a 500 that gives nothing away."""
        status = getattr(error, "status", None)
        if not isinstance(status, int) or not hasattr(error, "code"):
            return self._crash(error, origin, trace)
        LOG.info("%s %d %s", trace, status, error.code)
        body = self.document(origin, status, str(getattr(error, "detail", "")), getattr(error, "errors", ()))
        headers = self.problem_headers(trace, body)
        headers += [(name.lower().encode("latin-1"), text.encode("latin-1")) for name, text in _extra(error)]
        return Response(status, headers, body)

    def _crash(self, error: Exception, origin: Origin, trace: str) -> Response:
        row: ProblemType = BREACHED if isinstance(error, InvalidReply) else CRASHED
        LOG.error(
            "%s %s: %s", trace, row.code, error, exc_info=None if isinstance(error, InvalidReply) else error
        )
        body = self.document(origin, row.status, row.detail, (), instance=f"urn:trace:{trace}")
        return Response(row.status, self.problem_headers(trace, body), body)

    def problem_headers(self, trace: str, body: bytes) -> Headers:
        """The headers of a problem document."""
        return [
            PROBLEM,
            (b"link", self.error_link),
            (b"x-trace-id", trace.encode()),
            (b"content-length", str(len(body)).encode()),
        ]

    def document(
        self, origin: Origin, status: int, detail: str, errors: Any = (), instance: str | None = None
    ) -> bytes:
        """The JSON of a problem: `$schema`, title, status, detail, and what else there is to say."""
        body: dict[str, Any] = {
            "$schema": f"{origin.schema_url}{self.prefix}/schemas/ErrorModel.json",
            "title": TITLES.get(status, "Error"),
            "status": status,
            "detail": detail,
        }
        if instance is not None:
            body["instance"] = instance
        if errors:
            body["errors"] = [{k: v for k, v in row.items() if v is not None} for row in errors]
        return orjson.dumps(body)


def describing(prefix: str, schema: str) -> bytes:
    """The `Link` header that names the schema of a body."""
    return f'<{prefix}/schemas/{schema}.json>; rel="describedBy"'.encode()


def _extra(error: Exception) -> list[tuple[str, str]]:
    found = list(getattr(error, "headers", {}).items())
    challenge = getattr(error, "challenge", None)
    if challenge is None and getattr(error, "status", 0) == 401:
        challenge = 'Bearer realm="orgbilling"'
    if challenge is not None:
        found.append(("WWW-Authenticate", challenge))
    retry = getattr(error, "retry_after_s", None)
    if retry is not None:
        found.append(("Retry-After", str(retry)))
    return found


def entity_tag(payload: bytes) -> bytes:
    """A strong validator for these bytes, in quotes."""
    # SHA-1 for speed (half the time of BLAKE2 where the processor has it): nothing depends on its strength.
    return b'"' + hashlib.sha1(payload, usedforsecurity=False).hexdigest().encode() + b'"'


def matches(condition: bytes, tag: bytes) -> bool:
    """Whether an `If-None-Match` value names this tag (weak comparison, RFC 9110)."""
    return any(each.strip().removeprefix(b"W/") in (tag, b"*") for each in condition.split(b","))


def trace_ids(seed: int | str) -> Callable[[], str]:
    """A function that gives the next trace id of a server started with this seed."""
    prefix = hashlib.blake2b(f"trace:{seed}".encode(), digest_size=8).hexdigest()
    numbers = count(1)
    return lambda: f"{prefix}{next(numbers):016x}"
