from __future__ import annotations

import json

import jwt
import pytest
from orgbilling_conformance.exchange import Response
from orgbilling_conformance.observation import Observation, request_of, still_periods

from servers import huma, session_tokens

BASE = "http://127.0.0.1:1/api/v1"
JSON = (("content-type", "application/json"),)
NOT_FOUND = Response(
    404,
    (("content-type", "application/problem+json"),),
    b'{"title":"Not Found","status":404,"detail":"no contract"}',
)


@pytest.fixture
def observation():
    return Observation(BASE)


@pytest.fixture
def account():
    return huma.account_with_history("org_acme")


def authorization(organization="org_acme", life_s=3600):
    return f"Bearer {session_tokens.token(organization, life_s)}"


def answer(body, status=200, headers=()):
    return Response(status, (*JSON, *headers), json.dumps(body).encode())


def show(observation, path, body, query="", token=None, headers=(), method="GET"):
    request = request_of(method, path, query, headers, None)
    response = body if isinstance(body, Response) else answer(body)
    found = observation.consider(request, response, authorization() if token is None else token or None)
    return {finding.key for finding in found}


def profile(account, **changes):
    return huma.profile(account, 30) | changes


def test_a_finding_is_told_once_and_counted(observation, account):
    wrong = profile(account, creditBalance="12")
    assert show(observation, "/org/billing", wrong) == {("schema-type", "getOrgBilling", "/creditBalance")}
    assert show(observation, "/org/billing", wrong) == set()
    [finding] = observation.findings()
    assert (finding.count, finding.severity) == (2, "error")
    report = observation.report()
    assert (report.verdict, report.head["requests"]) == ("violated", 2)
    assert "Bearer" not in json.dumps(report.to_json())


def test_sound_traffic_conforms(observation, account):
    for _ in range(2):
        show(observation, "/org/billing", profile(account))
        for path, read in (("usage-summary", huma.summary), ("ledger", huma.READS["ledger"])):
            for days in (1, 7, 30, 365):
                show(observation, f"/org/{path}", read(account, days), f"days={days}")
            show(observation, f"/org/{path}", read(account, 30))
        show(observation, "/org/contract", NOT_FOUND)
        show(observation, "/org/billing", profile(account))
    assert observation.compare_exchanges() == []
    report = observation.report()
    rules = {finding.rule for finding in report.findings}
    # Its words for entries are its own, and it has no member that we alone require.
    assert rules <= {"schema-required", "schema-value"}
    assert report.verdict == "conforms"
    passed = {case.rule for case in report.cases if case.outcome == "passed"}
    assert {"default-window", "window-complete", "stable", "schema-type"} <= passed
    assert any(rule.startswith("invariant-") for rule in passed)


def test_nothing_seen_is_inconclusive(observation):
    assert observation.report().verdict == "inconclusive"


def test_an_invariant_is_looked_for_between_equal_profiles_alone(observation, account):
    summary = huma.summary(account, 30) | {"creditBalanceUsd": 1.0}
    show(observation, "/org/billing", profile(account))
    show(observation, "/org/usage-summary", summary, "days=30")
    show(observation, "/org/billing", profile(account, creditBalance=1.0))  # it has moved meanwhile
    assert observation.compare_exchanges() == []
    show(observation, "/org/usage-summary", summary, "days=30")
    show(observation, "/org/billing", profile(account, creditBalance=1.0))
    assert observation.compare_exchanges() == []
    for _ in range(2):
        show(observation, "/org/billing", profile(account, creditBalance=2.0))
        show(observation, "/org/usage-summary", summary, "days=30")
    assert "invariant-11-summary-balance" in {finding.rule for finding in observation.compare_exchanges()}


def test_a_write_ends_a_still_period(observation, account):
    show(observation, "/org/billing", profile(account))
    show(observation, "/org/billing", profile(account))
    exchanges = [exchange for row in observation._organizations.values() for exchange in row.exchanges]
    assert [len(period) for period in still_periods(exchanges)] == [2]
    show(observation, "/org/vouchers/redeem", {}, method="POST")
    show(observation, "/org/billing", profile(account))
    exchanges = [exchange for row in observation._organizations.values() for exchange in row.exchanges]
    assert [len(period) for period in still_periods(exchanges)] == [2, 1]


@pytest.mark.parametrize(
    ("token", "rule"),
    [
        ("", "token-missing"),
        (authorization(life_s=-3600), "token-expired"),
        (authorization(None), "token-pending"),
    ],
)
def test_a_success_for_a_bad_token_is_a_finding(observation, account, token, rule):
    found = show(observation, "/org/billing", profile(account), token=token)
    assert (rule, "getOrgBilling", "status") in found


def test_credentials_elsewhere_are_no_missing_token(observation, account):
    request = request_of("GET", "/org/billing", "", (), None)
    assert observation.consider(request, answer(profile(account)), "") == []


def test_two_signatures_of_one_token_are_not_both_good(observation, account):
    good = authorization()
    assert show(observation, "/org/billing", profile(account), token=good) == set()
    forged = good[:-8] + ("AAAAAAAA" if good[-8:] != "AAAAAAAA" else "BBBBBBBB")
    assert ("token-bad", "getOrgBilling", "status") in show(
        observation, "/org/billing", profile(account), token=forged
    )


def test_an_unsigned_token_is_none(observation, account):
    unsigned = "Bearer " + jwt.encode({"o": {"id": "org_acme"}, "exp": 4102444800}, None, "none")
    assert ("token-bad", "getOrgBilling", "status") in show(
        observation, "/org/billing", profile(account), token=unsigned
    )


def test_two_organizations_share_nothing(observation, account):
    show(observation, "/org/billing", profile(account))
    show(observation, "/org/billing", profile(account), token=authorization("org_other"))
    assert ("isolation", "getOrgBilling", "tenantId") in {
        finding.key for finding in observation.compare_exchanges()
    }


def test_a_failure_between_successes_is_intermittent(observation, account):
    problem = Response(500, (("content-type", "application/problem+json"),), b'{"status": 500, "title": "x"}')
    for body in (profile(account), problem, profile(account)):
        show(observation, "/org/billing", body)
    assert ("intermittent", "getOrgBilling", "status") in {
        finding.key for finding in observation.compare_exchanges()
    }


def test_a_304_has_no_body(observation):
    tag = (("if-none-match", '"1"'),)
    assert show(observation, "/org/ledger", Response(304, ()), headers=tag) == set()
    assert ("conditional", "getOrgLedger", "body") in show(
        observation, "/org/ledger", Response(304, (), b"[]"), headers=tag
    )


def test_what_is_kept_is_bounded(observation, account, monkeypatch):
    monkeypatch.setattr("orgbilling_conformance.observation.KEPT_BYTES", 5_000)
    monkeypatch.setattr("orgbilling_conformance.observation.KEPT_ORGANIZATIONS", 3)
    for number in range(10):
        for _ in range(5):
            show(observation, "/org/billing", profile(account), token=authorization(f"org_{number}"))
    kept = observation._organizations.values()
    assert len(kept) == 3
    assert sum(len(exchange.response.body) for row in kept for exchange in row.exchanges) <= 5_000
