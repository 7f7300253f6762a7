"""The page of requests says what was sent, what came back, and why."""

from __future__ import annotations

from html import unescape
from typing import Any

import pytest
from orgbilling_stubs.console import requests_page
from orgbilling_stubs.console.failures import NEXT_FAILURES, Failure, failure_fields

from tests.stubs.console.test_app import Forms

ORG = "org_console"
PATH = "/_mock/requests"


@pytest.fixture
def used(dashboard: Any) -> Any:
    """An organization whose voucher was redeemed, and redeemed again in vain."""
    for _ in range(2):
        dashboard("POST", "/org/vouchers/redeem", ORG, json={"code": "TEST-CREDIT-5-x"})
    dashboard("GET", "/org/ledger", ORG, params={"days": 7})
    return dashboard


def page(dashboard: Any, **query: str) -> str:
    answer = dashboard("GET", PATH, None, params={"org": ORG, **query})
    assert answer.status_code == 200, answer.text
    return str(answer.text)


def trace_of(dashboard: Any, status: int) -> str:
    exchanges = dashboard("GET", "/_mock/v1/journal", None, params={"status": status}).json()["exchanges"]
    return next(str(row["trace"]) for row in exchanges if row["operation"] == "redeemOrgVoucher")


def test_requests_are_listed_and_filtered(used: Any) -> None:
    assert page(used).count("/api/v1/org/vouchers/redeem</a>") == 2
    assert page(used, status="409").count("/api/v1/org/vouchers/redeem</a>") == 1
    assert page(used, status="4XX").count("/api/v1/org/vouchers/redeem</a>") == 1
    assert page(used, operation="getOrgLedger").count("data-item") == 1
    assert 'role="alert"' in page(used, status="many")
    assert "did you mean &#34;getOrgLedger&#34;?" in page(used, operation="getOrgLedgr")


def test_requests_of_all_organizations_are_listed_with_their_owner(used: Any) -> None:
    used("GET", "/org/billing", "org_other")
    assert page(used).count("data-item") == 3
    html = page(used, organization="*")
    assert html.count("data-item") == 4
    assert f'href="{PATH}?org=org_other"' in html


def test_a_request_without_a_token_is_shown_to_every_organization(used: Any) -> None:
    refused = used("GET", "/org/billing", None)
    assert refused.status_code == 401
    assert refused.headers["x-trace-id"] in page(used)
    html = page(used, trace=refused.headers["x-trace-id"])
    assert "The request had no token." in html
    assert "orgbilling token" not in html[html.index("Send it again") :].partition("</details>")[0]


@pytest.mark.slow
def test_an_opened_request_says_why(used: Any) -> None:
    redeemed = page(used, trace=trace_of(used, 200))
    for sentence in (
        f"The token names {ORG}, with the role admin.",
        "The API description lists 200 for redeemOrgVoucher, in its layer documented.",
        "Command RedeemVoucher (code TEST-CREDIT-5-x): done.",
        "Ledger: voucher +5 credits, Voucher TEST-CREDIT-5-x.",
        "The balance went from ",
    ):
        assert sentence in redeemed
    assert "The request was refused with the error voucher_used." in page(used, trace=trace_of(used, 409))
    assert "Voucher has already been redeemed." in page(used, trace=trace_of(used, 409))
    assert "The balance stayed at " in page(used, trace=trace_of(used, 409))
    assert "The journal has no such request any more." in page(used, trace="0" * 32)


def test_an_opened_request_names_the_rule_that_fired(used: Any) -> None:
    rule = used("POST", "/_mock/v1/faults", None, json={"times": 1, "effect": {"status": 503}, "force": True})
    trace = used("GET", "/org/billing", ORG).headers["x-trace-id"]
    assert f"Fault rule {rule.json()['id']} fired; it was match 1 of the rule." in page(used, trace=trace)


def test_an_opened_request_shows_both_messages_as_indented_json(used: Any) -> None:
    html = unescape(page(used, trace=trace_of(used, 200)))
    assert "POST /api/v1/org/vouchers/redeem\n" in html
    assert '{\n  "code": "TEST-CREDIT-5-x"\n}' in html
    assert '"creditAmountUsd": 5.0' in html


