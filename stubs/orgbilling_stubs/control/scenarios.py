"""Scenarios: the states of a dashboard by name, listed and set."""

from __future__ import annotations

from orgbilling_fixtures import scenarios
from orgbilling_fixtures.scenarios import Scenario
from orgbilling_openapi.strict_json import JsonObject

from orgbilling_stubs.control.errors import SCENARIO_UNKNOWN, error_at
from orgbilling_stubs.control.server import ControlServer, body_of, for_each
from orgbilling_stubs.http.assisted_input import same_name, suggestion
from orgbilling_stubs.http.context import Reply, RequestContext
from orgbilling_stubs.tenants.scenarios import show_scenario


def list_scenarios(server: ControlServer, request: RequestContext) -> Reply:
    """Every scenario, in the order of the states."""
    return Reply({"scenarios": [_document(scenario) for scenario in scenarios.load()]})


def _document(scenario: Scenario) -> JsonObject:
    """The schema Scenario."""
    delays_s = scenario.webhook_delays_s
    return {
        "number": scenario.number,
        "name": scenario.name,
        "title": scenario.title,
        "shows": scenario.shows,
        "operations": list(scenario.operations),
        "made": {
            "persona": scenario.persona,
            "clock": scenario.clock,
            "steps": [" ".join(str(value) for value in step.values()) for step in scenario.steps],
            "checkoutSettings": None if delays_s is None else {"webhookSeconds": list(delays_s)},
            "faults": [dict(rule) for rule in scenario.faults],
        },
    }


def scenario_named(wanted: str | int) -> Scenario | str:
    """The scenario of a name, in any spelling, or of a state's number; else what is wrong with it."""
    names = [scenario.name for scenario in scenarios.load()]
    name = same_name(wanted, names) if isinstance(wanted, str) else None
    scenario = scenarios.find(wanted if name is None else name)
    if scenario is not None:
        return scenario
    hint = suggestion(wanted, names) if isinstance(wanted, str) else ""
    return f"no such scenario{hint or ': see GET /scenarios'}"


async def set_scenario(server: ControlServer, request: RequestContext) -> Reply:
    """Make an organization, or all, show a state."""
    name = body_of(request)["scenario"]
    scenario = scenario_named(name)
    if isinstance(scenario, str):
        raise error_at(SCENARIO_UNKNOWN, "body.scenario", name, scenario)
    persona = server.personas.load(scenario.persona).document
    return await for_each(
        server,
        request,
        lambda organization: show_scenario(server.service, organization, scenario, persona),
    )
