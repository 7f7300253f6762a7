"""Decides with every request whether a fault strikes it, and takes over those that one does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from orgbilling_stubs.billing.apply import TenantFactory
from orgbilling_stubs.faults import COOKIE, errors
from orgbilling_stubs.faults.active_rules import ActiveRules
from orgbilling_stubs.http.errors import Problem
from orgbilling_stubs.http.middleware import Detour
from orgbilling_stubs.tenants.clock import wall_ns
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


class Engine:
    """Overrides and standing rules of one server."""

    def __init__(
        self,
        contract: Mapping[str, Any],
        rules: ActiveRules,
        service: Service,
        genesis: TenantFactory,
        stage: Stage = no_stage,
    ) -> None:
        self.rules = rules
        self.service = service
        self.stage = stage
        self._contract = contract
        self._genesis = genesis
        self._applicable = rules.applicable_rules
        self._organizations: dict[int, str] = {}
        """By hash of the Authorization header, so that no token is kept."""

    def begin(self, operation: Any, scope: Mapping[str, Any], headers: Mapping[bytes, bytes]) -> int | Detour:
        """The instant, in nanoseconds; or who answers, if the request has overrides or a rule strikes."""
        applicable = self._applicable.get(operation.name)
        if applicable is None:
            applicable = self.rules.applicable(operation.name)
        rules, organizations = applicable
        cookie = headers.get(b"cookie")
        asks = (
            b"prefer" in headers
            or b"__" in scope["query_string"]
            or (cookie is not None and _COOKIE in cookie)
        )
        if asks or (rules and not self._spared(organizations, headers)):
            return self._strike(operation, scope, asks) or wall_ns()
        return wall_ns()

    def _spared(self, organizations: frozenset[str] | None, headers: Mapping[bytes, bytes]) -> bool:
        """Whether all rules are for others: known without reading a token that was read before."""
        if organizations is None:
            return False
        organization = self._organizations.get(hash(headers.get(b"authorization")))
        return organization is not None and organization not in organizations

    @cached_property
    def _tools(self) -> Tools:
        """What spoils answers, imported with the first fault: most servers never see one."""
        from orgbilling_stubs.faults.documented_responses import DocumentedResponses
        from orgbilling_stubs.faults.faulted_response import Tools

        return Tools(DocumentedResponses(self._contract), self.service, self._genesis)

    def _strike(self, operation: Any, scope: Mapping[str, Any], asks: bool) -> Detour | None:
        from orgbilling_stubs.faults.faulted_response import Spoiled
        from orgbilling_stubs.faults.overrides import read
        from orgbilling_stubs.faults.request_faults import RequestFaults

        request = Request(self, operation, scope)
        try:
            override = read(scope) if asks else None
            if override is not None:
                self._check(operation.name, override)
                if override.scenario is not None and request.principal is not None:
                    request.organization = self.stage(request.principal.organization, override.scenario)
        except Problem as problem:
            return partial(Spoiled(self._tools, operation, scope, RequestFaults(None, ())).refuse, problem)
        fired = tuple(self.rules.fire(operation.name, scope["method"], request))
        request.remember(self._organizations)
        if override is None and not fired:
            return None
        staged = request.organization if override is not None and override.scenario is not None else None
        return Spoiled(self._tools, operation, scope, RequestFaults(override, fired), request, staged).serve

    def _check(self, operation: str, override: Override) -> None:
        if override.code is not None and not override.force:
            self.rules.check_status([operation], override.code, errors.CODE_UNLISTED)
        if override.example is not None:
            self._tools.responses.example(operation, override.code or 200, override.example)


class Request:
    """What rules may ask about a request; worked out when the first one asks."""

    def __init__(self, engine: Engine, operation: Any, scope: Mapping[str, Any]) -> None:
        self._engine = engine
        self._operation = operation
        self._scope = scope

    @cached_property
    def principal(self) -> Any:
        """Who asks; None for whoever is not let in, which the operation itself will then say."""
        try:
            return self._operation.world.admit(self._scope["headers"], self._scope["method"])
        except Exception as refused:
            if not hasattr(refused, "status"):
                raise
            return None

    def remember(self, organizations: dict[int, str]) -> None:
        """Note whose token this is, if it was looked at."""
        authorization = dict(reversed(self._scope["headers"])).get(b"authorization")
        if authorization is not None and self.__dict__.get("principal") is not None:
            if len(organizations) >= REMEMBERED:
                organizations.clear()
            organizations[hash(authorization)] = self.principal.organization

    @cached_property
    def organization(self) -> str:
        """The organization of the token, or an empty string."""
        return "" if self.principal is None else str(self.principal.organization)

    @cached_property
    def now_ms(self) -> int:
        """The organization's present instant, or the server's when there is no organization."""
        service = self._engine.service
        return service.tenant(self.organization).now_ms if self.organization else service.clock.now_ms()
