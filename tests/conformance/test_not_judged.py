"""Whole runs against targets of which some answers are not the API's: no rule is applied to those."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from typing import Any

import pytest
from orgbilling_conformance import conform
from orgbilling_conformance.exchange import Request
from orgbilling_conformance.reports.summary import action, situation, summarize
from orgbilling_conformance.scenarios import access, reading
from orgbilling_conformance.target import UrlTarget

Answer = tuple[int, dict[str, str], Any]
FOREIGN: dict[str, Answer] = {
    "rate limit": (429, {"retry-after": "0", "content-type": "text/plain"}, "slow down"),
    "gateway page": (502, {"content-type": "text/html"}, "<h1>502 Bad Gateway</h1>"),
    "Envoy": (503, {"content-type": "text/plain"}, "upstream connect error"),
    "API gateway": (504, {"content-type": "application/json"}, {"message": "Endpoint request timed out"}),
    "challenge": (403, {"content-type": "text/html", "cf-ray": "1-FRA"}, "<title>Just a moment...</title>"),
}
KNOWN = 30


@pytest.mark.slow
@pytest.mark.parametrize("name", FOREIGN)
@pytest.mark.parametrize("every", [2, 3, 5])
def test_foreign_answers_in_between_fail_no_rule(
    name: str, every: int, suite: Any, mutated_app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = 0

    def change_response(path: str, status: int, headers: dict[str, str], body: Any) -> Answer:
        nonlocal count
        count += 1
        return FOREIGN[name] if count > KNOWN and count % every == 0 else (status, headers, body)

    run = suite(mutated_app(change_response))
    monkeypatch.setattr(run.rate_limits, "wait", lambda *_: False)
    for step in (
        reading.reach,
        access.credentials,
        reading.repeat,
        reading.conditional,
        access.foreign,
        access.caller,
        reading.negotiation,
        reading.safe,
        reading.intermittent,
    ):
        step(run)
    assert [(finding.rule, finding.observed) for finding in run.findings()] == []
    assert sum(run.evidence.not_judged.values()) > 20
    assert ("intermittent", "passed") in {(case.rule, case.outcome) for case in run.cases()}


def test_a_scenario_records_no_violation_that_rests_on_a_foreign_answer(
    suite: Any, exchange: Callable[..., Any]
) -> None:
    run = suite()
    good, foreign = exchange(status=500), exchange(status=502, media="text/html")
    run.violation("stable", "", "x", "y", good, foreign)
    assert run.findings() == ()
    run.violation("stable", "", "x", "y", good)
    assert len(run.findings()) == 1


@pytest.mark.slow
def test_an_operation_that_is_redirected_for_everybody_fails_no_rule(
    mutated_app: Any, token: Callable[..., str]
) -> None:
    def change_response(path: str, status: int, headers: dict[str, str], body: Any) -> Answer:
        if path == "/org/ledger":
            return 308, {"location": "/api/v2/org/ledger"}, ""
        return status, headers, body

    report = conform(mutated_app(change_response), token=token(), quick=True, strict=True)
    assert report.findings == ()
    assert report.verdict == "inconclusive"
    assert "no success of getOrgLedger (GET /org/ledger: 308, because it was redirected)" in report.reasons
    assert "GET /org/ledger is redirected: 308 to /api/v2/org/ledger" in report.reasons
    assert "the address that it leads to" in action(report)
    assert "what was judged stands" in situation(report)
    ledger = {result.rule for result in summarize(report).results if result.operation == "getOrgLedger"}
    assert {"success-status", "window-honored", "conditional"} <= ledger


@pytest.mark.slow
def test_a_bad_token_that_is_sent_to_a_login_page_fails(mutated_app: Any, token: Callable[..., str]) -> None:
    def change_response(path: str, status: int, headers: dict[str, str], body: Any) -> Answer:
        return (302, {"location": "/login"}, "") if status == 401 else (status, headers, body)

    report = conform(mutated_app(change_response), token=token(), quick=True)
    assert "token-missing" in {finding.rule for finding in report.findings}


@pytest.mark.slow
def test_a_run_that_is_cut_counts_what_it_has_not_run(mutated_app: Any, token: Callable[..., str]) -> None:
    def rows(report: Any) -> set[tuple[str, str]]:
        return {(result.rule, result.operation) for result in summarize(report).results}

    whole = conform(mutated_app(), token=token(), quick=True)
    few = conform(mutated_app(), token=token(), quick=True, max_requests=40)
    refused = conform(mutated_app(), token="no-such-token", quick=True)
    for cut in (few, refused):
        assert cut.verdict == "inconclusive"
        more = rows(cut) - rows(whole)
        assert {key for key in rows(whole) if key[1]} <= rows(cut)
        # There is no contract, which a run that is cut does not know; a rule may find nothing to look at.
        assert len([key for key in more if key[1] != "getOrgContract"]) < 8
        assert summarize(cut).not_judged["redeemOrgVoucher"].startswith("needs --allow-write redeem")
        assert summarize(cut).not_judged["createOrgBillingPortal"] == "needs --allow-write portal"
    assert summarize(refused).count("held") == 0


@pytest.mark.parametrize(
    ("page", "said"),
    [
        ("<h1>Token expired</h1>", "Token expired"),
        ("<title>401</title><p>Session &amp; token <b>ended</b></p>", "Session & token ended"),
        ("<style>p{}</style><script>x()</script>", ""),
        ("", ""),
    ],
)
def test_the_reason_of_a_refusal_is_quoted_from_a_page(
    page: str, said: str, suite: Any, exchange: Callable[..., Any]
) -> None:
    refused = exchange(status=401, body=page.encode(), media="text/html")
    end = f": {said}" if said else ""
    assert suite().refusal(refused) == f"GET /org/billing answered 401{end}"


def test_requests_that_are_sent_again_are_counted() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            for answers in (False, True):
                connection, _ = listener.accept()
                with connection:
                    connection.recv(65_536)
                    if answers:
                        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        target = UrlTarget(f"http://127.0.0.1:{listener.getsockname()[1]}")
        try:
            assert target.send(Request("GET", "/org/billing"), None).status == 200
            assert target.dropped == 1
        finally:
            target.close()
            thread.join(10)
