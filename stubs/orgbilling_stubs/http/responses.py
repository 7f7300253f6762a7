"""Responses on the wire: what every answer carries, and how a refusal becomes a problem document."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from orgbilling_stubs.http.connection import Send
from orgbilling_stubs.http.cors import Cors, Headers
from orgbilling_stubs.http.errors import BREACHED, CRASHED, TITLES, Breach, Row
from orgbilling_stubs.http.origin import Origin, Origins

LOG = logging.getLogger("orgbilling")

JSON = (b"content-type", b"application/json")
PROBLEM = (b"content-type", b"application/problem+json")
VARY = (b"vary", b"Origin")


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

    async def start(self, send: Send, request: Mapping[bytes, bytes], status: int, headers: Headers) -> None:
        """Send the head of a response alone; `headers` is added to."""
        headers += [VARY, *self.cors.headers(request.get(b"origin", b""))]
        await send({"type": "http.response.start", "status": status, "headers": headers})

    def problem(self, error: Exception, origin: Origin, trace: str) -> tuple[int, Headers, bytes]:
        """The problem document for an error: the refusal itself, or a 500 that gives nothing away."""
        status = getattr(error, "status", None)
        if not isinstance(status, int) or not hasattr(error, "name"):
            return self._fault(error, origin, trace)
        LOG.info("%s %d %s", trace, status, error.name)
        body = self.document(origin, status, str(getattr(error, "detail", "")), getattr(error, "errors", ()))
        headers = self.problem_headers(trace, body)
        headers += [(name.lower().encode("latin-1"), text.encode("latin-1")) for name, text in _extra(error)]
        return status, headers, body

    def _fault(self, error: Exception, origin: Origin, trace: str) -> tuple[int, Headers, bytes]:
        row: Row = BREACHED if isinstance(error, Breach) else CRASHED
        LOG.error("%s %s: %s", trace, row.name, error, exc_info=None if isinstance(error, Breach) else error)
        body = self.document(origin, row.status, row.detail, (), instance=f"urn:trace:{trace}")
        return row.status, self.problem_headers(trace, body), body

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
