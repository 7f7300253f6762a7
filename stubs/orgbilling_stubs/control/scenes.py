"""Which scenario an organisation shows, as its log goes on, back and into a fork."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from orgbilling_fixtures import scenarios
from orgbilling_fixtures.scenarios import Scenario

from .. import timeline
from ..domain.events import ClockSet, Record
from ..domain.lineage import effective
from ..faults.rules import Rule
from ..runtime.refusals import Problem
from . import effects
from .state import Control, Scene


def arm(server: Control, organisation: str, scenario: Scenario) -> Sequence[Rule]:
    """Put the fault rules of a scenario in force; all of them, or none when that raises Problem."""
    armed: list[Rule] = []
    try:
        for each in scenario.faults:
            armed.append(server.rules.add(effects.rule(each, (organisation,))))
    except Problem:
        server.disarm(armed)
        raise
    return armed


def settle(server: Control, organisation: str) -> None:
    """After a step back: show the scenario that the organisation as it is now began with, or none."""
    marks = server.marks.get(organisation, {})
    places = (record.sequence for record in reversed(_path(server, organisation)))
    wanted = next((marks[place] for place in places if place in marks), None)
    if wanted == server.scenes.get(organisation):
        return
    server.forget_scene(organisation)
    if wanted is not None:
        _show(server, organisation, wanted)


def mark(server: Control, organisation: str, scene: Scene) -> None:
    """Note that the organisation as it is now began with a scenario."""
    server.marks.setdefault(organisation, {})[_path(server, organisation)[0].sequence] = scene


def _path(server: Control, organisation: str) -> Sequence[Record]:
    return effective(server.service.store.read(organisation))


def undo(server: Control, organisation: str) -> None:
    """Take back the last command. A scenario was one command, however many steps it took.

    Raises Refusal when there is none.
    """
    place = timeline.before_last(server.service, organisation)
    spans = (each.span for each in server.marks.get(organisation, {}).values())
    whole = next((span for span in spans if place in span), None)
    timeline.undo(server.service, organisation, place if whole is None else whole.start)
    settle(server, organisation)


def inherit(server: Control, organisation: str, fork: str) -> None:
    """Let a fork show what its parent shows, and know what that showed: their logs are the same."""
    server.marks[fork] = dict(server.marks.get(organisation, {}))
    settle(server, fork)


def lent(server: Control, organisation: str) -> ClockSet | None:
    """The clock that was there before scenarios set one; None when the organisation goes by its own."""
    scene = server.scenes.get(organisation)
    return None if scene is None else scene.lent


def clock_moved(server: Control, organisation: str, *, by_hand: bool = False) -> None:
    """After a step of the clock: what is shown stays. One that was set by hand is the organisation's own."""
    scene = server.scenes.get(organisation)
    if scene is None:
        return
    if by_hand:
        scene = server.scenes[organisation] = replace(scene, lent=None)
    server.marks[organisation][server.service.tenant(organisation).version] = scene


def _show(server: Control, organisation: str, scene: Scene) -> None:
    scenario = scenarios.find(scene.name)
    assert scenario is not None, "a scene is named after a scenario"
    server.show(organisation, scene, arm(server, organisation, scenario))
