"""The first page of the console: every scenario as a card, to be shown with one click."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from orgbilling_fixtures import scenarios
from orgbilling_fixtures.scenarios import Scenario
from starlette.requests import Request
from starlette.responses import Response

from orgbilling_stubs.console.page import ConsolePages
from orgbilling_stubs.control.scenarios import scenario_named
from orgbilling_stubs.http.assisted_input import suggestion

LONGEST_NAME = 100

GROUPS = (
    ("Credit", range(1, 6)),
    ("Postpaid", range(6, 8)),
    ("Contract", range(8, 14)),
    ("Data", (*range(14, 21), 25)),
    ("Stripe", (21, 24)),
    ("Session", (22,)),
    ("Network", (23,)),
)
"""The groups of cards, by the numbers of the states that they show."""


@dataclass(frozen=True, slots=True)
class Card:
    """One scenario.

    met: whether a request of the client under test was answered while it was shown. active: whether it is
    shown now.
    """

    scenario: Scenario
    met: bool
    active: bool


async def scenarios_page(pages: ConsolePages, request: Request) -> Response:
    """The cards; `?scenario=` in the address puts one of them in front."""
    coverage = await pages.client.call("getCoverage")
    met = {row["name"] for row in coverage.document["scenarios"] if row["met"]}
    text = request.query_params.get("scenario", "").strip()[:LONGEST_NAME]
    wanted = scenario_named(int(text) if text.isascii() and text.isdecimal() else text)
    names = [scenario.name for scenario in scenarios.load()]
    return await pages.render(
        request,
        "scenarios.html",
        groups=lambda active: list(_groups(met, active)),
        wanted=wanted if isinstance(wanted, Scenario) else None,
        unknown=f"“{text}”{suggestion(text, names)}" if text and isinstance(wanted, str) else None,
    )


def _groups(met: set[str], active: str | None) -> Iterator[tuple[str, list[Card]]]:
    for title, numbers in GROUPS:
        yield (
            title,
            [
                Card(scenario, scenario.name in met, scenario.name == active)
                for scenario in scenarios.load()
                if scenario.number in numbers
            ],
        )
