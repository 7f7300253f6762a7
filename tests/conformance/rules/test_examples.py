"""The example of each rule in `rules.yaml` breaks that rule."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from orgbilling_conformance.answer_differences import differences
from orgbilling_conformance.api_description import ApiDescription
from orgbilling_conformance.exchange import Exchange, Request, Response
from orgbilling_conformance.rules import registry
from orgbilling_conformance.rules.invariants import invariant_rule_id
from orgbilling_conformance.rules.rule import RuleContext
from orgbilling_conformance.schema_validation import SchemaValidator
from orgbilling_openapi.invariants import INVARIANTS

PARTS = yaml.safe_load(registry.SOURCE.read_text("utf-8"))
ROWS = {row["id"]: (part["kind"], row["example"]) for part in PARTS for row in part["rules"]}
RESPONSES = {name: example for name, (kind, example) in ROWS.items() if kind == "response"}
SCENARIOS = [name for name, (kind, _) in ROWS.items() if kind in ("scenario", "comparison")]

DEFECTS = {
    "default-window": "default-7",
    "window-honored": "row-too-old",
    "window-complete": "entry-ids-fresh",
    "intermittent": "contract-comes-and-goes",
    "safe": "reading-costs",
    "voucher-once": "redeem-twice",
    "checkout-url": "checkout-relative",
    "method": "delete-answers",
    "allow": "allow-missing",
    "window-monotone": "summary-shrinks",
    "stable": "pricing-shuffled",
    "conditional": "always-not-modified",
    "negotiation": "contract-comes-and-goes",
    "origin-own": "cors-origin-missing",
    "isolation": "cached-by-url",
    "voucher-race": "redeem-raced",
    "voucher-unknown": "redeem-unknown",
    "voucher-echo": "redeem-other-code",
    "checkout-pending": "checkout-credits",
    "subscribe-unknown": "subscribe-unknown",
    "idempotency": "key-ignored-checkout",
    "idempotency-refusal": "key-free-after-refusal",
    "route": "not-found-200",
    "preflight": "cors-preflight-refused",
}
"""For rules that take more than one exchange: a defect of the mutation suite that is like the example."""


def made(api: ApiDescription, example: dict[str, Any]) -> Exchange:
    operation = api.operations[example["operation"]]
    media = (("Content-Type", example.get("sends_media", "application/json")),)
    sent = example["sends"].encode() if "sends" in example else b" " * example.get("sends_bytes", 0) or None
    auth, query = example.get("auth", "first"), example.get("query", "")
    request = Request(operation.method, operation.path, query, media if sent else (), sent, auth)
    if "failure" in example:
        return Exchange(request, Response(0, (), example["failure"].encode(), 0.01, "broken"), operation.id)
    body = example["body"] if isinstance(example["body"], str) else json.dumps(example["body"])
    status = example.get("status", 200)
    media_type = "application/problem+json" if status >= 400 else "application/json"
    headers = {"content-type": example.get("media", media_type), **example.get("headers", {})}
    response = Response(status, tuple(headers.items()), body.encode(), 0.01, "")
    return Exchange(request, response, operation.id)


@pytest.mark.parametrize("name", RESPONSES)
def test_the_exchange_breaks_the_rule(name: str, api: ApiDescription) -> None:
    exchange, context = made(api, RESPONSES[name]), RuleContext(api, SchemaValidator(api))
    broken = {
        violation.rule
        for _, check in registry.RESPONSE_CHECKS
        for violation in check(exchange, context) or ()
    }
    assert name in broken


@pytest.mark.parametrize("invariant", INVARIANTS, ids=invariant_rule_id)
def test_the_bodies_break_the_invariant(invariant: Any) -> None:
    result = invariant.check(ROWS[invariant_rule_id(invariant)][1])
    assert result.holds is False, result.detail


BILLING = {"creditBalance": 1.5, "currency": "USD", "billingMode": "prepaid"}
COMPARED: dict[str, tuple[str, tuple[int, Any], tuple[int, Any]]] = {
    "same-status": ("getOrgBilling", (200, BILLING), (404, {"title": "Not Found", "status": 404})),
    "same-shape": (
        "getOrgBilling",
        (200, BILLING),
        (200, {name: value for name, value in BILLING.items() if name != "currency"}),
    ),
    "same-values": ("getOrgLedger", (200, [{"entryType": "top_up"}]), (200, [{"entryType": "topup"}])),
}
"""For rules of comparisons: an operation, what the stub answers, and what the real API does."""


@pytest.mark.parametrize("rule", COMPARED)
def test_two_answers_break_the_rule(rule: str, api: ApiDescription) -> None:
    operation, stub, real = COMPARED[rule]

    def response(status: int, body: Any) -> Response:
        return Response(status, (("content-type", "application/json"),), json.dumps(body).encode())

    found = differences(api, operation, response(*stub), response(*real))
    assert rule in {violation.rule for violation in found}
    assert rule not in {each.rule for each in differences(api, operation, response(*stub), response(*stub))}


def test_every_scenario_has_an_example_in_words_and_one_that_is_tried() -> None:
    assert all(isinstance(ROWS[name][1], str) for name in SCENARIOS)
    assert {*DEFECTS, *SERVERS, *COMPARED} == set(SCENARIOS)


@pytest.mark.slow
@pytest.mark.parametrize("rule", DEFECTS)
def test_the_defect_breaks_the_rule(rule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1]))
    from mutation.defects import BY_NAME

    assert rule in found_on(BY_NAME[DEFECTS[rule]].make)


def found_on(make: Any) -> set[str]:
    """The rules that a sound server breaks with a mutation."""
    from mutation import trial
    from mutation.proxy import Proxy

    server = trial.sound_server()
    report = trial.suite(Proxy(server.app, make(server)), server, trial.QUICK)
    return {finding.rule for finding in report.findings}


def with_foreign_origin() -> Any:
    from mutation.mutations import when

    def let_in(response: Any) -> Any:
        allowed = response.with_header("access-control-allow-origin", "https://conformance.invalid")
        return allowed.with_header("access-control-allow-credentials", "true")

    return when(lambda request, _: request.header("origin") == "https://conformance.invalid", let_in)


def without_a_path() -> Any:
    from mutation.mutations import when

    def shortened(response: Any) -> Any:
        document = response.document()
        del document["paths"]["/org/ledger"]
        return response.with_document(document)

    return when(lambda request, response: request.path.endswith("/openapi.json"), shortened)


def with_memory(answer: Any) -> Any:
    """A mutation that may remember: answer(memory, operation, request, response) is what is answered."""
    from mutation.mutations import operation

    def make(server: Any) -> Any:
        memory: dict[str, Any] = {}

        async def mutate(request: Any, forward: Any) -> Any:
            return answer(memory, operation(request), request, await forward(request))

        return mutate

    return make


def credited_by_refusals(memory: Any, operation: str | None, request: Any, response: Any) -> Any:
    if operation == "redeemOrgVoucher" and response.status >= 400:
        memory["refusals"] = memory.get("refusals", 0) + 1
    if operation == "getOrgBilling" and response.status == 200 and memory:
        document = response.document()
        return response.with_document(
            {**document, "creditBalance": document["creditBalance"] + memory["refusals"]}
        )
    return response


def same_checkout(memory: Any, operation: str | None, request: Any, response: Any) -> Any:
    is_checkout = operation == "createOrgBillingCheckout" and response.status == 200
    return memory.setdefault("first", response) if is_checkout else response


def broken_by_text(memory: Any, operation: str | None, request: Any, response: Any) -> Any:
    from mutation.mutations import page

    if request.method == "POST" and request.body and request.document() is None:
        memory["broken"] = True
    return page(500, "text/plain", "Internal Server Error") if memory else response


def answering(operation: str, url: str) -> Any:
    from mutation.mutations import put

    return put(operation, "url", to=url)


SERVERS: dict[str, Callable[[], Any]] = {
    "origin": with_foreign_origin,
    "published-facts": without_a_path,
    "refused-harmless": lambda: with_memory(credited_by_refusals),
    "checkout-fresh": lambda: with_memory(same_checkout),
    "portal-url": lambda: answering("createOrgBillingPortal", "/portal"),
    "subscribe-url": lambda: answering("subscribeToOrgContract", "/pay"),
    "crash": lambda: with_memory(broken_by_text),
}
"""For rules that no defect of the mutation suite is like: a mutation of a sound server."""


@pytest.mark.slow
@pytest.mark.parametrize("rule", SERVERS)
def test_the_server_breaks_the_rule(rule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1]))
    assert rule in found_on(SERVERS[rule]())
