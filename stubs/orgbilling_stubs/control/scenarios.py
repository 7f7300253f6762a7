"""Scenarios: the states of a dashboard by name, listed and set."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from orgbilling_fixtures import scenarios
from orgbilling_fixtures.scenarios import Scenario

from orgbilling_stubs.billing.commands import (
    Command,
    DeclineCheckout,
    ExpireCheckout,
    OpenCheckout,
    PayCheckout,
)
from orgbilling_stubs.billing.tenant import Tenant
from orgbilling_stubs.control import active_scenario, context
from orgbilling_stubs.control.checkouts import AT_ONCE, habits_of
from orgbilling_stubs.control.context import Control, Scene, control
from orgbilling_stubs.control.errors import SCENARIO_UNKNOWN, refusal
from orgbilling_stubs.control.instants import instant_of
from orgbilling_stubs.http.context import Call, Reply
from orgbilling_stubs.tenants import timeline

Step = Mapping[str, Any]


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
            "habits": None if scenario.habits is None else dict(scenario.habits),
            "faults": [dict(rule) for rule in scenario.faults],
        },
    }


def put(call: Call) -> Reply:
    """Make an organization, or all, show a state."""
    server, wanted = control(call), context.body(call)["scenario"]
    scenario = scenarios.find(wanted)
    if scenario is None:
        raise refusal(SCENARIO_UNKNOWN, "body.scenario", wanted)
    if server.coverage is not None:
        server.coverage.scenario(scenario.name)
    return context.for_each(call, lambda organization: play(server, organization, scenario))


def play(server: Control, organization: str, scenario: Scenario) -> None:
    """Make an organization show a scenario.

    It keeps its clock, unless this scenario sets one, or the one before it did and gives back what was there.
    """
    service = server.service
    tenant = service.tenant(organization)
    begin, own = tenant.version, tenant.clock
    armed = active_scenario.arm(server, organization, scenario)
    back = active_scenario.lent(server, organization)
    server.forget_scene(organization)
    persona = server.cast.load(scenario.persona).document
    named = scenario.clock in timeline.INSTANTS
    at_ms = None if scenario.clock is None or named else instant_of(scenario.clock, "clock")
    timeline.recast(service, organization, persona, as_of_ms=at_ms, clock=back)
    if scenario.clock is not None:
        stands_ms = timeline.named(service, organization, scenario.clock) if named else at_ms
        timeline.freeze(service, organization, stands_ms)
    if scenario.habits is not None:
        service.execute(organization, habits_of(scenario.habits))
    for step in scenario.steps:
        _do(server, organization, step)
    end = service.tenant(organization).version
    lent = None if scenario.clock is None else back or own
    scene = Scene(scenario.name, lent=lent, span=range(begin, end))
    active_scenario.mark(server, organization, scene)
    server.show(organization, scene, armed)


def _do(server: Control, organization: str, step: Step) -> None:
    tenant = server.service.tenant(organization)
    server.service.execute(organization, _STEPS[step["do"]](tenant, step))


def _newest(tenant: Tenant) -> str:
    return next(reversed(tenant.checkouts))


def _pay(tenant: Tenant, step: Step) -> Command:
    habit = tenant.habits.webhook
    return PayCheckout(_newest(tenant), AT_ONCE if habit is None else habit)


_STEPS: Mapping[str, Callable[[Tenant, Step], Command]] = {
    "checkout": lambda tenant, step: OpenCheckout(step["amount"], tenant.plan.currency),
    "expire": lambda tenant, step: ExpireCheckout(_newest(tenant)),
    "decline": lambda tenant, step: DeclineCheckout(_newest(tenant), step["code"]),
    "pay": _pay,
}
