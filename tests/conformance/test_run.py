from __future__ import annotations

import re
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from orgbilling_conformance import conform
from orgbilling_conformance.reports.summary import action

ROOT = Path(__file__).parents[2]


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


@pytest.mark.slow
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
    assert (report.verdict, report.exit_status) == ("inconclusive", 3)
    assert "127.0.0.1" in report.reasons[0]


def test_a_spent_budget_is_inconclusive(stub: Any, token: Callable[..., str]) -> None:
    report = conform(stub, token=token(), max_requests=40)
    assert report.exit_status == 3
    assert report.head["requests"] == 40
    assert "the budget of 40 requests is spent: the scripted stage is not complete" in report.reasons
    assert conform(stub, token=token(), max_time=0.05, quick=True).exit_status == 3


@pytest.mark.slow
def test_a_budget_that_the_documentation_names_is_enough(stub: Any, token: Callable[..., str]) -> None:
    """As many requests as a run sends that nothing slows down: one at a limited rate sends fewer."""
    files = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples/ci").iterdir()]
    files += [path for path in (ROOT / ".github").rglob("*") if path.is_file()]
    budget = re.compile(r"--max-requests[ =](\d+)")
    named = {int(number) for file in files for number in budget.findall(file.read_text("utf-8"))}
    assert named
    assert min(named) >= conform(stub, token=token(), quick=True).head["requests"]


@pytest.mark.slow
def test_fuzzing_is_cut_to_the_budget(stub: Any, token: Callable[..., str]) -> None:
    scripted = conform(stub, token=token(), quick=True).head["requests"]
    report = conform(stub, token=token(), max_requests=scripted + 350, examples=3)
    assert report.verdict == "conforms"
    assert report.head["requests"] <= scripted + 350
    assert any("did not fit the budget" in note for note in report.notes)


@pytest.mark.slow
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
    assert any(reason.startswith("the token stopped authenticating: GET /org/") for reason in report.reasons)
    assert report.exit_status == 3


@pytest.mark.slow
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
    assert (report.verdict, report.exit_status) == ("inconclusive", 3)
    assert "schema-value" in {finding.rule for finding in report.findings}


@pytest.mark.slow
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


@pytest.mark.slow
def test_an_operation_without_a_success_is_never_passed(mutated_app: Any, token: Callable[..., str]) -> None:
    def change_response(path: str, status: int, headers: dict[str, str], body: Any) -> Any:
        broken = path == "/org/model-pricing" and status == 200
        return (
            (429, headers | {"content-type": "application/problem+json", "retry-after": "0"}, {})
            if broken
            else (status, headers, body)
        )

    report = conform(mutated_app(change_response), token=token(), quick=True, rate=0)
    assert report.exit_status == 3
    assert any("getOrgModelPricing" in reason for reason in report.reasons)


REFUSED = {"title": "Unauthorized", "status": 401, "detail": "session token expired at 09:00"}


@pytest.mark.slow_beyond(2)
@pytest.mark.parametrize(
    ("headers", "body", "said"),
    [
        ({"content-type": "application/problem+json"}, REFUSED, "session token expired at 09:00"),
        ({"content-type": "application/json"}, {"message": "no such session"}, "no such session"),
        ({"content-type": "application/json", "www-authenticate": 'Bearer error="bad"'}, {}, 'error="bad"'),
    ],
)
@pytest.mark.parametrize(("status", "most"), [(401, 3), (403, 9)])
def test_a_refused_token_ends_the_run_in_a_few_requests_and_says_why(
    mutated_app: Any, token: Callable[..., str], headers: Any, body: Any, said: str, status: int, most: int
) -> None:
    app = mutated_app(lambda path, *_: (status, dict(headers), body))
    report = conform(app, token=token(), quick=True)
    assert (report.verdict, report.exit_status) == ("inconclusive", 3)
    [reason] = [reason for reason in report.reasons if reason.startswith("the token was refused")]
    assert f"GET /org/billing answered {status}" in reason
    assert said in reason
    assert report.head["requests"] == len(app.asked) <= most
    assert token() not in str(report.to_json())


def test_a_permission_that_is_missing_for_one_operation_ends_nothing(
    mutated_app: Any, token: Callable[..., str]
) -> None:
    def change_response(path: str, status: int, headers: dict[str, str], body: Any) -> Any:
        return (403, headers, {}) if path == "/org/billing" else (status, headers, body)

    report = conform(mutated_app(change_response), token=token(), quick=True, max_requests=60)
    assert report.head["requests"] == 60
    assert not any("the token was refused" in reason for reason in report.reasons)


@pytest.mark.parametrize(
    ("status", "headers", "said"),
    [
        (302, {"location": "https://sso.example.com/login"}, "302 to https://sso.example.com/login"),
        (308, {"location": "https://127.0.0.1:4010/api/v1/org/billing"}, "308 to https://127.0.0.1:4010"),
        (502, {"content-type": "text/html"}, "502 text/html"),
        (503, {"content-type": "text/plain"}, "503 text/plain"),
    ],
)
def test_what_stands_in_front_of_everything_is_named_in_a_few_requests(
    token: Callable[..., str], status: int, headers: dict[str, str], said: str
) -> None:
    asked = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            asked.append(scope["path"])
            raw = [(name.encode(), value.encode()) for name, value in headers.items()]
            await send({"type": "http.response.start", "status": status, "headers": raw})
            await send({"type": "http.response.body", "body": b"<html>"})

    report = conform(app, token=token(), quick=True)
    assert (report.verdict, report.findings) == ("inconclusive", ())
    assert len(asked) == 3
    assert any(reason.startswith("something in front of the target answers: ") for reason in report.reasons)
    assert any(said in reason for reason in report.reasons)


@pytest.mark.parametrize(
    ("status", "media", "body"),
    [
        (200, "text/html; charset=utf-8", b"<!doctype html><div id=root></div>"),
        (404, "text/html", b"<h1>Not Found</h1>"),
        (404, "text/plain", b"404 page not found\n"),
        (404, "application/json", b'{"detail":"Not Found"}'),
    ],
)
def test_another_server_than_the_apis_is_said_so_and_accused_of_nothing(
    token: Callable[..., str], api: Any, status: int, media: str, body: bytes
) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        headers = [(b"content-type", media.encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    report = conform(app, token=token(), quick=True)
    assert (report.verdict, report.findings) == ("inconclusive", ())
    assert report.head["requests"] == len(api.gets)
    said = f"the API is not at this address: GET /org/billing: {status} {media.partition(';')[0]}"
    assert report.reasons == (said,)
    assert "give the address of the API" in action(report)


def test_without_a_token_the_run_ends_where_one_is_needed(stub: Any) -> None:
    report = conform(stub, quick=True)
    assert report.exit_status == 3
    assert report.reasons[0].startswith("no token was given (--token): GET /org/billing answered 401: ")
    assert report.head["requests"] == 3
