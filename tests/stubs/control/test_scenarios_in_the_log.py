"""A scenario is one command in the log: a restart, a fork, a bundle and a snapshot know it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ORG = "/organizations/org_a"
NDJSON = {"content-type": "application/x-ndjson"}
NOW, LEAP = "2026-03-10T12:00:00Z", "2028-02-29T12:00:00Z"
OWN = {"version", "organization", "tenantId", "url", "paymentLinkUrl", "$schema"}
READS = ("/org/billing", "/org/ledger?days=365", "/org/summary", "/org/contract")


class Server:
    """A stub with a database, which can be stopped and started again."""

    def __init__(self, serve: Callable[..., Any], database: Path) -> None:
        self._serve = serve
        self._database = database
        self.restart()

    def restart(self) -> None:
        """Start a new server on the same database."""
        self.dashboard = self._serve(db=f"sqlite:///{self._database}")

    def __call__(self, method: str, path: str, body: Any = None, **options: Any) -> Any:
        if body is not None:
            options["json"] = body
        answer = self.dashboard(method, f"/_mock/v1{path}", None, **options)
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content and not options.get("raw") else answer

    def state(self, organization: str = "org_a") -> list[Any]:
        """What both APIs answer about an organization, but for its version and what names it."""
        place = f"/organizations/{organization}"
        answers = [self.dashboard("GET", read, organization).json() for read in READS]
        answers += [self("GET", place), self("GET", f"{place}/checkouts")]
        return [nameless(answer) for answer in answers]


def nameless(node: Any) -> Any:
    if isinstance(node, list):
        return [nameless(value) for value in node]
    if isinstance(node, dict):
        return {name: nameless(value) for name, value in node.items() if name not in OWN}
    return node


@pytest.fixture
def server(serve: Callable[..., Any], tmp_path: Path) -> Server:
    server = Server(serve, tmp_path / "world.db")
    server("POST", "/organizations", {"organization": "org_a", "persona": "euro"})
    return server


@pytest.mark.slow
@pytest.mark.parametrize("scenario", ["checkout-declined", "webhook-late", "leap-day", "month-rollover"])
def test_a_scenario_is_undone_as_a_whole_after_a_restart(server: Server, scenario: str) -> None:
    before = server.state()
    server("PUT", f"{ORG}/scenario", {"scenario": scenario})
    during = server.state()
    server.restart()
    assert server.state() == during
    assert server("GET", ORG)["scenario"] == scenario
    server("POST", f"{ORG}/undo")
    assert server.state() == before
    assert server.dashboard("POST", f"/_mock/v1{ORG}/undo", None).status_code == 409


def test_a_scenario_is_one_batch_of_events(server: Server) -> None:
    server("PUT", f"{ORG}/scenario", {"scenario": "webhook-late"})
    records = server.dashboard.app.service.store.read("org_a")
    first = records[2].sequence
    assert {record.batch for record in records[2:]} == {first}
    assert type(records[2].event).__name__ == "Rewound"


@pytest.mark.slow
def test_a_fork_of_a_restarted_server_knows_the_scenario_of_its_parent(server: Server) -> None:
    before = server.state()
    server("PUT", f"{ORG}/scenario", {"scenario": "checkout-declined"})
    server.restart()
    assert server("POST", f"{ORG}/fork", {"into": "org_b"})["scenario"] == "checkout-declined"
    server("POST", "/organizations/org_b/undo")
    assert server.state("org_b") == before
    assert server("GET", ORG)["scenario"] == "checkout-declined"


@pytest.mark.slow
def test_a_bundle_takes_the_scenario_along(server: Server, serve: Callable[..., Any], tmp_path: Path) -> None:
    before = server.state()
    server("PUT", f"{ORG}/scenario", {"scenario": "checkout-declined"})
    bundle = server.dashboard("GET", f"/_mock/v1{ORG}/bundle", None)
    other = Server(serve, tmp_path / "other.db")
    [imported] = other("POST", "/bundle", content=bundle.content, headers=NDJSON)["organizations"]
    assert imported["scenario"] == "checkout-declined"
    other.restart()
    # The first command that is taken back is the import's own: it froze the clock.
    assert other("POST", f"{ORG}/undo")["scenario"] == "checkout-declined"
    other("POST", f"{ORG}/undo")
    assert other.state() == before


@pytest.mark.slow
def test_a_snapshot_brings_the_scenario_back_after_a_restart(server: Server) -> None:
    server("PUT", f"{ORG}/scenario", {"scenario": "checkout-declined"})
    server("POST", f"{ORG}/snapshots", {"name": "declined"})
    during = server.state()
    server("PUT", f"{ORG}/scenario", {"scenario": "low-balance"})
    server.restart()
    server("POST", f"{ORG}/snapshots/declined/restore")
    assert server.state() == during
    assert server("POST", f"{ORG}/undo")["scenario"] == "low-balance"


@pytest.mark.slow
def test_a_clock_that_a_scenario_set_is_given_back_after_a_restart(server: Server) -> None:
    server("PUT", f"{ORG}/scenario", {"scenario": "leap-day"})
    server.restart()
    shown = server("PUT", f"{ORG}/scenario", {"scenario": "low-balance"})
    assert (shown["clock"]["mode"], shown["clock"]["now"]) == ("server", NOW)
    server.restart()
    assert server("POST", f"{ORG}/undo")["clock"] == {"mode": "frozen", "now": LEAP}
    assert server("POST", f"{ORG}/reset")["clock"]["mode"] == "server"


def test_a_clock_that_the_user_set_since_stays_after_a_restart(server: Server) -> None:
    server("PUT", f"{ORG}/scenario", {"scenario": "leap-day"})
    server("PUT", f"{ORG}/clock", {"mode": "frozen", "at": "2028-06-01T00:00:00Z"})
    server.restart()
    shown = server("PUT", f"{ORG}/scenario", {"scenario": "low-balance"})
    assert shown["clock"] == {"mode": "frozen", "now": "2028-06-01T00:00:00Z"}


def test_a_clock_that_goes_back_keeps_the_scenario_after_a_restart(server: Server) -> None:
    server("PUT", f"{ORG}/scenario", {"scenario": "checkout-declined"})
    server("POST", f"{ORG}/clock/advance", {"by": "-P7D"})
    server.restart()
    assert server("GET", ORG)["scenario"] == "checkout-declined"
    server("POST", f"{ORG}/undo")
    server("POST", f"{ORG}/undo")
    assert server("GET", ORG)["scenario"] is None


def test_the_fault_rules_of_a_scenario_apply_after_a_restart_and_end_with_it(server: Server) -> None:
    def checkout() -> int:
        status: int = server.dashboard(
            "POST", "/org/billing/checkout", "org_a", json={"amount": 2500}
        ).status_code
        return status

    server("PUT", f"{ORG}/scenario", {"scenario": "stripe-down"})
    assert checkout() == 502
    server.restart()
    assert checkout() == 502
    server("POST", f"{ORG}/fork", {"into": "org_b"})
    server("POST", f"{ORG}/undo")
    assert checkout() == 200
    faults = server("GET", "/faults?organization=org_b")["faults"]
    assert [fault["id"] for fault in faults] == ["scenario-stripe-down-1"]


def test_standing_fault_rules_survive_a_restart(server: Server) -> None:
    def status() -> int:
        answered: int = server.dashboard("GET", "/org/billing", "org_a").status_code
        return answered

    server("POST", "/faults", {"id": "once", "times": 1, "effect": {"status": 500}})
    server("POST", "/faults", {"id": "always", "effect": {"status": 503}})
    assert status() == 500
    server.restart()
    assert [fault["id"] for fault in server("GET", "/faults")["faults"]] == ["always"]
    assert status() == 503
    assert [row["organization"] for row in server("GET", "/organizations")["organizations"]] == ["org_a"]
    server("DELETE", "/faults/always")
    server.restart()
    assert status() == 200
    assert server("GET", "/faults")["faults"] == []


@pytest.mark.slow_beyond(1)
@pytest.mark.parametrize("rules", [[{}], [{"effect": {"status": "x"}}], [{"effect": {}}], [{"effect": 7}], 7])
def test_a_bundle_with_fault_rules_that_are_none_is_refused(server: Server, rules: Any) -> None:
    server("PUT", f"{ORG}/scenario", {"scenario": "stripe-down"})
    bundle = server.dashboard("GET", f"/_mock/v1{ORG}/bundle", None).text
    lines = [json.loads(line) for line in bundle.splitlines()]
    [shown] = [line for line in lines if line.get("event", {}).get("kind") == "ScenarioShown"]
    shown["event"]["fault_rules"] = rules
    content = "\n".join(map(json.dumps, lines)).encode()
    answer = server.dashboard("POST", "/_mock/v1/bundle", None, content=content, headers=NDJSON)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["location"] == f"body:{lines.index(shown) + 1}"


def test_fault_rules_follow_from_the_state_after_a_restart_and_an_undo(server: Server) -> None:
    def status() -> int:
        answer = server.dashboard("POST", "/org/billing/checkout", "org_a", json={"amount": 100})
        return int(answer.status_code)

    server("PUT", f"{ORG}/scenario", {"scenario": "stripe-down"})
    assert status() == 502
    server.restart()
    assert status() == 502
    server("POST", f"{ORG}/undo")
    assert status() == 200


def test_undo_of_a_later_command_keeps_the_counters_of_fault_rules(server: Server) -> None:
    def status() -> int:
        return int(server.dashboard("GET", "/org/billing", "org_a").status_code)

    server("PUT", f"{ORG}/scenario", {"scenario": "rate-limited"})
    assert [status(), status()] == [200, 429]
    server("POST", f"{ORG}/adjustments", {"amountUsd": 1})
    server("POST", f"{ORG}/undo")
    assert status() == 429
    server("PUT", f"{ORG}/scenario", {"scenario": "rate-limited"})
    assert [status(), status()] == [200, 429]
