"""The step of the pipeline that injects faults: of overrides, scenarios, and standing rules."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from orgbilling_stubs.auth.principal import Principal
from orgbilling_stubs.faults import COOKIE, errors
from orgbilling_stubs.faults.active_rules import ActiveRules
from orgbilling_stubs.faults.scenario_preview import ScenarioPreviews
from orgbilling_stubs.http.context import CallNext, RequestContext, Response
from orgbilling_stubs.http.errors import Problem
from orgbilling_stubs.http.security import Authorize, authorize_once
from orgbilling_stubs.tenants.service import Service

if TYPE_CHECKING:
    from orgbilling_stubs.faults.documented_responses import DocumentedResponses
    from orgbilling_stubs.faults.overrides import Override

_COOKIE = COOKIE.encode()


class FaultInjector:
    """Decides for each request which faults it gets, and has them applied.

    The faults of a request are its own overrides, then the rules of the scenario that its organization shows,
    then the standing rules, oldest first. Most requests have none, so `_may_strike` has to say so quickly.

    description: the API description. authorize: who asks, and may they.
    """

    def __init__(
        self,
        description: Mapping[str, object],
        rules: ActiveRules,
        service: Service,
        authorize: Authorize,
        previews: ScenarioPreviews,
    ) -> None:
        self.rules = rules
        self.service = service
        self.authorize = authorize
        self.previews = previews
        self._description = description
        self._applicable = rules.applicable_rules

    def __call__(self, call_next: CallNext) -> CallNext:
        """The step in front of the rest of the pipeline.

        No coroutine of its own, so that a request without faults pays for none.
        """

        def inject(context: RequestContext) -> Coroutine[Any, Any, Response]:
            headers = context.headers
            cookie = headers.get(b"cookie")
            # `find` takes a quarter of the time of `in`, which first raises and catches a TypeError.
            asks = (
                b"prefer" in headers
                or context.query.find(b"__") >= 0
                or (cookie is not None and cookie.find(_COOKIE) >= 0)
            )
            if asks or self._may_strike(context):
                return self._inject(context, call_next, asks)
            return call_next(context)

        return inject

    def _may_strike(self, context: RequestContext) -> bool:
        """Whether a rule could strike."""
        rules = self.rules
        if rules.shared:
            rules.refresh()
        operation_id = context.operation.operation_id
        applicable = self._applicable.get(operation_id) or rules.applicable(operation_id)
        organizations = applicable.organizations
        if organizations is None and applicable.rules:
            return True
        principal = authorize_once(context, self.authorize)
        if not isinstance(principal, Principal):
            return False  # whoever is not let in has no organization
        organization = principal.organization
        return bool(organizations and organization in organizations) or rules.scenarios.may_strike(
            organization
        )

    async def _inject(self, context: RequestContext, call_next: CallNext, asks: bool) -> Response:
        # Late: most servers never see a fault.
        from orgbilling_stubs.faults.faulted_response import FaultedResponse
        from orgbilling_stubs.faults.overrides import read
        from orgbilling_stubs.faults.request_faults import RequestFaults

        request = IncomingRequest(self, context)
        preview = None
        try:
            override = read(context.raw_headers, context.query) if asks else None
            if override is not None:
                self._check(context.operation.operation_id, override)
                if override.scenario is not None and request.principal is not None:
                    preview = self.previews.preview(request.organization, override.scenario)
                    request.organization = preview
        except Problem as problem:
            return context.operation.problem(context, problem)
        fired = self.rules.fire(context.operation.operation_id, context.method, request)
        if override is None and not fired:
            return await call_next(context)
        faults = RequestFaults(override, fired)
        faulted = FaultedResponse(
            context, faults, self.documented_responses, self.service, request.principal, preview
        )
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
    """What rules may ask about a request; worked out when the first one asks."""

    def __init__(self, injector: FaultInjector, context: RequestContext) -> None:
        self._injector = injector
        self._context = context

    @cached_property
    def principal(self) -> Principal | None:
        """Who asks; None for whoever is not let in, which the operation itself will then say."""
        principal = authorize_once(self._context, self._injector.authorize)
        return None if isinstance(principal, Exception) else principal

    @cached_property
    def organization(self) -> str:
        """The organization of the token, or of the preview that was asked for; or an empty string."""
        return "" if self.principal is None else self.principal.organization

    @cached_property
    def now_ms(self) -> int:
        """The organization's present instant, or the server's when there is no organization."""
        service = self._injector.service
        return service.tenant(self.organization).now_ms if self.organization else service.clock.now_ms()
