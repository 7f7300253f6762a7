"""The page of coverage: what the client has met, and a click that lets it meet the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from itertools import groupby
from typing import Literal

import orjson
from orgbilling_fixtures import scenarios
from orgbilling_openapi.strict_json import JsonObject
from starlette.requests import Request
from starlette.responses import Response

from orgbilling_stubs.console.actions import HOME
from orgbilling_stubs.console.faults_page import answering_rule
from orgbilling_stubs.console.page import ConsolePages, page_organization

PATH = f"{HOME}coverage"

CellState = Literal["met", "unlisted", "armed", "waits", "arm", "scenario", "success", "unchanged"]

STATE_SCENARIOS: Mapping[tuple[str, int], str] = {
    ("getOrgContract", 404): "no-contract",
    ("createOrgBillingPortal", 409): "new-organization",
}
"""Statuses that follow from the state of an organization alone, and the scenario that shows it."""

CONTRACT = "getOrgContract"
WITH_CONTRACT = "contract-active"

KINDS: Mapping[str, str] = {
    "operations": "Operations called",
    "statuses": "Statuses received",
    "parameters": "Parameters and body members sent",
    "values": "Documented values received",
    "scenarios": "Scenarios that answered a request",
}
"""What is counted, in the words of the page."""


@dataclass(frozen=True, slots=True)
class StatusCoverage:
    """An operation and a status.

    met, conformance: how often the client and the conformance suite have met it. action: the operation of
    the control API that lets the client meet it, with the fields of its form. rule: the fault rule that is
    armed, or that comes first.
    """

    operation: str
    status: int
    state: CellState
    met: int = 0
    conformance: int = 0
    action: str = ""
    fields: Mapping[str, str] | None = None
    rule: str = ""

    @property
    def heat(self) -> int:
        """How warm the cell is: 0 for never, 1 to 3 for once, up to nine times, and more often."""
        return 0 if not self.met else 1 if self.met == 1 else 2 if self.met < 10 else 3


@dataclass(frozen=True, slots=True)
class KindCoverage:
    """How much of a kind has been met; missing: the names of the rest."""

    title: str
    met: int
    total: int
    missing: Sequence[str]

    @property
    def percent(self) -> int:
        """Rounded down: 100 means all."""
        return 100 * self.met // self.total if self.total else 100


@dataclass(frozen=True, slots=True)
class StateCoverage:
    """One of the 25 states: its number, and each scenario for it, with how many requests it answered."""

    number: int
    scenarios: Sequence[tuple[str, str, int]]

    @property
    def met(self) -> bool:
        """Whether one of its scenarios has answered a request."""
        return any(times for _, _, times in self.scenarios)


async def coverage_page(pages: ConsolePages, request: Request) -> Response:
    """The heat map, the states, and what is missing of each kind."""
    organization = page_organization(request)
    coverage = (await pages.client.call("getCoverage")).document
    faults = await pages.client.call("listFaults", {"organization": organization})
    described = await pages.client.call("getOrganization", {"organization": organization})
    contract = described.document["contractStatus"] if described.ok else None
    coverage_table = CoverageTable(
        coverage,
        faults.document["faults"] if faults.ok else [],
        organization,
        has_contract=contract is not None,
    )
    return await pages.render(
        request,
        "coverage.html",
        coverage=coverage,
        columns=[(status, _phrase(status)) for status in coverage_table.statuses],
        rows=[(operation, coverage_table.row(operation)) for operation in coverage_table.operations],
        states=dashboard_states(coverage),
        progress=[_progress(title, coverage[kind]) for kind, title in KINDS.items()],
        suite_requests=sum(row["conformance"] for row in coverage["operations"]),
    )


class CoverageTable:
    """The operations by the statuses that the API description lists.

    coverage: schema Coverage. rules: the fault rules that may fire for the organization, in their order.
    has_contract: whether the organization has a contract, without which it has no 200 to read one.
    """

    def __init__(
        self, coverage: JsonObject, rules: Sequence[JsonObject], organization: str, *, has_contract: bool
    ) -> None:
        self.operations: list[str] = [row["name"] for row in coverage["operations"]]
        self._counts: dict[tuple[str, int], JsonObject] = {}
        for row in coverage["statuses"]:
            operation, _, status = row["name"].rpartition(" ")
            self._counts[operation, int(status)] = row
        self.statuses = sorted({status for _, status in self._counts})
        self._rules = rules
        self._organization = organization
        self._has_contract = has_contract

    def row(self, operation: str) -> list[StatusCoverage]:
        """The cells of an operation."""
        return [self._cell(operation, status) for status in self.statuses]

    def _cell(self, operation: str, status: int) -> StatusCoverage:
        count = self._counts.get((operation, status))
        if count is None:
            return StatusCoverage(operation, status, "unlisted")
        met, suite = count["met"], count["conformance"]
        if met:
            return StatusCoverage(operation, status, "met", met, suite)
        first = answering_rule(self._rules, operation)
        if first is not None:
            state: CellState = "armed" if first["effect"].get("status") == status else "waits"
            return StatusCoverage(operation, status, state, 0, suite, rule=first["id"])
        scenario = STATE_SCENARIOS.get((operation, status))
        if (operation, status) == (CONTRACT, 200) and not self._has_contract:
            scenario = WITH_CONTRACT
        if scenario is not None:
            fields = {"path.organization": self._organization, "body.scenario": scenario}
            return StatusCoverage(operation, status, "scenario", 0, suite, "setScenario", fields)
        if status < HTTPStatus.MULTIPLE_CHOICES:
            return StatusCoverage(operation, status, "success", 0, suite)
        if status == HTTPStatus.NOT_MODIFIED:
            return StatusCoverage(operation, status, "unchanged", 0, suite)
        return StatusCoverage(
            operation, status, "arm", 0, suite, "addFault", self._rule_fields(operation, status)
        )

    def _rule_fields(self, operation: str, status: int) -> Mapping[str, str]:
        """The fields of a rule for the next request of the organization."""
        return {
            "body.organizations": orjson.dumps([self._organization]).decode(),
            "body.operations": operation,
            "body.times": "1",
            "body.effect.status": str(status),
            "body.setBy": "console",
        }


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:  # no registered status
        return ""


def _progress(title: str, rows: Sequence[JsonObject]) -> KindCoverage:
    missing = [row["name"] for row in rows if not row["met"]]
    return KindCoverage(title, len(rows) - len(missing), len(rows), missing)


def dashboard_states(coverage: JsonObject) -> list[StateCoverage]:
    """The states of a dashboard, with how many requests each scenario answered."""
    times = {row["name"]: row["met"] for row in coverage["scenarios"]}
    return [
        StateCoverage(
            number,
            [(scenario.name, scenario.title, times.get(scenario.name, 0)) for scenario in group],
        )
        for number, group in groupby(scenarios.load(), key=lambda scenario: scenario.number)
    ]
