"""The fault rules of an organization's active scenario. They follow from the state of its tenant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from orgbilling_stubs.billing.tenant import ActiveScenario, Tenant
from orgbilling_stubs.tenants.service import Service

if TYPE_CHECKING:
    from orgbilling_stubs.faults.rules import ActiveRule


class ScenarioRules:
    """The rules of active scenarios, with their counters, by organization.

    The counters belong to the record of the log that set the scenario. So setting a scenario again starts
    new ones, and undoing a later command keeps them.

    shared: whether other processes may change tenants. If so, the tenant is loaded for each request;
    otherwise the cached one is up to date.
    """

    def __init__(self, service: Service, *, shared: bool = False) -> None:
        self._service = service
        self._peek = _unknown if shared else service.peek
        self._rules: dict[str, tuple[ActiveScenario, Sequence[ActiveRule]]] = {}

    def may_strike(self, organization: str) -> bool:
        """Whether an organization's active scenario has fault rules. Called for every request."""
        tenant = self._peek(organization)
        if tenant is not None and tenant.active_scenario is None:
            return False
        return self._scenario(organization) is not None

    def of(self, organization: str) -> Sequence[ActiveRule]:
        """The rules of the scenario that an organization shows."""
        scenario = self._scenario(organization)
        if scenario is None:
            self._rules.pop(organization, None)
            return ()
        current, rules = self._rules.get(organization, (None, ()))
        if current is None or current.sequence != scenario.sequence:
            rules = _active(scenario, organization)
            self._rules[organization] = scenario, rules
        return rules

    def _scenario(self, organization: str) -> ActiveScenario | None:
        """The scenario that an organization shows, if it has fault rules."""
        tenant = self._peek(organization)
        if tenant is None:
            if not organization or not self._service.exists(organization):
                return None
            tenant = self._service.tenant(organization)
        scenario = tenant.active_scenario
        return scenario if scenario is not None and scenario.fault_rules else None


def _unknown(organization: str) -> Tenant | None:
    """No cached tenant, so that the tenant is loaded."""
    return None


def _active(scenario: ActiveScenario, organization: str) -> Sequence[ActiveRule]:
    """The rules of a scenario, which are named after it."""
    from orgbilling_stubs.faults.rules import ActiveRule, parse

    rules = [parse(document, (organization,)) for document in scenario.fault_rules]
    return [
        ActiveRule(replace(rule, id=f"scenario-{scenario.name}-{number}"))
        for number, rule in enumerate(rules, start=1)
    ]
