"""Which scenario an organization shows, as its log goes on, back and into a fork."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from orgbilling_fixtures import scenarios
from orgbilling_fixtures.scenarios import Scenario

from orgbilling_stubs.billing.events import ClockSet, Record
from orgbilling_stubs.billing.log_branches import effective
from orgbilling_stubs.control import effects
from orgbilling_stubs.control.context import Control, Scene
from orgbilling_stubs.faults.rules import Rule
from orgbilling_stubs.http.errors import Problem
from orgbilling_stubs.tenants import timeline


def arm(server: Control, organization: str, scenario: Scenario) -> Sequence[Rule]:
    """Put the fault rules of a scenario in force; all of them, or none when that raises Problem."""
    armed: list[Rule] = []
    try:
        for each in scenario.faults:
            armed.append(server.rules.add(effects.rule(each, (organization,))))
    except Problem:
        server.disarm(armed)
        raise
    return armed


def settle(server: Control, organization: str) -> None:
    """After a step back: show the scenario that the organization as it is now began with, or none."""
    marks = server.marks.get(organization, {})
    places = (record.sequence for record in reversed(_path(server, organization)))
    wanted = next((marks[place] for place in places if place in marks), None)
    if wanted == server.scenes.get(organization):
        return
    server.forget_scene(organization)
    if wanted is not None:
        _show(server, organization, wanted)


def mark(server: Control, organization: str, scene: Scene) -> None:
    """Note that the organization as it is now began with a scenario."""
    server.marks.setdefault(organization, {})[_path(server, organization)[0].sequence] = scene


def _path(server: Control, organization: str) -> Sequence[Record]:
    return effective(server.service.store.read(organization))


def undo(server: Control, organization: str) -> None:
    """Take back the last command. A scenario was one command, however many steps it took.

    Raises Refusal when there is none.
    """
    place = timeline.before_last(server.service, organization)
    spans = (each.span for each in server.marks.get(organization, {}).values())
    whole = next((span for span in spans if place in span), None)
    timeline.undo(server.service, organization, place if whole is None else whole.start)
    settle(server, organization)


def inherit(server: Control, organization: str, fork: str) -> None:
    """Let a fork show what its parent shows, and know what that showed: their logs are the same."""
    server.marks[fork] = dict(server.marks.get(organization, {}))
    settle(server, fork)


def lent(server: Control, organization: str) -> ClockSet | None:
    """The clock that was there before scenarios set one; None when the organization goes by its own."""
    scene = server.scenes.get(organization)
    return None if scene is None else scene.lent


def clock_moved(server: Control, organization: str, *, by_hand: bool = False) -> None:
    """After a step of the clock: what is shown stays. One that was set by hand is the organization's own."""
    scene = server.scenes.get(organization)
    if scene is None:
        return
    if by_hand:
        scene = server.scenes[organization] = replace(scene, lent=None)
    server.marks[organization][server.service.tenant(organization).version] = scene


def _show(server: Control, organization: str, scene: Scene) -> None:
    scenario = scenarios.find(scene.name)
    assert scenario is not None, "a scene is named after a scenario"
    server.show(organization, scene, arm(server, organization, scenario))
