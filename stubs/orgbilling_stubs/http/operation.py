"""One operation of the contract, compiled: everything that can be known at start-up is."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from orgbilling_openapi.json_pointer import find

from orgbilling_stubs.http.body import Body, Disconnected
from orgbilling_stubs.http.connection import Receive, Send
from orgbilling_stubs.http.context import Admit, Call, Encoded, Handler, Prepared, Reply, Stream
from orgbilling_stubs.http.cors import Headers
from orgbilling_stubs.http.errors import INVALID, TOKEN_MISSING, Breach, Problem
from orgbilling_stubs.http.middleware import Tap, Turn
from orgbilling_stubs.http.origin import Origin
from orgbilling_stubs.http.parameters import Parameters
from orgbilling_stubs.http.responses import JSON, Responder, describing, entity_tag, matches
from orgbilling_stubs.http.schemas import Schemas, Validator, types
from orgbilling_stubs.http.validation_errors import Finding, collect, finding

FOUND = "orgbilling.found"
"""Where `answer` leaves, in the scope, who answers instead."""
NO_PATH: Mapping[str, str] = {}

TOKEN_SCHEMES = frozenset({"bearerClerk"})
"""Security schemes whose token the authenticator reads; for any other, some credentials must be there."""


@dataclass(frozen=True, slots=True)
class World:
    """What all operations of a server share.

    admit: who asks, and may they: gives the principal or raises a refusal (401 or 403).
    tap: who watches the exchanges, if anybody.
    """

    responder: Responder
    schemas: Schemas
    admit: Admit
    service: Any = None
    lenient: bool = False
    tap: Tap | None = None


class Answer:
    """One declared response: its validator (None if it has no JSON body) and its constant headers."""

    __slots__ = ("_head", "headers", "suffix", "validator")

    def __init__(self, declared: Mapping[str, Any], world: World) -> None:
        content = declared.get("content", {})
        media = next((each for each in content if "json" in each), None)
        self.validator: Validator | None = None
        self.headers: Headers = []
        self.suffix: str | None = None
        self._head = ("", b"")
        if media is None:
            return
        schema = content[media].get("schema", {})
        self.validator = world.schemas.validator(schema, "response")
        self.headers = [JSON if media == "application/json" else (b"content-type", media.encode("latin-1"))]
        reference = schema.get("$ref", "") if isinstance(schema, Mapping) else ""
        if reference and types(world.schemas.document, schema) in ((), ("object",)):
            name = reference.rpartition("/")[2]
            prefix = world.responder.prefix
            self.headers.append((b"link", describing(prefix, name)))
            if "$schema" in find(world.schemas.document, reference).get("properties", {}):
                self.suffix = f'{prefix}/schemas/{name}.json"'

    def head(self, schema_url: str) -> bytes:
        """How a body begins that names its schema, for clients that see the server there."""
        known, head = self._head
        if known != schema_url:
            head = f'{{"$schema":"{schema_url}{self.suffix}'.encode()
            self._head = schema_url, head
        return head


class Operation:
    """Serves one operation: authenticate, authorize, read, validate, call, validate, write."""

    def __init__(self, spec: Any, handler: Handler, world: World) -> None:
        self.name: str = spec.operation_id
        self.handler = handler
        self.world = world
        self.responder = world.responder
        self.security = _security(spec.security)
        self.parameters = Parameters(spec.parameters, world.schemas, lenient=world.lenient)
        request = spec.request_body
        self.body = Body(request, world.schemas, lenient=world.lenient) if request else None
        self.answers = {status: Answer(each, world) for status, each in spec.responses.items()}
        self._answers_by_status: dict[int, Answer] = {}
        self.safe = spec.method.upper() in ("GET", "HEAD")
        self.prompt = all(
            "json" in media for each in spec.responses.values() for media in each.get("content", ())
        )
        """Whether an answer never streams: then it needs no waiting once the body is here."""
        self.tap = world.tap
        if self.tap is not None:
            self.handler = self.tap.around(self, handler)

    async def serve(
        self, scope: Mapping[str, Any], receive: Receive, send: Send, path: Mapping[str, str]
    ) -> None:
        """Answer one request that was routed here."""
        headers = dict(reversed(scope["headers"]))
        began = 0
        if self.tap is not None:
            found = scope.get(FOUND) or self.tap.begin(self, scope, headers)
            if not isinstance(found, int):
                await found(receive, send, path)
                return
            began = found
        turn = Turn(scope, headers, self.responder, began)
        try:
            self._enter(turn)
            raw = b"" if self.body is None else await self.body.receive(headers, receive)
            reply = self._reply(turn, path, raw)
            if isinstance(reply, Stream):
                await self._stream(reply, receive, send, headers, turn.trace)
                return
            status, out, payload = self._write(reply, turn)
        except Disconnected:
            return
        except Exception as error:
            status, out, payload = self._refuse(turn, error)
        self.responder.finish(headers, out)
        self._record(turn, status, out, payload)
        await self.responder.write(send, status, out, payload, head=scope["method"] == "HEAD")

    def answer(self, scope: dict[str, Any], raw: bytes) -> tuple[int, Headers, bytes] | None:
        """Answer a request whose body is here already, without waiting for anything.

        None when it has to be served: a fault answers in place of the operation.
        """
        headers = dict(reversed(scope["headers"]))
        began = 0
        if self.tap is not None:
            found = self.tap.begin(self, scope, headers)
            if not isinstance(found, int):
                scope[FOUND] = found
                return None
            began = found
        turn = Turn(scope, headers, self.responder, began)
        try:
            self._enter(turn)
            reply = self._reply(turn, NO_PATH, raw)
            status, out, payload = self._write(reply, turn)  # type: ignore[arg-type]
        except Exception as error:
            status, out, payload = self._refuse(turn, error)
        self.responder.finish(headers, out)
        self._record(turn, status, out, payload)
        return status, out, payload

    def _enter(self, turn: Turn) -> None:
        """Authentication, authorization and media type: what comes before the body."""
        if self.security:
            turn.principal = self.world.admit(turn.scope["headers"], turn.scope["method"])
        elif self.security is not None and not turn.headers.get(b"authorization"):
            raise Problem(TOKEN_MISSING)
        if self.body is not None:
            self.body.check_media(turn.headers.get(b"content-type"))

    def _reply(self, turn: Turn, path: Mapping[str, str], raw: bytes) -> Reply | Encoded | Stream:
        """Syntax, validation, and the handler."""
        wrong: list[Finding] = []
        if self.body is not None:
            turn.raw = raw
            turn.body, wrong = self.body.parse(raw)
        parameters, errors = self.parameters.read(turn.scope["query_string"], path, turn.headers)
        if errors or wrong:
            raise Problem(INVALID, errors + wrong)
        return self.handler(
            Call(
                self.name,
                turn.principal,
                parameters,
                turn.body,
                turn.origin.base_url,
                None if self.safe else self._idempotency(turn.headers, turn.body, path),
                self.world.service,
                turn.trace,
            )
        )

    def _refuse(self, turn: Turn, error: Exception) -> tuple[int, Headers, bytes]:
        turn.error = error
        return self.responder.problem(error, turn.origin, turn.trace)

    def _record(self, turn: Turn, status: int, out: Headers, payload: bytes) -> None:
        if self.tap is not None:
            self.tap.record(self, turn, status, out, payload)

    async def _stream(
        self, reply: Stream, receive: Receive, send: Send, headers: Mapping[bytes, bytes], trace: str
    ) -> None:
        out = [
            (b"content-type", reply.media),
            (b"x-trace-id", trace.encode()),
            (b"cache-control", b"no-store"),
        ]
        await self.responder.start(send, headers, 200, out)
        await reply.run(receive, send)

    def _idempotency(
        self, headers: Mapping[bytes, bytes], body: Any, path: Mapping[str, str]
    ) -> tuple[str, str] | None:
        raw = headers.get(b"idempotency-key")
        if raw is None:
            return None
        key = raw.decode("latin-1")
        if not 1 <= len(key) <= 255 or not all("!" <= letter <= "~" for letter in key):
            message = "expected 1 to 255 visible ASCII characters"
            raise Problem(INVALID, [finding(message, "header.Idempotency-Key", key)])
        content = body if isinstance(body, bytes) else orjson.dumps(body, option=orjson.OPT_SORT_KEYS)
        place = orjson.dumps([self.name, dict(path)], option=orjson.OPT_SORT_KEYS)
        return key, hashlib.blake2b(place + content, digest_size=16).hexdigest()

    def _write(self, reply: Reply | Encoded, turn: Turn) -> tuple[int, Headers, bytes]:
        prepared = reply.prepared
        if prepared is None or prepared.origin is not turn.origin:
            prepared = reply.prepared = self._prepare(reply, turn.origin)
        if prepared.tag is not None:
            condition = turn.headers.get(b"if-none-match")
            if condition is not None and matches(condition, prepared.tag):
                return 304, [(b"etag", prepared.tag), (b"x-trace-id", turn.trace.encode())], b""
        return reply.status, [*prepared.headers, (b"x-trace-id", turn.trace.encode())], prepared.payload

    def _prepare(self, reply: Reply | Encoded, origin: Origin) -> Prepared:
        """Validate and serialize a reply, once however often it is given."""
        status = reply.status
        answer = self._answers_by_status.get(status) or self._answer(status)
        tag = None
        if type(reply) is Encoded:
            payload = reply.body
            tag = None if reply.etag is None else b'"' + reply.etag.encode("latin-1") + b'"'
        else:
            validator = answer.validator
            if validator is None:
                payload = b""
            elif validator.is_valid(reply.body):
                payload = orjson.dumps(reply.body)
            else:
                raise Breach(self._breach(status, validator, reply.body))
        if answer.suffix is not None and payload[:1] == b"{":
            head = answer.head(origin.schema_url)
            payload = head + b"," + payload[1:] if len(payload) > 2 else head + b"}"
        out = [*answer.headers]
        if payload or status != 204:
            out.append((b"content-length", b"%d" % len(payload)))
        if reply.headers:
            out += _encoded(reply.headers)
        if self.safe and status == 200:
            tag = tag or entity_tag(payload)
            out.append((b"etag", tag))
        return Prepared(origin, out, payload, tag)

    def _answer(self, status: int) -> Answer:
        answer = self.answers.get(str(status)) or self.answers.get(f"{status // 100}XX")
        answer = answer or self.answers.get("default")
        if answer is None:
            raise Breach(f"{self.name}: the contract has no response {status}")
        self._answers_by_status[status] = answer
        return answer

    def _breach(self, status: int, validator: Validator, body: Any) -> str:
        rows = collect(validator, body, "body")
        told = "; ".join(f"{row['location']}: {row['message']}" for row in rows[:20])
        return f"{self.name} {status} breaks the contract: {told}"


def _encoded(headers: Mapping[str, str]) -> Headers:
    return [(name.lower().encode("latin-1"), text.encode("latin-1")) for name, text in headers.items()]


def _security(declared: Any) -> frozenset[str] | None:
    """None: open to all. Otherwise the schemes that the authenticator reads (none: just some credentials)."""
    if not declared or any(not each for each in declared):
        return None
    return TOKEN_SCHEMES.intersection(name for each in declared for name in each)
