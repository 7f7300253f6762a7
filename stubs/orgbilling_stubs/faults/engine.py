"""Decides with every request whether a fault strikes it, and takes over those that one does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from orgbilling_stubs.auth.principal import Principal
from orgbilling_stubs.billing.state import TenantFactory
from orgbilling_stubs.faults import COOKIE, errors
from orgbilling_stubs.faults.active_rules import ActiveRules
from orgbilling_stubs.http.context import CallNext, RequestContext, Response
from orgbilling_stubs.http.errors import Problem
from orgbilling_stubs.http.security import Authorize
from orgbilling_stubs.tenants.service import Service

if TYPE_CHECKING:
    from orgbilling_stubs.faults.faulted_response import Tools
    from orgbilling_stubs.faults.overrides import Override

REMEMBERED = 4096
_COOKIE = COOKIE.encode()

Stage = Callable[[str, str], str]
"""From an organization and a scenario to the organization that shows it; raises Problem for no scenario."""


def no_stage(organization: str, scenario: str) -> str:
    """The stage of a server without scenarios."""
    raise Problem(errors.SCENARIO_UNKNOWN)


class FaultInjection:
    """The step of the pipeline that applies overrides and standing rules."""

    def __init__(
        self,
        contract: Mapping[str, Any],
        rules: ActiveRules,
        service: Service,
        genesis: TenantFactory,
        authorize: Authorize,
        stage: Stage = no_stage,
    ) -> None:
        self.rules = rules
        self.service = service
        self.stage = stage
        self.authorize = authorize
        self._contract = contract
        self._genesis = genesis
        self._applicable = rules.applicable_rules
        self._organizations: dict[int, str] = {}
        """By hash of the Authorization header, so that no token is kept."""

    async def __call__(self, context: RequestContext, call_next: CallNext) -> Response:
        """Answer the request; with faults if it has overrides, or a rule strikes it."""
        operation_id, headers = context.operation.operation_id, context.headers
        applicable = self._applicable.get(operation_id)
        if applicable is None:
            applicable = self.rules.applicable(operation_id)
        rules, organizations = applicable
        cookie = headers.get(b"cookie")
        asks = b"prefer" in headers or b"__" in context.query or (cookie is not None and _COOKIE in cookie)
        if asks or (rules and not self._spared(organizations, headers)):
            return await self._strike(context, call_next, asks)
        return await call_next(context)

    def _spared(self, organizations: frozenset[str] | None, headers: Mapping[bytes, bytes]) -> bool:
        """Whether all rules are for others: known without reading a token that was read before."""
        if organizations is None:
            return False
        organization = self._organizations.get(hash(headers.get(b"authorization")))
        return organization is not None and organization not in organizations

    @cached_property
    def _tools(self) -> Tools:
        """What faulted responses are made with, imported with the first fault: most servers never see one."""
        from orgbilling_stubs.faults.documented_responses import DocumentedResponses
        from orgbilling_stubs.faults.faulted_response import Tools

        return Tools(DocumentedResponses(self._contract), self.service, self._genesis)

    async def _strike(self, context: RequestContext, call_next: CallNext, asks: bool) -> Response:
        from orgbilling_stubs.faults.faulted_response import FaultedResponse
        from orgbilling_stubs.faults.overrides import read
        from orgbilling_stubs.faults.request_faults import RequestFaults

        request = Request(self, context)
        try:
            override = read(context.raw_headers, context.query) if asks else None
            if override is not None:
                self._check(context.operation.operation_id, override)
                if override.scenario is not None and request.principal is not None:
                    request.organization = self.stage(request.principal.organization, override.scenario)
        except Problem as problem:
            return context.operation.problem(context, problem)
        fired = tuple(self.rules.fire(context.operation.operation_id, context.method, request))
        request.remember(self._organizations)
        if override is None and not fired:
            return await call_next(context)
        staged = request.organization if override is not None and override.scenario is not None else None
        faults = RequestFaults(override, fired)
        return await FaultedResponse(self._tools, context, faults, request.principal, staged).respond(
            call_next
        )

    def _check(self, operation: str, override: Override) -> None:
        if override.code is not None and not override.force:
            self.rules.check_status([operation], override.code, errors.CODE_UNLISTED)
        if override.example is not None:
            self._tools.responses.example(operation, override.code or 200, override.example)


class Request:
    """What rules may ask about a request; worked out when the first one asks."""

    def __init__(self, injection: FaultInjection, context: RequestContext) -> None:
        self._injection = injection
        self._context = context

    @cached_property
    def principal(self) -> Principal | None:
        """Who asks; None for whoever is not let in, which the operation itself will then say."""
        try:
            return self._injection.authorize(self._context.raw_headers, self._context.method)
        except Exception as error:
            if not hasattr(error, "status"):
                raise
            return None

    def remember(self, organizations: dict[int, str]) -> None:
        """Note whose token this is, if it was looked at."""
        authorization = self._context.headers.get(b"authorization")
        principal: Principal | None = self.__dict__.get("principal")
        if authorization is not None and principal is not None:
            if len(organizations) >= REMEMBERED:
                organizations.clear()
            organizations[hash(authorization)] = principal.organization

    @cached_property
    def organization(self) -> str:
        """The organization of the token, or an empty string."""
        return "" if self.principal is None else self.principal.organization

    @cached_property
    def now_ms(self) -> int:
        """The organization's present instant, or the server's when there is no organization."""
        service = self._injection.service
        return service.tenant(self.organization).now_ms if self.organization else service.clock.now_ms()
