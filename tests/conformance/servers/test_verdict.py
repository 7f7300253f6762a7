"""No server that keeps the documents is accused of an error, or warned of what is not listed; what could not
be judged is said."""

from __future__ import annotations

import pytest
from orgbilling_conformance import conform

from servers import huma, limited, rich, session_tokens, sparse
from servers.warned import unexpected_warnings

WRITES = ("redeem", "checkout", "portal", "subscribe", "methods")
AGREED = "0a000000-0000-4000-8000-00000000000a"
SERVERS = {
    "sparse": (sparse.app, "DISCOUNT", AGREED),
    "huma": (huma.app, "HELLO20", AGREED),
    "rich": (rich.app, rich.VOUCHER, rich.agreed("org_acme")),
    "limited": (limited.app, "HELLO5", AGREED),
}


def judged(name, writes, quick=True, **more):
    make, voucher, contract = SERVERS[name]
    given = {"allow_write": WRITES, "voucher": voucher, "contract_id": contract} if writes else {}
    tokens = {
        "token": session_tokens.token("org_acme"),
        "second_token": session_tokens.token("org_rival"),
        "expired_token": session_tokens.token("org_acme", -300),
        "pending_token": session_tokens.token(None),
    }
    return conform(app=make(), quick=quick, timeout=5.0, **tokens, **given, **more)


def errors(report):
    return [
        (finding.rule, finding.operation, finding.pointer, finding.expected, finding.observed)
        for finding in report.errors
    ]


# Waiting for the limit takes its time, and so does reading what never rests; writing reads as much before.
LATER = {("limited", True), ("rich", False)}
QUICKLY = [
    pytest.param(name, writes, marks=pytest.mark.slow if (name, writes) in LATER else [])
    for name in SERVERS
    for writes in (False, True)
    if (name, writes) != ("limited", False)
]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "writes"), QUICKLY)
def test_quick_finds_no_error(name, writes):
    report = judged(name, writes)
    assert errors(report) == []
    assert unexpected_warnings(name, report) == []
    assert report.verdict != "violated"


@pytest.mark.slow
@pytest.mark.parametrize("name", SERVERS)
def test_full_finds_no_error(name):
    report = judged(name, True, quick=False, max_time=120, examples=8)
    assert errors(report) == []
    assert unexpected_warnings(name, report) == []
    assert report.verdict != "violated"


@pytest.mark.slow
def test_a_portal_that_never_opens_is_no_pass():
    report = judged("sparse", True)
    assert report.verdict == "inconclusive"
    assert any("createOrgBillingPortal" in reason for reason in report.reasons)


def test_rules_that_had_nothing_to_check_are_not_passed():
    report = judged("sparse", False)
    skipped = {(skipped.rule, skipped.operation) for skipped in report.skipped}
    assert skipped
    passed = {
        (case.rule, case.operation)
        for case in report.cases
        if case.outcome == "passed" and not case.evaluations
    }
    assert passed == set()
