"""Answers one request as its plan says: later, otherwise, in part, or not at all."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from orgbilling_stubs.billing.apply import Genesis
from orgbilling_stubs.faults.bodies import reshaped
from orgbilling_stubs.faults.buckets import Allowance, Buckets
from orgbilling_stubs.faults.forced import Answers
from orgbilling_stubs.faults.past import STALE, Past
from orgbilling_stubs.faults.plan import Plan
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

BODILESS = (204, 205, 304)


@dataclass(frozen=True, slots=True)
class Tools:
    """What all spoiled answers of a server share."""

    answers: Answers
    buckets: Buckets
    service: Service
    genesis: Genesis


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
        plan: Plan,
        asker: Asker | None = None,
        staged: str | None = None,
    ) -> None:
        self.tools = tools
        self.operation = operation
        self.scope = scope
        self.plan = plan
        self.asker = asker
        self.staged = staged
        self.headers = dict(reversed(scope["headers"]))
        self.began_ns = wall_ns()
        self.extra: Headers = []
        self.turn: Turn | None = None
        """The request as the operation reported it: reported on once it is known what is sent."""

    async def refuse(self, error: Exception, receive: Receive, send: Send, path: Mapping[str, str]) -> None:
        """Answer with a problem in place of the operation."""
        turn = self.turn = self._unserved()
        turn.error = error
        status, out, payload = self.operation.responder.problem(error, turn.origin, turn.trace)
        if status in BODILESS:
            out, payload = [(b"x-trace-id", turn.trace.encode())], b""
            if status == 304:
                out.insert(0, (b"etag", self.headers.get(b"if-none-match", b'"forced"')))
        await self._send(receive, send, status, out, payload)

    async def serve(self, receive: Receive, send: Send, path: Mapping[str, str]) -> None:
        """Answer as planned."""
        plan, effect = self.plan, self.plan.effect
        if plan.delay_ms:
            await connection.pause(send, plan.delay_ms / 1000)
        allowance = self._allowance()
        if self._ends and not effect.late:
            self.turn = self._unserved()
            await self._end(receive, send)
            return
        status = plan.status
        if allowance is not None and allowance.retry_s and (plan.override is None or not plan.override.code):
            error = self.tools.answers.refusal(self.operation.name, 429, None, allowance.retry_s)
            await self.refuse(error, receive, send, path)
        elif status is not None and (status >= 300 or status in BODILESS):
            error = self.tools.answers.refusal(
                self.operation.name, status, effect.detail, effect.retry_after_s
            )
            await self.refuse(error, receive, send, path)
        else:
            await self._operate(receive, send, path)

    async def _operate(self, receive: Receive, send: Send, path: Mapping[str, str]) -> None:
        """Let a copy of the operation work, with its surroundings changed and its answer caught."""
        operation = copy.copy(self.operation)
        operation.tap = Reporter(self)
        operation.handler = self._handle
        if self._example is not None:
            operation.security = operation.body = None
            operation.parameters = NoParameters()
        scope = {name: value for name, value in self.scope.items() if name != FOUND}
        if self.plan.reshapes:
            scope["headers"] = [pair for pair in scope["headers"] if pair[0] != b"if-none-match"]
        start: dict[str, Any] = {}

        async def caught(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
                return
            status = self.plan.status or start["status"]
            await self._send(receive, send, status, start["headers"], message.get("body", b""), final=True)

        await operation.serve(scope, receive, caught, path)

    def _handle(self, call: Call) -> Reply | Encoded | Stream:
        if self._example is not None:
            return Reply(self._example)
        stale = self.plan.effect.stale
        changed = copy.copy(call)
        if self.staged is not None:
            changed.principal = replace(call.principal, organization=self.staged)
        if stale is not None and self.operation.name in STALE:
            changed.service = Past(self.tools.service, self.tools.genesis, stale)
        answer: Reply | Encoded | Stream = self.operation.handler(changed)
        return answer

    @property
    def _example(self) -> Any:
        override = self.plan.override
        if override is None or override.example is None:
            return None
        return self.tools.answers.example(self.operation.name, override.code or 200, override.example)

    def _allowance(self) -> Allowance | None:
        """Take this request out of every bucket; the scarcest one counts."""
        found = []
        for hit in self.plan.limits:
            limit = hit.effect.rate_limit
            assert limit is not None
            who = self._known()
            organization = self.staged or ("" if who is None else who.organization)
            found.append(self.tools.buckets.take(id(hit.standing), organization, limit))
        if not found:
            return None
        scarcest = max(found, key=lambda each: (each.retry_s, -each.remaining))
        self.extra += scarcest.headers()
        return scarcest

    def _known(self) -> Any:
        return None if self.asker is None else self.asker.principal

    @property
    def _ends(self) -> bool:
        """Whether the connection ends without an answer."""
        return self.plan.effect.reset or self.plan.effect.hang_ms is not None

    async def _end(self, receive: Receive, send: Send) -> None:
        """End the connection without an answer."""
        self._report(0, [], b"")
        hang_ms = self.plan.effect.hang_ms
        if hang_ms is None:
            connection.reset(send)
            return
        await connection.departed(receive, send, hang_ms / 1000)
        connection.close(send)

    async def _send(
        self, receive: Receive, send: Send, status: int, out: Headers, payload: bytes, *, final: bool = False
    ) -> None:
        """Send an answer as the plan says. final: the responder has been through with its headers."""
        effect = self.plan.effect
        if self._ends:
            await self._end(receive, send)
            return
        if self.plan.reshapes and payload:
            payload = reshaped(payload, effect.nulls, effect.field)
            out = _fitting(out, payload)
        override = self.plan.override
        if override is not None:
            self.extra += [(b"preference-applied", override.applied.encode("latin-1")), (b"vary", b"Prefer")]
        out = [*out, *self.extra]
        cut = _cut(payload, effect.truncate_bytes)
        self._report(status, out, payload[:cut])
        head = self.scope["method"] == "HEAD"
        whole = head or (cut == len(payload) and effect.drip_bytes_per_s is None)
        if not final and whole:
            await self.operation.responder.send(send, self.headers, status, out, payload, head=head)
            return
        if final:
            await send({"type": "http.response.start", "status": status, "headers": out})
        else:
            await self.operation.responder.start(send, self.headers, status, out)
        await self._body(receive, send, payload, cut, whole)

    async def _body(self, receive: Receive, send: Send, payload: bytes, cut: int, whole: bool) -> None:
        if whole:
            await send({"type": "http.response.body", "body": payload})
            return
        rate = self.plan.effect.drip_bytes_per_s
        more = cut < len(payload)
        if rate is not None:
            await connection.drip(send, payload[:cut], rate, receive, more=more)
        else:
            await send({"type": "http.response.body", "body": payload[:cut], "more_body": more})
        if more:
            connection.close(send)

    def _unserved(self) -> Turn:
        """A request in which the operation has no part."""
        turn = Turn(self.scope, self.headers, self.operation.responder, self.began_ns)
        turn.principal = self._known()
        return turn

    def _report(self, status: int, out: Headers, payload: bytes) -> None:
        """Tell the operation's tap what is sent, and what spoiled it."""
        plan, turn = self.plan, self.turn
        if turn is None:
            return
        rules = tuple((hit.standing.rule.id, hit.number) for hit in plan.hits)
        applied = "" if plan.override is None else plan.override.applied
        fired = Fired(plan.text, applied, rules) if plan.text else None
        if self.staged is not None and turn.principal is not None:
            turn.principal = replace(turn.principal, organization=self.staged)
        self.operation.tap.record(self.operation, turn, status, out, payload, fired)


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


def _cut(payload: bytes, truncate_bytes: int | None) -> int:
    """How many bytes of a body are sent."""
    if truncate_bytes is None:
        return len(payload)
    return len(payload) // 2 if truncate_bytes < 0 else min(truncate_bytes, len(payload))


def _fitting(out: Headers, payload: bytes) -> Headers:
    """The headers, made to fit another body."""
    changed = {b"content-length": str(len(payload)).encode(), b"etag": entity_tag(payload)}
    return [(name, changed.get(name, value)) for name, value in out]
