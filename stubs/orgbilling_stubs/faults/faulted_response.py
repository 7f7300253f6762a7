"""Answers one request with faults: later, otherwise, in part, or not at all."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from orgbilling_stubs.auth.principal import Principal
from orgbilling_stubs.billing.state import TenantFactory
from orgbilling_stubs.faults.documented_responses import DocumentedResponses, InjectedError
from orgbilling_stubs.faults.effects.effect import TenantReader
from orgbilling_stubs.faults.effects.status import BODILESS
from orgbilling_stubs.faults.past import PastTenants
from orgbilling_stubs.faults.request_faults import RequestFaults
from orgbilling_stubs.http.connection import Connection
from orgbilling_stubs.http.context import AppliedFault, CallNext, Headers, Reply, RequestContext, Response
from orgbilling_stubs.http.responses import entity_tag
from orgbilling_stubs.tenants.service import Service


@dataclass(frozen=True, slots=True)
class Tools:
    """What all faulted responses of a server share."""

    responses: DocumentedResponses
    service: Service
    genesis: TenantFactory


class FaultedResponse:
    """The response to one request that has faults.

    principal: who asks, as far as that is known before the operation. staged: the organization to answer as,
    if not the principal's own.
    """

    def __init__(
        self,
        tools: Tools,
        context: RequestContext,
        faults: RequestFaults,
        principal: Principal | None,
        staged: str | None = None,
    ) -> None:
        self.tools = tools
        self.context = context
        self.faults = faults
        self.staged = staged
        self.operation = context.operation.operation_id
        self.delivery = faults.delivery
        self.response_headers: dict[bytes, bytes] = {}
        self.success_status: int | None = None
        if principal is not None and staged is not None:
            principal = replace(principal, organization=staged)
        self.principal = principal

    @property
    def organization(self) -> str:
        """The organization of the token, or an empty string when there is none."""
        return self.staged or ("" if self.principal is None else self.principal.organization)

    def past_tenants(self, *, commands: int, seconds: int) -> TenantReader:
        """Tenants as they were."""
        return PastTenants(self.tools.service, self.tools.genesis, commands, seconds)

    def documented_error(
        self, status: int, detail: str | None = None, retry_after_s: int | None = None
    ) -> InjectedError:
        """The error response of a status."""
        return self.tools.responses.error(self.operation, status, detail, retry_after_s)

    async def respond(self, call_next: CallNext) -> Response:
        """Answer with all faults."""
        faults, context = self.faults, self.context
        if faults.summary:
            rules = tuple((firing.active.rule.id, firing.match_number) for firing in faults.fired)
            context.fault = AppliedFault(
                faults.summary, faults.override.applied if faults.override else "", rules
            )
        if faults.delay_ms:
            await context.connection.pause(faults.delay_ms / 1000)
        error = faults.answer(self)
        if self.delivery.unanswered and not self.delivery.late:
            context.principal = self.principal
            return self._unanswered()
        response = await self._operate(call_next) if error is None else self._injected(error)
        return self._unanswered() if self.delivery.unanswered else self._changed(response)

    def _injected(self, error: InjectedError) -> Response:
        """An error response in place of the operation's own."""
        context = self.context
        context.principal = self.principal
        response = context.operation.problem(context, error)
        if response.status in BODILESS:
            headers = [(b"x-trace-id", context.trace_id.encode())]
            if response.status == 304:
                headers.insert(0, (b"etag", context.headers.get(b"if-none-match", b'"forced"')))
            return Response(response.status, headers)
        return response

    async def _operate(self, call_next: CallNext) -> Response:
        """Let the operation answer, with its surroundings changed."""
        context = self.context
        if self.faults.changes_body:
            context.headers.pop(b"if-none-match", None)
        example = self._example()
        if example is not None:
            try:
                response = context.operation.respond(context, Reply(example))
            except Exception as error:
                response = context.operation.problem(context, error)
        else:
            context.organization_override = self.staged
            tenants = self.faults.tenants(self, self.tools.service)
            if tenants is not self.tools.service:
                context.tenant_override = tenants.tenant
            response = await call_next(context)
        if response.status == 200 and self.success_status is not None:
            response.status = self.success_status
        return response

    def _example(self) -> Any:
        override = self.faults.override
        if override is None or override.example is None:
            return None
        return self.tools.responses.example(self.operation, override.code or 200, override.example)

    def _unanswered(self) -> Response:
        """End the connection without an answer."""
        hang_ms = self.delivery.hang_ms

        async def end(response: Response, connection: Connection) -> None:
            if hang_ms is None:
                await connection.reset()
                return
            await connection.departed(hang_ms / 1000)
            await connection.close()

        return Response(0, [], deliver=end)

    def _changed(self, response: Response) -> Response:
        """The response with changes to its headers, to its body and to the way it is sent."""
        if self.faults.changes_body and response.body:
            response.body = self.faults.changed_body(response.body)
            response.headers = _fitting(response.headers, response.body)
        override = self.faults.override
        if override is not None:
            self.response_headers[b"preference-applied"] = override.applied.encode("latin-1")
            self.response_headers[b"vary"] = b"Prefer"
        response.headers = [*response.headers, *self.response_headers.items()]
        sent_bytes = self.delivery.sent_bytes(response.body)
        response.complete = sent_bytes == len(response.body)
        response.body = response.body[:sent_bytes]
        bytes_per_s = self.delivery.drip_bytes_per_s

        async def drip(response: Response, connection: Connection) -> None:
            assert bytes_per_s is not None
            await connection.start(response.status, response.headers)
            await connection.drip(response.body, bytes_per_s, more=not response.complete)
            if not response.complete:
                await connection.close()

        if bytes_per_s is not None and not self.context.connection.head_only:
            response.deliver = drip
        return response


def _fitting(headers: Headers, body: bytes) -> Headers:
    """The headers, made to fit another body."""
    changed = {b"content-length": str(len(body)).encode(), b"etag": entity_tag(body)}
    return [(name, changed.get(name, value)) for name, value in headers]
