"""A request of the journal is sent again, with a fresh token for the same caller."""

from __future__ import annotations

from typing import Any

import pytest
from orgbilling_stubs.journal.exchange import EXCERPT_BYTES
from orgbilling_stubs.journal.replay import EXCHANGE_INCOMPLETE

ORG = "org_replay"


def replay(dashboard: Any, trace: str) -> Any:
    return dashboard("POST", f"/_mock/v1/journal/{trace}/replay", None)


def test_a_request_is_sent_again_as_it_was(dashboard: Any) -> None:
    first = dashboard("POST", "/org/vouchers/redeem", ORG, json={"code": "TEST-CREDIT-5-x"})
    again = replay(dashboard, first.headers["x-trace-id"]).json()
    assert (again["operation"], again["status"], again["error"]) == ("redeemOrgVoucher", 409, "voucher_used")
    assert again["organization"] == ORG
    assert again["request"]["body"] == {"code": "TEST-CREDIT-5-x"}
    assert again["trace"] != first.headers["x-trace-id"]
    assert dashboard("GET", "/_mock/v1/journal", None).json()["exchanges"][0]["trace"] == again["trace"]


def test_the_idempotency_key_is_sent_again(dashboard: Any) -> None:
    headers = {"Idempotency-Key": "one"}
    first = dashboard("POST", "/org/vouchers/redeem", ORG, json={"code": "TEST-CREDIT-5-y"}, headers=headers)
    assert replay(dashboard, first.headers["x-trace-id"]).json()["status"] == first.status_code == 200


def test_a_request_without_a_token_is_sent_without_one(dashboard: Any) -> None:
    refused = dashboard("GET", "/org/ledger?days=7", None)
    again = replay(dashboard, refused.headers["x-trace-id"]).json()
    assert (again["status"], again["path"]) == (401, "/api/v1/org/ledger?days=7")


@pytest.mark.parametrize("effect", [{"reset": True}, {"hangMs": 10}, {"truncateBytes": 10}])
def test_a_fault_meets_the_request_again(dashboard: Any, effect: dict[str, Any]) -> None:
    trace = dashboard("GET", "/org/billing", ORG).headers["x-trace-id"]
    dashboard("POST", "/_mock/v1/faults", None, json={"times": 1, "effect": effect})
    again = replay(dashboard, trace)
    assert again.status_code == 200
    assert again.json()["fault"]
    assert replay(dashboard, trace).json()["fault"] is None


def test_what_the_journal_has_cut_cannot_be_sent_again(dashboard: Any) -> None:
    for body in ({"code": "x" * EXCERPT_BYTES}, {"code": "sk_live_" + "a1B2" * 12}):
        trace = dashboard("POST", "/org/vouchers/redeem", ORG, json=body).headers["x-trace-id"]
        answer = replay(dashboard, trace)
        assert (answer.status_code, answer.json()["detail"]) == (409, EXCHANGE_INCOMPLETE.detail)
    assert replay(dashboard, "0" * 32).status_code == 404