def test_the_next_request_can_be_made_to_fail_once(used: Any) -> None:
    billing = used("GET", "/org/billing", ORG).headers["x-trace-id"]
    forms = [
        fields for action, fields in Forms(page(used, trace=billing)).forms if action.endswith("addFault")
    ]
    of_operation = [fields for fields in forms if fields.get("body.operations") == '["getOrgBilling"]']
    assert len(of_operation) == len(NEXT_FAILURES)
    [fields] = [fields for fields in of_operation if fields["body.effect"].startswith('{"status":503')]
    assert used("POST", "/_mock/actions/addFault", None, data=fields).status_code == 303
    assert used("GET", "/org/ledger", ORG).status_code == 200
    assert [used("GET", "/org/billing", ORG).status_code for _ in range(2)] == [503, 200]


@pytest.mark.slow_beyond(1)
@pytest.mark.parametrize("failure", NEXT_FAILURES, ids=lambda failure: failure.title)
def test_each_failure_is_a_fault_rule(used: Any, failure: Failure) -> None:
    for operation in (None, "getOrgLedger"):
        fields = failure_fields(failure, ORG, operation)
        location = used("POST", "/_mock/actions/addFault", None, data=fields).headers["location"]
        assert "That did not work" not in used("GET", location, None).text
    assert len(used("GET", "/_mock/v1/faults", None).json()["faults"]) == 2


def test_a_request_can_be_sent_again_with_curl(used: Any) -> None:
    html = page(used, trace=trace_of(used, 200))
    assert "curl -sS -X POST http://127.0.0.1:4010/api/v1/org/vouchers/redeem" in html
    assert f"Authorization: Bearer $(orgbilling token --org {ORG})" in html


def test_a_request_can_be_sent_again_with_fetch(used: Any) -> None:
    html = unescape(page(used, trace=trace_of(used, 200)))
    assert 'await fetch("http://127.0.0.1:4010/api/v1/org/vouchers/redeem", {' in html
    assert "authorization: `Bearer ${token}`" in html
    assert 'body: "{\\"code\\":\\"TEST-CREDIT-5-x\\"}",' in html


@pytest.mark.slow
def test_the_bug_bundle_of_a_request_replays(used: Any) -> None:
    assert f'href="/_mock/bundle?org={ORG}" download' in page(used, trace=trace_of(used, 200))
    bundle = used("GET", "/_mock/bundle", None, params={"org": ORG})
    assert bundle.headers["content-disposition"] == f'attachment; filename="{ORG}.jsonl"'
    headers = {"Content-Type": "application/x-ndjson"}
    assert used("POST", "/_mock/v1/bundle", None, content=bundle.text, headers=headers).status_code == 200
    assert used("GET", "/_mock/bundle", None, params={"org": "org_nobody"}).status_code == 404


def test_a_request_is_sent_again_with_a_click(used: Any) -> None:
    html = page(used, trace=trace_of(used, 200))
    [(action, fields)] = [form for form in Forms(html).forms if form[0].endswith("replayExchange")]
    html = used("GET", used("POST", action, None, data=fields).headers["location"], None).text
    assert "Sent again" in html
    assert html.count("voucher_used") > 1


def test_the_time_of_a_request_always_has_milliseconds(used: Any) -> None:
    for began_ms in (1_000, 1_410, 1_041):
        exchange = next(used.app.journal.newest(ORG))
        used.app.journal.append(exchange._replace(began_ns=began_ms * 1_000_000, trace=f"{began_ms:032x}"))
    html = page(used)
    for text in ("00:00:01.000", "00:00:01.410", "00:00:01.041"):
        assert f">{text}</time>" in html


def test_a_reason_ends_with_one_full_stop() -> None:
    exchange = {"request": {}, "error": None, "status": 422, "operation": "getOrgLedger"}
    explanation = {
        "exchange": exchange,
        "fault": None,
        "findings": [{"message": "the description says so."}],
        "command": None,
        "balance": None,
        "events": [],
        "ledger": [],
        "apiDescription": [],
    }
    assert "The description says so." in requests_page.reasons(explanation)
