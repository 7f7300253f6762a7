"""Responses: replies are validated and serialized, errors become problem documents."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import count

import orjson
from orgbilling_openapi.json_pointer import find
from orgbilling_openapi.redaction import redact, redact_json
from orgbilling_openapi.strict_json import JsonObject, JsonValue
from starlette.types import Scope, Send

from orgbilling_stubs.http.connection import Connection
from orgbilling_stubs.http.context import (
    AnyReply,
    EncodedReply,
    Headers,
    Reply,
    RequestContext,
    Response,
    Serialized,
    StreamReply,
)
from orgbilling_stubs.http.cors import VARY, Cors
from orgbilling_stubs.http.errors import CRASHED, INVALID_RESPONSE, TITLES, InvalidReply
from orgbilling_stubs.http.json_schemas import Schemas, Validator, types, validation_errors
from orgbilling_stubs.http.origin_policy import NetworkSettings
from orgbilling_stubs.http.public_url import PublicUrl, PublicUrls
from orgbilling_stubs.http.request_head import first_values
from orgbilling_stubs.http.response_fitting import ResponseFitter

LOG = logging.getLogger("orgbilling")

JSON = (b"content-type", b"application/json")
PROBLEM = (b"content-type", b"application/problem+json")
OF_PAGES = (VARY, (b"x-content-type-options", b"nosniff"))
OF_DATA = (*OF_PAGES, (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"))
"""What every response carries. A browser that shows JSON or a problem loads nothing."""


class DescribedResponse:
    """One response of the description: its validator (None if it has no JSON body) and constant headers."""

    __slots__ = ("_head", "headers", "schema", "suffix", "validator")

    def __init__(self, described: Mapping[str, JsonValue], schemas: Schemas, prefix: str) -> None:
        content = described.get("content", {})
        media_type = next((name for name in content if "json" in name), None)
        self.schema: JsonValue = {}
        self.validator: Validator | None = None
        self.headers: Headers = []
        self.suffix: str | None = None
        self._head = ("", b"")
        if media_type is None:
            return
        schema = self.schema = content[media_type].get("schema", {})
        self.validator = schemas.validator(schema, "response")
        self.headers = [
            JSON if media_type == "application/json" else (b"content-type", media_type.encode("latin-1"))
        ]
        reference = schema.get("$ref", "") if isinstance(schema, Mapping) else ""
        if reference and types(schemas.document, schema) in ((), ("object",)):
            name = reference.rpartition("/")[2]
            self.headers.append((b"link", describing(prefix, name)))
            if "$schema" in find(schemas.document, reference).get("properties", {}):
                self.suffix = f'{prefix}/schemas/{name}.json"'

    def headers_at(self, path: str) -> Headers:
        """The constant headers, for clients for whom a proxy adds this path in front of ours."""
        return [(name, with_path(value, path) if name == b"link" else value) for name, value in self.headers]

    def head(self, schema_url: str) -> bytes:
        """How a body begins that names its schema, for clients that see the server there."""
        cached_url, head = self._head
        if cached_url != schema_url:
            head = f'{{"$schema":"{schema_url}{self.suffix}'.encode()
            self._head = schema_url, head
        return head


class DescribedResponses:
    """The responses of one operation.

    described: by status, status range (`4XX`) or `default`. safe: a 200 of the operation carries an ETag.
    fitter: fits replies that break the description; without it they are errors.
    """

    def __init__(
        self,
        operation_id: str,
        described: Mapping[str, Mapping[str, JsonValue]],
        schemas: Schemas,
        prefix: str,
        safe: bool,
        fitter: ResponseFitter | None = None,
    ) -> None:
        self._operation_id = operation_id
        self._described = {
            status: DescribedResponse(response, schemas, prefix) for status, response in described.items()
        }
        self._by_status: dict[int, DescribedResponse] = {}
        self._safe = safe
        self._fitter = fitter

    def serialize(self, context: RequestContext, reply: AnyReply) -> Response:
        """The response for a reply; 304 when the client has it already.

        Raises `InvalidReply` for a reply that is not what the description says.
        """
        if isinstance(reply, StreamReply):
            return _streamed(context, reply)
        serialized = reply.serialized
        if serialized is None or serialized.public_url is not context.public_url:
            serialized = reply.serialized = self._serialize(reply, context.public_url)
        trace = (b"x-trace-id", context.trace_id.encode())
        if serialized.tag is not None:
            condition = context.headers.get(b"if-none-match")
            if condition is not None and matches(condition, serialized.tag):
                return Response(304, [(b"etag", serialized.tag), trace])
        return Response(reply.status, [*serialized.headers, trace], serialized.payload)

    def _serialize(self, reply: Reply | EncodedReply, public_url: PublicUrl) -> Serialized:
        """Validate and serialize a reply, once however often it is given."""
        status = reply.status
        described = self._by_status.get(status) or self._find(status)
        tag = None
        if isinstance(reply, EncodedReply):
            payload = reply.body
            tag = None if reply.etag is None else b'"' + reply.etag.encode("latin-1") + b'"'
        else:
            payload = self._payload(described, status, reply.body)
        if described.suffix is not None and payload[:1] == b"{":
            head = described.head(public_url.schema_url)
            payload = head + b"," + payload[1:] if len(payload) > 2 else head + b"}"
        headers = described.headers_at(public_url.path) if public_url.path else [*described.headers]
        if payload or status != 204:
            headers.append((b"content-length", b"%d" % len(payload)))
        if reply.headers:
            headers += _encoded(reply.headers.items())
        if self._safe and status == 200:
            tag = tag or entity_tag(payload)
            headers.append((b"etag", tag))
        return Serialized(public_url, headers, payload, tag)

    def _payload(self, described: DescribedResponse, status: int, body: JsonValue) -> bytes:
        validator = described.validator
        if validator is None:
            return b""
        try:
            return validated_json(body, described.schema, validator, self._fitter)
        except InvalidReply as error:
            message = f"{self._operation_id} {status} breaks the API description: {error}"
            raise InvalidReply(message) from None

    def _find(self, status: int) -> DescribedResponse:
        described = self._described.get(str(status)) or self._described.get(f"{status // 100}XX")
        if described is None and self._fitter is not None and status < 300:
            successes = (name for name in sorted(self._described) if name.startswith("2"))
            described = self._described.get(next(successes, "default"))
        described = described or self._described.get("default")
        if not self._described:  # a document of others that describes no response at all
            described = DescribedResponse({}, Schemas({}), "")
        if described is None:
            raise InvalidReply(f"{self._operation_id}: the API description has no response {status}")
        self._by_status[status] = described
        return described


def validated_json(
    value: JsonValue,
    schema: JsonValue,
    validator: Validator,
    fitter: ResponseFitter | None = None,
    location: str = "body",
) -> bytes:
    """The JSON of a body, or of a part of one, that has been held to its schema.

    fitter: fits a value that breaks the schema. Without it, such a value raises `InvalidReply`.
    """
    if fitter is not None:
        value = fitter.translated(schema, value)
    if validator.is_valid(value):
        return orjson.dumps(value)
    if fitter is not None:
        return orjson.dumps(fitter.fitted(schema, value))
    rows = validation_errors(validator, value, location)
    raise InvalidReply("; ".join(f"{row['location']}: {row['message']}" for row in rows[:20]))


def _streamed(context: RequestContext, reply: StreamReply) -> Response:
    headers = [
        (b"content-type", reply.media),
        (b"x-trace-id", context.trace_id.encode()),
        (b"cache-control", b"no-store"),
    ]

    async def deliver(response: Response, connection: Connection) -> None:
        await connection.start(response.status, response.headers)
        if connection.head_only:
            await connection.write(b"")
        else:
            await reply.run(connection)

    return Response(200, headers, deliver=deliver)


def _encoded(headers: Iterable[tuple[str, str]]) -> Headers:
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]


class Responder:
    """Writes the responses of one server.

    prefix: the path under which the API and its schemas are served, e.g. "/api/v1".
    trace: gives the next trace id. network: how the server is reached.
    """

    def __init__(self, prefix: str, trace: Callable[[], str], network: NetworkSettings | None = None) -> None:
        self.prefix = prefix
        self.trace = trace
        self.public_urls = PublicUrls(network)
        self.policy = self.public_urls.policy
        self.cors = Cors(self.policy)
        self._error_link = describing(prefix, "ErrorModel")

    def finish(
        self, request_headers: Mapping[bytes, bytes], headers: Headers, *, is_page: bool = False
    ) -> None:
        """Add to the headers of a response what every response carries.

        is_page: it has a content security policy of its own.
        """
        headers += OF_PAGES if is_page else OF_DATA
        origin = request_headers.get(b"origin")
        if origin is not None:
            headers += self.cors.headers(origin)

    async def send(self, scope: Scope, send: Send, response: Response) -> None:
        """Finish and send a response of no operation. A response to HEAD keeps its headers, not its body."""
        is_page = any(name == b"content-security-policy" for name, _ in response.headers)
        self.finish(first_values(scope["headers"]), response.headers, is_page=is_page)
        body = b"" if scope["method"] == "HEAD" else response.body
        await send({"type": "http.response.start", "status": response.status, "headers": response.headers})
        await send({"type": "http.response.body", "body": body})

    async def send_problem(self, scope: Scope, send: Send, error: Exception) -> None:
        """Send the problem document for an error outside of all operations."""
        public_url = self.public_urls.of(scope, first_values(scope["headers"]))
        await self.send(scope, send, self.problem(error, public_url, self.trace()))

    def problem(self, error: Exception, public_url: PublicUrl, trace: str) -> Response:
        """The problem document for an error: the error itself, or a 500 that gives nothing away.

        An error with a `status` and a `code` is meant for the client. It may also have `detail`, `errors`,
        `headers`, `challenge` (the `WWW-Authenticate` value) and `retry_after_s`.
        """
        status = getattr(error, "status", None)
        if not isinstance(status, int) or not hasattr(error, "code"):
            return self._crash(error, public_url, trace)
        LOG.info("%s %d %s", trace, status, error.code)
        response = self._problem(
            status, str(getattr(error, "detail", "")), public_url, trace, errors=getattr(error, "errors", ())
        )
        response.headers += _encoded(_error_headers(error, status))
        return response

    def _crash(self, error: Exception, public_url: PublicUrl, trace: str) -> Response:
        invalid = isinstance(error, InvalidReply)
        row = INVALID_RESPONSE if invalid else CRASHED
        LOG.error("%s %s: %s", trace, row.code, error, exc_info=None if invalid else error)
        return self._problem(row.status, row.detail, public_url, trace, instance=f"urn:trace:{trace}")

    def _problem(
        self,
        status: int,
        detail: str,
        public_url: PublicUrl,
        trace: str,
        errors: Sequence[Mapping[str, JsonValue]] = (),
        instance: str | None = None,
    ) -> Response:
        document: JsonObject = {
            "$schema": f"{public_url.schema_url}{self.prefix}/schemas/ErrorModel.json",
            "title": TITLES.get(status, "Error"),
            "status": status,
            "detail": redact(detail),
        }
        if instance is not None:
            document["instance"] = instance
        if errors:
            document["errors"] = [
                {name: redact_json(value) for name, value in row.items() if value is not None}
                for row in errors
            ]
        body = orjson.dumps(document)
        headers = [
            PROBLEM,
            (b"link", with_path(self._error_link, public_url.path)),
            (b"x-trace-id", trace.encode()),
            (b"content-length", str(len(body)).encode()),
        ]
        return Response(status, headers, body)


def _error_headers(error: Exception, status: int) -> Iterator[tuple[str, str]]:
    """The headers that an error brings: its own, `WWW-Authenticate` and `Retry-After`."""
    yield from getattr(error, "headers", {}).items()
    challenge = getattr(error, "challenge", None)
    if challenge is None and status == 401:
        challenge = 'Bearer realm="orgbilling"'
    if challenge is not None:
        yield "WWW-Authenticate", challenge
    retry_after_s = getattr(error, "retry_after_s", None)
    if retry_after_s is not None:
        yield "Retry-After", str(retry_after_s)


def describing(prefix: str, schema: str) -> bytes:
    """The `Link` header that names the schema of a body."""
    return f'<{prefix}/schemas/{schema}.json>; rel="describedBy"'.encode()


def with_path(link: bytes, path: str) -> bytes:
    """A `Link` header as a client sees it for whom a proxy adds a path in front of ours."""
    return b"<" + path.encode() + link[1:] if path else link


def entity_tag(payload: bytes) -> bytes:
    """A strong validator for these bytes, in quotes."""
    # SHA-1 for speed (half the time of BLAKE2 where the processor has it): nothing depends on its strength.
    return b'"' + hashlib.sha1(payload, usedforsecurity=False).hexdigest().encode() + b'"'


def matches(condition: bytes, tag: bytes) -> bool:
    """Whether an `If-None-Match` value names this tag (weak comparison, RFC 9110)."""
    return any(value.strip().removeprefix(b"W/") in (tag, b"*") for value in condition.split(b","))


def trace_ids(seed: int | str) -> Callable[[], str]:
    """A function that gives the next trace id of a server started with this seed."""
    template = hashlib.blake2b(f"trace:{seed}".encode(), digest_size=8).hexdigest() + "%016x"
    return map(template.__mod__, count(1)).__next__
