"""Answers one request as its plan says: later, otherwise, in part, or not at all."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from orgbilling_stubs.billing.apply import TenantFactory
from orgbilling_stubs.faults.documented_responses import DocumentedResponses, InjectedError
from orgbilling_stubs.faults.effects.effect import TenantReader
from orgbilling_stubs.faults.effects.status import BODILESS
from orgbilling_stubs.faults.past import PastTenants
from orgbilling_stubs.faults.request_faults import RequestFaults
from orgbilling_stubs.http import connection
from orgbilling_stubs.http.connection import Receive, Send
from orgbilling_stubs.http.context import Call, Encoded, Reply, Stream
from orgbilling_stubs.http.cors import Headers
from orgbilling_stubs.http.middleware import Turn
from orgbilling_stubs.http.operation import FOUND
from orgbilling_stubs.http.responses import entity_tag
from orgbilling_stubs.journal.store import Fired
from orgbilling_stubs.tenants.clock import wall_ns
from orgbilling_stubs.tenants.service import Service


@dataclass(frozen=True, slots=True)
class Tools:
    """What all spoiled answers of a server share."""

    responses: DocumentedResponses
    service: Service
    genesis: TenantFactory


class Asker(Protocol):
    """What is known of a request before its operation sees it."""

    @property
    def principal(self) -> Any:
        """Who asks, or None."""


class Spoiled:
    """One request that overrides or rules have struck.

    staged: the organization to answer as, if not the token's own.
    """

    def __init__(
        self,
        tools: Tools,
        operation: Any,
        scope: Mapping[str, Any],
        faults: RequestFaults,
        asker: Asker | None = None,
        staged: str | None = None,
    ) -> None:
        self.tools = tools
        self.compiled = operation
        self.operation: str = operation.name
        self.scope = scope
        self.faults = faults
        self.delivery = faults.delivery
        self.asker = asker
        self.staged = staged
        self.headers = dict(reversed(scope["headers"]))
        self.began_ns = wall_ns()
        self.response_headers: dict[bytes, bytes] = {}
        self.success_status: int | None = None
        self.turn: Turn | None = None
        """The request as the operation reported it: reported on once it is known what is sent."""

    @property
    def organization(self) -> str:
        """The organization of the token, or an empty string when there is none."""
        principal = self._known()
        return self.staged or ("" if principal is None else str(principal.organization))

    def past_tenants(self, *, commands: int, seconds: int) -> TenantReader:
        """Tenants as they were."""
        return PastTenants(self.tools.service, self.tools.genesis, commands, seconds)

    def documented_error(
        self, status: int, detail: str | None = None, retry_after_s: int | None = None
    ) -> InjectedError:
        """The error response of a status."""
        return self.tools.responses.error(self.operation, status, detail, retry_after_s)

    async def refuse(self, error: Exception, receive: Receive, send: Send, path: Mapping[str, str]) -> None:
        """Answer with a problem in place of the operation."""
        turn = self.turn = self._unserved()
        turn.error = error
        status, out, payload = self.compiled.responder.problem(error, turn.origin, turn.trace)
        if status in BODILESS:
            out, payload = [(b"x-trace-id", turn.trace.encode())], b""
            if status == 304:
                out.insert(0, (b"etag", self.headers.get(b"if-none-match", b'"forced"')))
        await self._send(receive, send, status, out, payload)

    async def serve(self, receive: Receive, send: Send, path: Mapping[str, str]) -> None:
        """Answer with all faults."""
        if self.faults.delay_ms:
            await connection.pause(send, self.faults.delay_ms / 1000)
        error = self.faults.answer(self)
        if self.delivery.unanswered and not self.delivery.late:
            self.turn = self._unserved()
            await self._end(receive, send)
        elif error is not None:
            await self.refuse(error, receive, send, path)
        else:
            await self._operate(receive, send, path)

    async def _operate(self, receive: Receive, send: Send, path: Mapping[str, str]) -> None:
        """Let a copy of the operation work, with its surroundings changed and its answer caught."""
        operation = copy.copy(self.compiled)
        operation.tap = Reporter(self)
        operation.handler = self._handle
        if self._example is not None:
            operation.security = operation.body = None
            operation.parameters = NoParameters()
        scope = {name: value for name, value in self.scope.items() if name != FOUND}
        if self.faults.changes_body:
            scope["headers"] = [pair for pair in scope["headers"] if pair[0] != b"if-none-match"]
        start: dict[str, Any] = {}

        async def caught(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
                return
            status = start["status"]
            if status == 200 and self.success_status is not None:
                status = self.success_status
            await self._send(receive, send, status, start["headers"], message.get("body", b""), final=True)

        await operation.serve(scope, receive, caught, path)

    def _handle(self, call: Call) -> Reply | Encoded | Stream:
        if self._example is not None:
            return Reply(self._example)
        changed = copy.copy(call)
        if self.staged is not None:
            changed.principal = replace(call.principal, organization=self.staged)
        changed.service = self.faults.tenants(self, call.service)
        answer: Reply | Encoded | Stream = self.compiled.handler(changed)
        return answer

    @property
    def _example(self) -> Any:
        override = self.faults.override
        if override is None or override.example is None:
            return None
        return self.tools.responses.example(self.operation, override.code or 200, override.example)

    def _known(self) -> Any:
        return None if self.asker is None else self.asker.principal

    async def _end(self, receive: Receive, send: Send) -> None:
        """End the connection without an answer."""
        self._report(0, [], b"")
        hang_ms = self.delivery.hang_ms
        if hang_ms is None:
            connection.reset(send)
            return
        await connection.departed(receive, send, hang_ms / 1000)
        connection.close(send)

    async def _send(
        self, receive: Receive, send: Send, status: int, out: Headers, payload: bytes, *, final: bool = False
    ) -> None:
        """Send an answer as the plan says. final: the responder has been through with its headers."""
        if self.delivery.unanswered:
            await self._end(receive, send)
            return
        if self.faults.changes_body and payload:
            payload = self.faults.changed_body(payload)
            out = _fitting(out, payload)
        override = self.faults.override
        if override is not None:
            self.response_headers[b"preference-applied"] = override.applied.encode("latin-1")
            self.response_headers[b"vary"] = b"Prefer"
        out = [*out, *self.response_headers.items()]
        cut = self.delivery.sent_bytes(payload)
        self._report(status, out, payload[:cut])
        head = self.scope["method"] == "HEAD"
        whole = head or (cut == len(payload) and self.delivery.drip_bytes_per_s is None)
        if not final and whole:
            await self.compiled.responder.send(send, self.headers, status, out, payload, head=head)
            return
        if final:
            await send({"type": "http.response.start", "status": status, "headers": out})
        else:
            await self.compiled.responder.start(send, self.headers, status, out)
        await self._body(receive, send, payload, cut, whole)

    async def _body(self, receive: Receive, send: Send, payload: bytes, cut: int, whole: bool) -> None:
        if whole:
            await send({"type": "http.response.body", "body": payload})
            return
        rate = self.delivery.drip_bytes_per_s
        more = cut < len(payload)
        if rate is not None:
            await connection.drip(send, payload[:cut], rate, receive, more=more)
        else:
            await send({"type": "http.response.body", "body": payload[:cut], "more_body": more})
        if more:
            connection.close(send)

    def _unserved(self) -> Turn:
        """A request in which the operation has no part."""
        turn = Turn(self.scope, self.headers, self.compiled.responder, self.began_ns)
        turn.principal = self._known()
        return turn

    def _report(self, status: int, out: Headers, payload: bytes) -> None:
        """Tell the operation's tap what is sent, and what spoiled it."""
        faults, turn = self.faults, self.turn
        if turn is None:
            return
        rules = tuple((firing.active.rule.id, firing.match_number) for firing in faults.fired)
        applied = "" if faults.override is None else faults.override.applied
        fired = Fired(faults.summary, applied, rules) if faults.summary else None
        if self.staged is not None and turn.principal is not None:
            turn.principal = replace(turn.principal, organization=self.staged)
        self.compiled.tap.record(self.compiled, turn, status, out, payload, fired)


class Reporter:
    """The tap of the copied operation: hands the exchange on with what spoiled it."""

    def __init__(self, spoiled: Spoiled) -> None:
        self._spoiled = spoiled

    def begin(self, operation: Any, scope: Mapping[str, Any], headers: Mapping[bytes, bytes]) -> int:
        """The instant at which the request arrived."""
        return self._spoiled.began_ns

    def record(self, operation: Any, turn: Turn, status: int, out: Headers, payload: bytes) -> None:
        """Keep the request until it is known what is sent."""
        self._spoiled.turn = turn


class NoParameters:
    """Reads no parameters: an example depends on nothing."""

    def read(self, query: bytes, path: Any, headers: Any) -> tuple[dict[str, Any], list[Any]]:
        """Nothing, and no findings."""
        return {}, []


def _fitting(out: Headers, payload: bytes) -> Headers:
    """The headers, made to fit another body."""
    changed = {b"content-length": str(len(payload)).encode(), b"etag": entity_tag(payload)}
    return [(name, changed.get(name, value)) for name, value in out]
