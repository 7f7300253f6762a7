"""Scenario previews: a request is answered as in a scenario that is not set for its organization."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from orgbilling_openapi.strict_json import JsonValue

from orgbilling_stubs.faults.errors import SCENARIO_UNKNOWN
from orgbilling_stubs.http.errors import Problem
from orgbilling_stubs.tenants.service import Service

LONGEST_ID = 128
"""An organization id has at most so many characters."""


class ScenarioPreviews:
    """Creates the organizations that show a scenario in place of others.

    The preview of `low-balance` for `org_a` is the organization `org_a.low-balance`. The first request for it
    creates it, and it exists until it is deleted: later requests see what earlier ones have changed in it.

    persona: gives the document of a persona by name.
    """

    def __init__(
        self,
        service: Service,
        persona: Callable[[str], Mapping[str, JsonValue]],
    ) -> None:
        self._service = service
        self._persona = persona

    def preview(self, organization: str, name: str) -> str:
        """The organization that shows a scenario, by name or number; raises Problem when there is none."""
        # Late: most servers never show a scenario.
        from orgbilling_fixtures import scenarios

        from orgbilling_stubs.tenants.scenarios import show_scenario

        scenario = scenarios.find(int(name) if name.isdecimal() and name.isascii() else name)
        if scenario is None:
            raise Problem(SCENARIO_UNKNOWN)
        ending = f".{scenario.name}"
        preview = organization.removesuffix(ending)[: LONGEST_ID - len(ending)] + ending
        if not self._shows(preview, scenario.name):
            show_scenario(self._service, preview, scenario, self._persona(scenario.persona))
        return preview

    def _shows(self, organization: str, name: str) -> bool:
        """Whether an organization shows a scenario."""
        if not self._service.exists(organization):
            return False
        active = self._service.tenant(organization).active_scenario
        return active is not None and active.name == name
