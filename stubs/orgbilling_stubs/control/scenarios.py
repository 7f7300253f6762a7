"""Scenarios: the states of a dashboard by name, listed and set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from orgbilling_fixtures import scenarios
from orgbilling_fixtures.scenarios import Scenario

from orgbilling_stubs.control import context
from orgbilling_stubs.control.context import Control, control
from orgbilling_stubs.control.errors import SCENARIO_UNKNOWN, refusal
from orgbilling_stubs.faults.rules import FaultRule, parse
from orgbilling_stubs.http.context import Call, Reply
from orgbilling_stubs.http.errors import Problem
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
    """Make an organization show a scenario, and put the scenario's fault rules in force.

    Raises Problem, and changes nothing, when there is no room for the rules.
    """
    rules = _add(server, organization, scenario.faults)
    _remove(server, organization)
    persona = server.cast.load(scenario.persona).document
    active = shown.show(server.service, organization, scenario, persona).active_scenario
    assert active is not None, "the organization shows the scenario"
    server.scenario_rules[organization] = active, rules


def apply_fault_rules(server: Control, organization: str) -> None:
    """Put the fault rules of the scenario that an organization shows in force, and those of another out."""
    active = server.service.tenant(organization).active_scenario
    in_force = server.scenario_rules.get(organization)
    if active == (None if in_force is None else in_force[0]):
        return
    _remove(server, organization)
    if active is not None:
        server.scenario_rules[organization] = active, _add(server, organization, active.fault_rules)


def _add(server: Control, organization: str, documents: Sequence[Mapping[str, Any]]) -> Sequence[FaultRule]:
    """Add fault rules for an organization: all of them, or none when that raises Problem."""
    rules: list[FaultRule] = []
    try:
        for document in documents:
            rules.append(server.rules.add(parse(document, (organization,))))
    except Problem:
        _drop(server, rules)
        raise
    return rules


def _remove(server: Control, organization: str) -> None:
    _, rules = server.scenario_rules.pop(organization, (None, ()))
    _drop(server, rules)


def _drop(server: Control, rules: Sequence[FaultRule]) -> None:
    """Drop rules; a rule that somebody has dropped before is left aside, for its id may be another's."""
    for standing in server.rules.list():
        if any(standing.rule is rule for rule in rules):
            server.rules.remove(standing.rule.id)
