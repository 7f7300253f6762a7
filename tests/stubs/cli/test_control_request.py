"""The commands that drive a running server, with a stub in this process in place of the network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import typer
from orgbilling_fixtures import scenarios
from orgbilling_openapi.http_client import StatusError
from orgbilling_stubs.cli import control_request
from orgbilling_stubs.cli import open as open_command
from orgbilling_stubs.cli.control_request import SUMMARIZED, refusal, summary
from orgbilling_stubs.cli.main import build
from typer.testing import CliRunner, Result


@pytest.fixture
def run(dashboard: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    def fetch(address: str, _: int, __: float, ___: object, method: str, headers: Any, body: bytes) -> bytes:
        path = address.removeprefix("http://127.0.0.1:4010")
        response = dashboard(method, path, None, headers=headers, content=body)
        if response.is_success:
            content: bytes = response.content
            return content
        raise StatusError("refused", response.status_code, response.content)

    monkeypatch.setattr(control_request, "fetch", fetch)
    return lambda *arguments: CliRunner().invoke(build(arguments), arguments)


def test_a_scenario_is_set_by_name_or_number(run: Callable[..., Result]) -> None:
    for name in ("low_balance", "3"):
        result = run("scenario", "standard", name, "--url", "http://127.0.0.1:4010/api/v1")
        assert result.exit_code == 0, result.output
        assert result.output.startswith("org_standard shows low-balance, balance 3.20 USD, ")


def test_all_organizations_are_listed_with_what_they_are_now(
    run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control_request, "SUMMARIZED", 3)
    run("scenario", "standard", "low_balance")
    assert run("clock", "*", "1h").output.startswith("1 organization\norg_standard shows low-balance, ")
    for number in range(3):
        run("scenario", f"standard_{number}", "low_balance")
    lines = run("scenario", "*", "low_balance").output.splitlines()
    assert (lines[0], lines[-1]) == ("4 organizations", "… and 1 more")
    assert len(lines) == 5


def test_what_could_not_be_done_for_all_is_said() -> None:
    error = {"organization": "org_a", "code": "log_damaged", "detail": "the log is damaged"}
    description = {"organizations": [], "errors": [error] * (SUMMARIZED + 2)}
    lines = summary(description).splitlines()
    assert lines[:2] == ["0 organizations", "org_a: the log is damaged"]
    assert lines[-1] == "… and 2 more errors"


def test_a_refusal_is_one_line_with_what_was_meant(run: Callable[..., Result]) -> None:
    result = run("clock", "standard", "tomorrow")
    expected = "orgbilling: MOVE: 'tomorrow' is no duration such as +P1M or 1h: expected an RFC 3339 instant"
    assert result.exit_code == 2
    assert result.stderr.startswith(expected)
    assert result.stderr.count("\n") == 1


def test_a_move_is_previewed_and_not_made(run: Callable[..., Result]) -> None:
    run("clock", "contract_active", "+P1D")
    for move, text in (
        ("+P1M", "Passes 1 month end. The balance goes from $"),
        ("2026-06-01", "Passes 3 month ends and 1 installment of $3,700.00. The balance goes from $"),
    ):
        assert run("clock", "contract_active", move, "--preview").output.startswith(text)
    assert "2026-03-12T12:00:00Z" in run("clock", "contract_active", "+P1D").output
    refused = run("clock", "contract_active", "credit-exhausted", "--preview")
    assert refused.exit_code == 2
    assert refused.stderr.endswith("it tops up automatically, below 100.00 USD\n")


def test_two_states_are_compared_line_by_line(run: Callable[..., Result], dashboard: Any) -> None:
    path = "/_mock/v1/organizations/org_low_balance"
    dashboard("POST", f"{path}/snapshots", None, json={"name": "before"})
    same = run("compare", "low_balance", "--from", "before")
    assert (same.exit_code, same.stdout, same.stderr) == (0, "", "no differences\n")
    dashboard("POST", f"{path}/adjustments", None, json={"amountUsd": "0.100003"})
    different = run("compare", "low_balance", "--from", "before")
    assert different.exit_code == 1
    lines = different.output.splitlines()
    assert "getOrgBilling\t/creditBalance\t3.2 -> 3.300003\t(+0.100003)" in lines
    assert [row for row in lines if row.startswith("getOrgLedger\t/0\t+ {")]
    refused = run("compare", "low_balance", "--from", "never")
    assert (refused.exit_code, refused.stderr) == (2, "orgbilling: --from: snapshot not found\n")
    invalid = run("compare", "low_balance", "--to", "no name")
    assert invalid.stderr.startswith("orgbilling: --to: ")


def test_the_scenarios_are_listed(run: Callable[..., Result]) -> None:
    rows = [line.split("\t") for line in run("scenario").output.splitlines()]
    assert [row[1] for row in rows] == [scenario.name for scenario in scenarios.load()]


def test_an_organization_that_is_nearly_a_persona_is_told(run: Callable[..., Result]) -> None:
    result = run("clock", "low_balanc", "+P1D")
    assert result.exit_code == 0
    assert result.stderr == (
        'orgbilling: org_low_balanc names no persona, so it gets standard; did you mean "low_balance"?\n'
    )
    assert run("clock", "*", "+P1D").stderr == ""


def test_a_clock_moves_by_a_duration_or_to_an_instant(run: Callable[..., Result]) -> None:
    run("scenario", "a", "leap-day")
    assert "2028-" in run("clock", "a", "2028-02-20").output
    assert "2028-03-20T00:00:00Z (frozen)" in run("clock", "a", "+P1M").output
    assert "2028-03-31T23:59:59Z (frozen)" in run("clock", "a", "end-of-month").output
    assert "2028-03-30T23:59:59Z (frozen)" in run("clock", "a", "--", "-1d").output


def test_the_console_is_opened(run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr(open_command, "fetch", lambda *_: b"")
    monkeypatch.setattr(typer, "launch", opened.append)
    assert run("open", "--url", "http://127.0.0.1:9/api/v1").output == "http://127.0.0.1:9/_mock/\n"
    assert opened == ["http://127.0.0.1:9/_mock/"]


@pytest.mark.parametrize("body", [b"", b"<p>", b"[]", b"{}"])
def test_what_is_no_problem_document_says_nothing(body: bytes) -> None:
    assert refusal(body) is None


@pytest.mark.parametrize("move", ["-P1D", "-1 days"])
def test_a_duration_that_goes_back_needs_no_dashes(run: Callable[..., Result], move: str) -> None:
    run("clock", "low_balance", "+P2D")
    result = run("clock", "low_balance", move)
    assert result.exit_code == 0, result.output
    assert "2026-03-11" in result.output
