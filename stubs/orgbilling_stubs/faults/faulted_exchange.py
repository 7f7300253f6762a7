"""The response to a request that has faults: later, another one, changed, in part, or none."""

from __future__ import annotations

from orgbilling_stubs.faults.documented_responses import DocumentedResponses, InjectedError
from orgbilling_stubs.faults.effects.status import BODILESS
from orgbilling_stubs.faults.request_faults import RequestFaults
from orgbilling_stubs.http.context import CallNext, Headers, Reply, RequestContext, Response
from orgbilling_stubs.http.cors import VARY
from orgbilling_stubs.http.request_head import first_values
from orgbilling_stubs.http.responses import entity_tag
from orgbilling_stubs.tenants.service import Service

OF_A_BODY = frozenset({b"content-type", b"content-length", b"link"})
"""Headers that a response without a body does not have."""


class FaultedExchange:
    """Takes one request through the stages of its faults (see `faults.effects.effect`)."""

    def __init__(
        self,
        context: RequestContext,
        faults: RequestFaults,
        documented_responses: DocumentedResponses,
        service: Service,
    ) -> None:
        self.context = context
        self.faults = faults
        self.service = service
        self.operation = context.operation.operation_id
        self.response_headers: dict[bytes, bytes] = {}
        self.success_status: int | None = None
        self._documented = documented_responses

    @property
    def organization(self) -> str:
        """The organization to answer for, or an empty string when there is none."""
        principal = self.context.principal
        return "" if principal is None else principal.organization

    def documented_error(
        self, status: int, detail: str | None = None, retry_after_s: int | None = None
    ) -> InjectedError:
        """The error response of a status."""
        return self._documented.error(self.operation, status, detail, retry_after_s)

    async def respond(self, call_next: CallNext) -> Response:
        """Answer the request with all faults. call_next: the rest of the pipeline."""
        context, faults, delivery = self.context, self.faults, self.faults.delivery
        context.fault = faults.applied()
        if faults.delay_ms:
            await context.connection.pause(faults.delay_ms / 1000)
        error = faults.error_response(self)
        if delivery.unanswered and not delivery.late:
            response = Response(0, [])
        elif error is not None:
            response = self._injected(error)
        else:
            response = await self._operate(call_next)
        if not delivery.unanswered:
            response = self._changed(response)
        return delivery.apply(response, head_only=context.connection.head_only)

    def _injected(self, error: InjectedError) -> Response:
        """An error response in place of the operation's own."""
        context = self.context
        response = context.operation.problem(context, error)
        if response.status in BODILESS:
            headers = [pair for pair in response.headers if pair[0] not in OF_A_BODY]
            if response.status == 304:
                headers.insert(0, (b"etag", context.headers.get(b"if-none-match", b'"injected"')))
            return Response(response.status, headers)
        return response

    async def _operate(self, call_next: CallNext) -> Response:
        """The operation's own response, or the example that was asked for."""
        context, override = self.context, self.faults.override
        if self.faults.changes_body:
            # The client has another body than the one it names: it gets this one in full.
            context.headers = first_values([row for row in context.raw_headers if row[0] != b"if-none-match"])
        if override is not None and override.example is not None:
            example = self._documented.example(self.operation, override.code or 200, override.example)
            response = self._of_example(example)
        else:
            tenants = self.faults.tenants(self, self.service)
            if tenants is not self.service:
                context.tenant_override = tenants.tenant
            response = await call_next(context)
        if response.status == 200 and self.success_status is not None:
            response.status = self.success_status
        return response

    def _of_example(self, example: object) -> Response:
        context = self.context
        try:
            return context.operation.respond(context, Reply(example))
        except Exception as error:
            return context.operation.problem(context, error)

    def _changed(self, response: Response) -> Response:
        """The response with changes to its body and its headers."""
        if self.faults.changes_body and response.body:
            response.body = self.faults.changed_body(response.body)
            response.headers = _fitting(response.headers, response.body)
        added = list(self.response_headers.items())
        override = self.faults.override
        if override is not None:
            added += [(b"preference-applied", override.applied.encode("latin-1")), (b"vary", b"Prefer")]
        headers = [pair for pair in response.headers if pair[0] not in self.response_headers]
        # With an injected error they come before the headers that every response ends with.
        injected = isinstance(self.context.error, InjectedError) and VARY in headers
        end = headers.index(VARY) if injected else len(headers)
        response.headers = [*headers[:end], *added, *headers[end:]]
        return response


def _fitting(headers: Headers, body: bytes) -> Headers:
    """The headers, made to fit another body."""
    changed = {b"content-length": b"%d" % len(body), b"etag": entity_tag(body)}
    return [(name, changed.get(name, value)) for name, value in headers]
