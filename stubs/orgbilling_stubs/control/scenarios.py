"""Scenarios: the states of a dashboard by name, listed and set."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from orgbilling_fixtures import scenarios
from orgbilling_fixtures.scenarios import Scenario

from .. import timeline
from ..domain.commands import Command, DeclineCheckout, ExpireCheckout, OpenCheckout, PayCheckout
from ..domain.tenant import Tenant
from ..runtime.exchange import Call, Reply
from . import scenes, state
from .checkouts import AT_ONCE, habits_of
from .instants import instant_of
from .refusals import SCENARIO_UNKNOWN, refusal
from .state import Control, Scene, control

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
    """Make an organisation, or all, show a state."""
    server, wanted = control(call), state.body(call)["scenario"]
    scenario = scenarios.find(wanted)
    if scenario is None:
        raise refusal(SCENARIO_UNKNOWN, "body.scenario", wanted)
    if server.coverage is not None:
        server.coverage.scenario(scenario.name)
    return state.for_each(call, lambda organisation: play(server, organisation, scenario))


def play(server: Control, organisation: str, scenario: Scenario) -> None:
    """Make an organisation show a scenario.

    It keeps its clock, unless this scenario sets one, or the one before it did and gives back what was there.
    """
    service = server.service
    tenant = service.tenant(organisation)
    begin, own = tenant.version, tenant.clock
    armed = scenes.arm(server, organisation, scenario)
    back = scenes.lent(server, organisation)
    server.forget_scene(organisation)
    persona = server.cast.load(scenario.persona).document
    named = scenario.clock in timeline.INSTANTS
    at_ms = None if scenario.clock is None or named else instant_of(scenario.clock, "clock")
    timeline.recast(service, organisation, persona, as_of_ms=at_ms, clock=back)
    if scenario.clock is not None:
        stands_ms = timeline.named(service, organisation, scenario.clock) if named else at_ms
        timeline.freeze(service, organisation, stands_ms)
    if scenario.habits is not None:
        service.execute(organisation, habits_of(scenario.habits))
    for step in scenario.steps:
        _do(server, organisation, step)
    end = service.tenant(organisation).version
    lent = None if scenario.clock is None else back or own
    scene = Scene(scenario.name, lent=lent, span=range(begin, end))
    scenes.mark(server, organisation, scene)
    server.show(organisation, scene, armed)


def _do(server: Control, organisation: str, step: Step) -> None:
    tenant = server.service.tenant(organisation)
    server.service.execute(organisation, _STEPS[step["do"]](tenant, step))


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
