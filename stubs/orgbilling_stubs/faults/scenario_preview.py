"""Scenario previews: a request sees a scenario without setting it for its organization."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from orgbilling_openapi.strict_json import JsonValue

from orgbilling_stubs.faults.errors import SCENARIO_UNKNOWN
from orgbilling_stubs.http.errors import Problem
from orgbilling_stubs.tenants.service import Service

LONGEST_ID = 128
"""An organization id has at most so many characters."""


class ScenarioPreviews:
    """Makes the organizations that show a scenario in place of others.

    The preview of `low-balance` for `org_a` is the organization `org_a.low-balance`. It is created with the
    first request for it, and lives on until it is deleted: what a request changes there, the next one in
    the same scenario finds changed.

    persona: the document of a persona by name. shown: hears the name of each scenario that is asked for.
    """

    def __init__(
        self,
        service: Service,
        persona: Callable[[str], Mapping[str, JsonValue]],
        shown: Callable[[str], None] = lambda name: None,
    ) -> None:
        self._service = service
        self._persona = persona
        self._shown = shown

    def preview(self, organization: str, name: str) -> str:
        """The organization that shows a scenario, by name or number; raises Problem when there is none."""
        # Late: a server that nobody asks for a scenario needs none of this.
        from orgbilling_fixtures import scenarios

        from orgbilling_stubs.tenants.scenarios import show_scenario

        scenario = scenarios.find(int(name) if name.isdecimal() and name.isascii() else name)
        if scenario is None:
            raise Problem(SCENARIO_UNKNOWN)
        ending = f".{scenario.name}"
        preview = organization.removesuffix(ending)[: LONGEST_ID - len(ending)] + ending
        if not self._shows(preview, scenario.name):
            show_scenario(self._service, preview, scenario, self._persona(scenario.persona))
        self._shown(scenario.name)
        return preview

    def _shows(self, organization: str, name: str) -> bool:
        """Whether an organization shows a scenario."""
        if not self._service.exists(organization):
            return False
        active = self._service.tenant(organization).active_scenario
        return active is not None and active.name == name
