"""Scenarios for one request: each is played once, by a shadow of the organization that asks."""

from __future__ import annotations

from collections.abc import Callable

from orgbilling_fixtures import scenarios
from orgbilling_fixtures.scenarios import Scenario

from orgbilling_stubs.faults.errors import SCENARIO_UNKNOWN
from orgbilling_stubs.http.errors import Problem

LONGEST = 128
"""An organization id is no longer than this."""


class Staging:
    """From an organization and a scenario to its shadow.

    play: makes an organization show a scenario. lives: whether there is such an organization.
    A shadow lives on until it is deleted: what a request changes there, the next one in the same scenario
    finds changed.
    """

    def __init__(self, play: Callable[[str, Scenario], None], lives: Callable[[str], bool]) -> None:
        self._play = play
        self._lives = lives
        self._played: set[str] = set()

    def __call__(self, organization: str, name: str) -> str:
        """The organization that shows the scenario. Raises Problem when there is no such scenario."""
        scenario = scenarios.find(int(name) if name.isdecimal() and name.isascii() else name)
        if scenario is None:
            raise Problem(SCENARIO_UNKNOWN)
        ending = f".{scenario.name}"
        shadow = organization.removesuffix(ending)[: LONGEST - len(ending)] + ending
        if shadow not in self._played or not self._lives(shadow):
            self._play(shadow, scenario)
            self._played.add(shadow)
        return shadow
