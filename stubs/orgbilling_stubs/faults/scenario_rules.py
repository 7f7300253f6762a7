"""The fault rules of an organization's active scenario. They follow from the state of its tenant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from orgbilling_stubs.billing.commands import ClearScenarioFaults
from orgbilling_stubs.billing.tenant import ActiveScenario, Tenant
from orgbilling_stubs.tenants.service import Service

if TYPE_CHECKING:
    from orgbilling_stubs.faults.rules import RuleState


class ScenarioRules:
    """The rules of active scenarios, with their counters, by organization.

    The counters belong to the log, and to the record in it, that set the scenario. So setting a scenario
    again starts new ones, and undoing a later command keeps them.

    shared: whether other processes may change tenants. If so, the tenant is loaded for each request;
    otherwise the cached one is up to date.
    """

    def __init__(self, service: Service, *, shared: bool = False) -> None:
        self._service = service
        self._peek = _unknown if shared else service.peek
        self._rules: dict[str, tuple[tuple[int, int], Sequence[RuleState]]] = {}
        """The rules of each organization, with generation and record of the log that its scenario is from."""

    def may_fire(self, organization: str) -> bool:
        """Whether an organization's active scenario has fault rules. Called for every request."""
        tenant = self._peek(organization)
        if tenant is not None and tenant.active_scenario is None:
            return False
        return self._showing(organization) is not None

    def of(self, organization: str) -> Sequence[RuleState]:
        """The rules of the scenario that an organization shows."""
        tenant = self._showing(organization)
        if tenant is None or tenant.active_scenario is None:
            self._rules.pop(organization, None)
            return ()
        scenario = tenant.active_scenario
        place = tenant.generation, scenario.sequence
        current, rules = self._rules.get(organization, (None, ()))
        if current != place:
            rules = _active(scenario, organization)
            self._rules[organization] = place, rules
        return rules

    def clear(self, organization: str) -> None:
        """End the rules of the scenario that an organization shows; undoing it brings them back."""
        if self._showing(organization) is not None:
            self._service.execute(organization, ClearScenarioFaults())

    def _showing(self, organization: str) -> Tenant | None:
        """The tenant of an organization, if it shows a scenario with fault rules."""
        tenant = self._peek(organization)
        if tenant is None:
            tenant = self._service.existing(organization) if organization else None
            if tenant is None:
                return None
        scenario = tenant.active_scenario
        return tenant if scenario is not None and scenario.fault_rules else None


def _unknown(organization: str) -> Tenant | None:
    """No cached tenant, so that the tenant is loaded."""
    return None


def _active(scenario: ActiveScenario, organization: str) -> Sequence[RuleState]:
    """The rules of a scenario, which are named after it."""
    from orgbilling_stubs.faults.rules import RuleState, parse

    rules = [parse(document, (organization,)) for document in scenario.fault_rules]
    return [
        RuleState(replace(rule, id=f"scenario-{scenario.name}-{number}", set_by=f"scenario {scenario.name}"))
        for number, rule in enumerate(rules, start=1)
    ]
