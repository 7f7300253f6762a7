from __future__ import annotations

import asyncio

import pytest
from orgbilling_openapi import description as descriptions
from orgbilling_stubs.http.context import EncodedReply, Reply


def test_a_handler_gets_who_asks_what_and_where(make):
    seen = []

    def handler(call):
        seen.append(call)
        return EncodedReply(b"[]")

    answer = make(getOrgLedger=handler)("GET", "/org/ledger", query=b"days=7", token="Bearer member")

    call = seen[0]
    assert (call.operation.operation_id, call.principal, call.parameters) == (
        "getOrgLedger",
        "Bearer member",
        {"days": 7},
    )
    assert (call.body, call.idempotency) == (None, None)
    assert call.base_url == "http://localhost:4010"
    assert call.trace_id == answer.headers["x-trace-id"]


def test_an_operation_without_security_is_open(make):
    contract = descriptions.load()
    contract["paths"]["/org/billing"]["get"]["security"] = []
    seen = []

    def handler(call):
        seen.append(call.principal)
        return Reply(None, 404)

    make(contract=contract, getOrgBilling=handler)("GET", "/org/billing", token=None)
    assert seen == [None]


def test_a_status_that_the_contract_does_not_have_is_our_mistake(make, caplog):
    contract = descriptions.load()
    del contract["paths"]["/org/billing"]["get"]["responses"]["default"]
    answer = make(contract=contract, getOrgBilling=lambda call: Reply({}, 299))("GET", "/org/billing")
    assert answer.status == 500
    assert "no response 299" in caplog.text


def test_a_client_that_leaves_in_mid_body_gets_no_answer(ask):
    sent = []

    async def receive():
        return {"type": "http.disconnect"}

    async def send(message):
        sent.append(message)

    headers = [(b"host", b"localhost"), (b"authorization", b"Bearer admin"), (b"content-length", b"9")]
    headers.append((b"content-type", b"application/json"))
    scope = {"type": "http", "method": "POST", "path": "/api/v1/org/vouchers/redeem", "headers": headers}
    asyncio.run(ask.app({**scope, "query_string": b"", "scheme": "http"}, receive, send))
    assert sent == []


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 2**70, object(), "\ud800"])
def test_what_json_cannot_say_is_a_500(make, is_problem, profile, value):
    answer = make(getOrgBilling=lambda call: Reply({**profile, "creditBalance": value}))(
        "GET", "/org/billing"
    )
    assert is_problem(answer)
    assert answer.status == 500
