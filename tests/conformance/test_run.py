from __future__ import annotations

import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from orgbilling_conformance import conform


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.mark.slow
def test_the_stub_conforms(stub: Any, token: Callable[..., str]) -> None:
    report = conform(
        stub,
        token=token("org_standard"),
        second_token=token("org_new_org_b"),
        expired_token=token("org_standard", age_ms=7_200_000),
        quick=True,
    )
    assert (report.verdict, report.findings, report.reasons) == ("conforms", (), ())
    assert report.head["requests"] == sum(stage.requests for stage in report.stages)
    assert len(report.head["api_description"]) == 64
    assert {"invariant-13-summary-tokens", "isolation", "token-expired", "default-window"} <= {
        case.rule for case in report.cases if case.outcome == "passed"
    }


def test_what_was_not_run_is_said_and_never_passed(stub: Any, token: Callable[..., str]) -> None:
    report = conform(stub, token=token(), quick=True)
    passed = {(case.rule, case.operation) for case in report.cases if case.outcome == "passed"}
    skipped = {(skipped.rule, skipped.operation): skipped.reason for skipped in report.skipped}
    assert not passed & skipped.keys()
    assert skipped["isolation", "*"] == "needs --second-token"
    assert skipped["voucher-once", "redeemOrgVoucher"] == "needs --allow-write redeem --voucher CODE"
    assert all(skipped.values())


@pytest.mark.slow
def test_by_default_documented_gets_alone(mutated_app: Any, token: Callable[..., str]) -> None:
    app = mutated_app()
    conform(app, token=token(), examples=3)
    assert {method for method, *_ in app.asked} == {"GET"}
    undocumented = {path for _, path, *_ in app.asked if not path.startswith("/org/")}
    assert undocumented == {"/openapi.json", "/.well-known/jwks.json"}
    assert not any(sent for _, path, _, sent in app.asked if path in undocumented)


def test_nobody_there() -> None:
    report = conform(url=f"http://127.0.0.1:{free_port()}", token="x", quick=True)
    assert (report.verdict, report.exit) == ("inconclusive", 3)
    assert "127.0.0.1" in report.reasons[0]


def test_a_spent_budget_is_inconclusive(stub: Any, token: Callable[..., str]) -> None:
    report = conform(stub, token=token(), max_requests=40)
    assert report.exit == 3
    assert report.head["requests"] == 40
    assert "the budget of 40 requests is spent: the scripted stage is not complete" in report.reasons
    assert conform(stub, token=token(), max_time=0.05, quick=True).exit == 3


@pytest.mark.slow
def test_fuzzing_is_cut_to_the_budget(stub: Any, token: Callable[..., str]) -> None:
    scripted = conform(stub, token=token(), quick=True).head["requests"]
    report = conform(stub, token=token(), max_requests=scripted + 350, examples=3)
    assert report.verdict == "conforms"
    assert report.head["requests"] <= scripted + 350
    assert any("did not fit the budget" in note for note in report.notes)


def test_a_token_that_dies_is_inconclusive(mutated_app: Any, token: Callable[..., str]) -> None:
    count = 0

    def change_response(path: str, status: int, headers: dict[str, str], body: Any) -> Any:
        nonlocal count
        count += 1
        return (
            (401, headers | {"content-type": "application/problem+json"}, {})
            if count > 100
            else (status, headers, body)
        )

    report = conform(mutated_app(change_response), token=token(), quick=True)
    assert "the token stopped authenticating" in report.reasons
    assert report.exit == 3


def test_a_token_command_that_fails_on_the_way_keeps_what_was_found(
    mutated_app: Any, token: Callable[..., str], tmp_path: Path
) -> None:
    script = tmp_path / "mint.py"
    script.write_text(
        f"import pathlib, sys\np = pathlib.Path({str(tmp_path / 'once')!r})\n"
        f"sys.exit(7) if p.exists() else p.touch()\nprint({token()!r})"
    )
    count = 0

    def change_response(path: str, status: int, headers: dict[str, str], body: Any) -> Any:
        nonlocal count
        count += 1
        if path == "/org/billing" and status == 200:
            body["billingMode"] = "barter"
        return (
            (401, headers | {"content-type": "application/problem+json"}, {})
            if count > 100
            else (status, headers, body)
        )

    report = conform(mutated_app(change_response), token_command=f"{sys.executable} {script}", quick=True)
    assert report.reasons[0] == "the token died: --token-command ended with status 7 and printed no token"
    assert (report.verdict, report.exit) == ("inconclusive", 3)
    assert "schema-value" in {finding.rule for finding in report.findings}


def test_failures_that_come_and_go_are_found(mutated_app: Any, token: Callable[..., str]) -> None:
    count = 0

    def change_response(path: str, status: int, headers: dict[str, str], body: Any) -> Any:
        nonlocal count
        count += path == "/org/billing" and status == 200
        broken = path == "/org/billing" and status == 200 and count % 7 == 0
        return (
            (503, headers | {"content-type": "application/problem+json"}, {})
            if broken
            else (status, headers, body)
        )

    found = {
        finding.rule for finding in conform(mutated_app(change_response), token=token(), quick=True).findings
    }
    assert {"intermittent", "server-error"} <= found


def test_an_operation_without_a_success_is_never_passed(mutated_app: Any, token: Callable[..., str]) -> None:
    def change_response(path: str, status: int, headers: dict[str, str], body: Any) -> Any:
        broken = path == "/org/model-pricing" and status == 200
        return (
            (429, headers | {"content-type": "application/problem+json", "retry-after": "0"}, {})
            if broken
            else (status, headers, body)
        )

    report = conform(mutated_app(change_response), token=token(), quick=True, rate=0)
    assert report.exit == 3
    assert any("getOrgModelPricing" in reason for reason in report.reasons)
