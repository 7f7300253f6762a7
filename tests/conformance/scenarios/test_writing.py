from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from orgbilling_conformance.scenarios import writing

ALL = ("redeem", "checkout", "portal", "methods")
STEPS = (writing.bodies, writing.vouchers, writing.checkouts, writing.portal, writing.methods)


def found(suite_run: Any) -> set[str]:
    return {finding.rule for finding in suite_run.findings()}


def test_the_stub_writes_as_it_should(suite: Any, token: Callable[..., str]) -> None:
    vouchers = ["TEST-CREDIT-5-a", "TEST-CREDIT-5-b"]
    run = suite(token=token("org_standard_writes"), allow_write=ALL, voucher=vouchers)
    for step in STEPS:
        step(run)
    assert run.findings() == ()
    passed = {case.rule for case in run.cases() if case.outcome == "passed"}
    wanted = {
        "voucher-once",
        "voucher-race",
        "voucher-unknown",
        "idempotency",
        "idempotency-refusal",
        "checkout-url",
        "portal-url",
    }
    assert (
        wanted | {"invariant-20-redeem-balance", "invariant-21-redeem-row", "method", "preflight", "crash"}
        <= passed
    )


def test_what_was_not_allowed_is_skipped(suite: Any) -> None:
    run = suite()
    for step in (*STEPS, writing.subscribe):
        step(run)
    assert {entry.line.partition(" ")[0] for entry in run.guard.sent_requests} == {"GET"}
    assert {"voucher-once", "checkout-url", "portal-url", "subscribe-url", "method"} <= {
        skipped.rule for skipped in run.skipped()
    }


def test_a_contract_that_is_unknown(suite: Any) -> None:
    run = suite(allow_write=["subscribe"], contract_id="11111111-2222-4333-8444-555555555555")
    writing.subscribe(run)
    assert run.findings() == ()
    assert [skipped.reason for skipped in run.skipped()] == ["refused with 404"]


def test_a_contract_that_can_be_subscribed_to(suite: Any, token: Callable[..., str]) -> None:
    held = token("org_contract_pending_subscribe")
    contract = suite(token=held).ask("getOrgContract").response.json["contractId"]
    run = suite(token=held, allow_write=["subscribe"], contract_id=contract)
    writing.bodies(run)
    writing.subscribe(run)
    assert run.findings() == ()
    assert run.successes["subscribeToOrgContract"] == 1
    assert "subscribe-url" in {case.rule for case in run.cases() if case.outcome == "passed"}


class Shop:
    """A small account: vouchers, checkouts and their mistakes."""

    def __init__(self, *mistakes: str) -> None:
        self.mistakes, self.balance, self.rows, self.used = mistakes, 10.0, [], set()
        self.answered: dict[bytes, tuple[bytes, tuple[int, Any]]] = {}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        path, method = scope["path"].removeprefix("/api/v1"), scope["method"]
        body = (await receive())["body"]
        known = (b"authorization", b"Bearer t") in scope["headers"]
        key = dict(scope["headers"]).get(b"idempotency-key")
        status, answer = self.keyed(key, method, path, body) if known else (401, {})
        media = b"application/json" if status == 200 else b"application/problem+json"
        await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", media)]})
        await send({"type": "http.response.body", "body": json.dumps(answer).encode()})

    def keyed(self, key: bytes | None, method: str, path: str, body: bytes) -> tuple[int, Any]:
        if key is None or "keyless" in self.mistakes:
            return self.answer(method, path, body)
        if key not in self.answered:
            self.answered[key] = body, self.answer(method, path, body)
        sent, answer = self.answered[key]
        return answer if sent == body else (409, {})

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, Any]:
        if path == "/org/ledger":
            return 200, self.rows
        if method == "GET":
            return 200, {"creditBalance": self.balance, "creditBalanceUsd": self.balance}
        if path.endswith("/redeem"):
            return self.redeem(body)
        if "credit" in self.mistakes:
            self.balance += 10
        url = "checkout/1" if "relative" in self.mistakes else f"https://pay.example/{len(self.used)}"
        self.used.add(len(self.used))
        return 200, {"url": "https://pay.example/1" if "same" in self.mistakes else url}

    def redeem(self, body: bytes) -> tuple[int, Any]:
        try:
            sent = json.loads(body)
            code = sent["code"]
        except (ValueError, KeyError, TypeError):
            return 400, {}
        if sent.keys() != {"code"} and "open" not in self.mistakes:
            return 422, {}
        if code != "GOOD" or (code in self.used and "twice" not in self.mistakes):
            self.balance -= 1 if "costly" in self.mistakes else 0
            return 404, {}
        self.used.add(code)
        self.balance += 5
        self.rows.append(
            {"entryId": str(len(self.rows)), "amountCredits": 5, "createdAt": "2026-01-01T00:00:00Z"}
        )
        if "no-row" in self.mistakes:
            self.rows.clear()
        wrong = 1 if "balance" in self.mistakes else 0
        return 200, {
            "voucherCode": "X" if "echo" in self.mistakes else code,
            "creditAmountUsd": 5,
            "newBalance": self.balance + wrong,
            "message": "",
        }


@pytest.mark.parametrize(
    ("mistake", "rules"),
    [
        ("", set()),
        ("twice", {"voucher-once", "voucher-race"}),
        ("costly", {"refused-harmless"}),
        ("balance", {"invariant-20-redeem-balance"}),
        ("no-row", {"invariant-21-redeem-row"}),
        ("echo", {"voucher-echo"}),
        ("open", {"body-schema"}),
        ("keyless", {"idempotency-refusal"}),
    ],
)
def test_mistakes_with_vouchers(suite: Any, mistake: str, rules: set[str]) -> None:
    run = suite(Shop(mistake), token="t", allow_write=["redeem"], voucher="GOOD")
    writing.vouchers(run)
    ignored = ("schema-", "plausibility-", "challenge", "problem-members")
    rest = {each for each in found(run) if not each.startswith(ignored)}
    assert rest >= rules
    if not rules:
        assert rest == set()


@pytest.mark.parametrize(
    ("mistake", "rule"),
    [("relative", "checkout-url"), ("same", "checkout-fresh"), ("credit", "checkout-pending")],
)
def test_mistakes_with_checkouts(suite: Any, mistake: str, rule: str) -> None:
    run = suite(Shop(mistake), token="t", allow_write=["checkout"])
    writing.checkouts(run)
    assert rule in found(run)


def test_methods_that_nobody_documents(suite: Any) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        status = 405 if scope["method"] == "PATCH" else 200
        headers = [(b"access-control-allow-origin", b"*")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"{}"})

    run = suite(app, allow_write=["methods"])
    writing.methods(run)
    assert {"method", "allow", "route", "preflight"} <= found(run)


def test_wrong_bodies_are_all_wrong() -> None:
    rows = writing.wrong_bodies("code", "A", (5,))
    assert len({what for what, _ in rows}) == len(rows) > 10
    assert writing.encode({"a": 1}) == b'{"a": 1}'
    assert writing.balance({}) is None


def test_rules_over_bodies_are_skipped_where_none_may_be_sent(suite: Any) -> None:
    run = suite()
    writing.bodies(run)
    skipped_reasons = {
        skipped.operation: skipped.reason for skipped in run.skipped() if skipped.rule == "body-schema"
    }
    assert skipped_reasons == {
        "createOrgBillingCheckout": "needs --allow-write checkout",
        "redeemOrgVoucher": "needs --allow-write redeem --voucher CODE",
        "subscribeToOrgContract": "needs --allow-write subscribe --contract ID",
    }
