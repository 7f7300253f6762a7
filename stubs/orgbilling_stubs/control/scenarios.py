"""Scenarios: the states of a dashboard by name, listed and set."""

from __future__ import annotations

from typing import Any

from orgbilling_fixtures import scenarios
from orgbilling_fixtures.scenarios import Scenario

from orgbilling_stubs.control import context
from orgbilling_stubs.control.context import Control, control
from orgbilling_stubs.control.errors import SCENARIO_UNKNOWN, refusal
from orgbilling_stubs.http.context import Call, Reply
from orgbilling_stubs.tenants import scenarios as shown


def listed(call: Call) -> Reply:
    """Every scenario, in the order of the states."""
    return Reply({"scenarios": [_shown(each) for each in scenarios.load()]})


def _shown(scenario: Scenario) -> dict[str, Any]:
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
            "habits": None
            if scenario.webhook_delays_s is None
            else {"webhookSeconds": list(scenario.webhook_delays_s)},
            "faults": [dict(rule) for rule in scenario.faults],
        },
    }


async def put(call: Call) -> Reply:
    """Make an organization, or all, show a state."""
    server, wanted = control(call), context.body(call)["scenario"]
    scenario = scenarios.find(wanted)
    if scenario is None:
        raise refusal(SCENARIO_UNKNOWN, "body.scenario", wanted)
    if server.coverage is not None:
        server.coverage.scenario(scenario.name)
    return await context.for_each(call, lambda organization: play(server, organization, scenario))


def play(server: Control, organization: str, scenario: Scenario) -> None:
    """Make an organization show a scenario; its fault rules apply as long as it does."""
    shown.show(server.service, organization, scenario, server.cast.load(scenario.persona).document)
