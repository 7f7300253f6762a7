"""The step of the pipeline that injects faults: of overrides, scenarios, and standing rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property, partial
from typing import TYPE_CHECKING

from orgbilling_stubs.faults import COOKIE, errors
from orgbilling_stubs.faults.active_rules import ActiveRules
from orgbilling_stubs.faults.scenario_preview import ScenarioPreviews
from orgbilling_stubs.http.context import CallNext, PendingResponse, RequestContext, Response
from orgbilling_stubs.http.errors import Problem
from orgbilling_stubs.tenants.service import Service
from orgbilling_stubs.tenants.store.errors import StoreError
from orgbilling_stubs.tenants.store.retry import retried

if TYPE_CHECKING:
    from orgbilling_stubs.faults.documented_responses import DocumentedResponses
    from orgbilling_stubs.faults.overrides import Override

_COOKIE = COOKIE.encode()


class FaultInjector:
    """Decides for each request which faults it gets, and has them applied.

    The faults of a request are its own overrides, then the rules of the scenario that its organization shows,
    then the standing rules, oldest first. Most requests have none, so `may_fire` has to say so quickly.

    description: the API description. counted: False for requests that only show what the response would be:
    no rule counts them, and no delay takes place.
    """

    def __init__(
        self,
        description: Mapping[str, object],
        rules: ActiveRules,
        service: Service,
        previews: ScenarioPreviews,
        *,
        counted: bool = True,
    ) -> None:
        self.rules = rules
        self.service = service
        self.previews = previews
        self._description = description
        self._counted = counted

    def __call__(self, call_next: CallNext) -> CallNext:
        """The step in front of the rest of the pipeline.

        No coroutine of its own, so that a request without faults pays for none.
        """

        rules = self.rules

        def inject(context: RequestContext) -> PendingResponse:
            principal = context.principal
            organization = None if principal is None else principal.organization
            headers = context.headers
            cookie = headers.get(b"cookie")
            asks = (
                b"prefer" in headers
                or (context.query and b"__" in context.query)
                or (cookie is not None and _COOKIE in cookie)
            )
            try:
                if asks or rules.may_fire(context.operation.operation_id, organization):
                    return self._inject(context, call_next, asks)
            except StoreError:
                return self._inject(context, call_next, asks)  # there it can wait for the store
            return call_next(context)

        return inject

    async def _inject(self, context: RequestContext, call_next: CallNext, asks: bool) -> Response:
        # Late: most servers never see a fault.
        from orgbilling_stubs.faults.faulted_exchange import FaultedExchange
        from orgbilling_stubs.faults.overrides import read
        from orgbilling_stubs.faults.request_faults import RequestFaults

        store, operation_id, principal = self.service.store, context.operation.operation_id, context.principal
        organization = None if principal is None else principal.organization
        try:
            # `may_fire` has not loaded the rules when the request asks for a fault, or the store was locked.
            await retried(store, partial(self.rules.refresh, organization))
            override = read(context.raw_headers, context.query) if asks else None
            if override is not None:
                self._check(operation_id, override)
                if override.scenario is not None and principal is not None:
                    show = partial(self.previews.preview, principal.organization, override.scenario)
                    preview = await retried(store, show)
                    context.principal = replace(principal, organization=preview)
            request = IncomingRequest(context, self.service)
            fired = self.rules.fire(operation_id, context.method, request, counted=self._counted)
            fired = await retried(store, partial(self.rules.record_counters, fired))
        except (Problem, StoreError) as problem:
            return context.operation.problem(context, problem)
        if override is None and not fired:
            return await call_next(context)
        faults = RequestFaults(override, fired, waits=self._counted)
        faulted = FaultedExchange(context, faults, self.documented_responses, self.service)
        return await faulted.respond(call_next)

    @cached_property
    def documented_responses(self) -> DocumentedResponses:
        """What the API description says about responses."""
        from orgbilling_stubs.faults.documented_responses import DocumentedResponses

        return DocumentedResponses(self._description)

    def _check(self, operation: str, override: Override) -> None:
        """Raise Problem for a status or an example that the API description does not have."""
        if override.code is not None and not override.force:
            self.rules.check_status([operation], override.code, errors.CODE_UNLISTED)
        if override.example is not None:
            self.documented_responses.example(operation, override.code or 200, override.example)


class IncomingRequest:
    """What rules may ask about a request; the instant is worked out when the first one asks."""

    def __init__(self, context: RequestContext, service: Service) -> None:
        self._service = service
        self.organization = "" if context.principal is None else context.principal.organization

    @cached_property
    def now_ms(self) -> int:
        """The organization's present instant, or the server's when there is no organization."""
        if not self.organization:
            return self._service.clock.now_ms()
        return self._service.tenant(self.organization).now_ms
