"""The example of each rule in `rules.yaml` breaks that rule."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
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


def test_every_scenario_has_an_example_in_words() -> None:
    assert all(isinstance(ROWS[name][1], str) for name in SCENARIOS)
    assert DEFECTS.keys() <= set(SCENARIOS)


@pytest.mark.slow
@pytest.mark.parametrize("rule", DEFECTS)
def test_the_defect_breaks_the_rule(rule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1]))
    from mutation import trial
    from mutation.defects import BY_NAME
    from mutation.proxy import Proxy

    server = trial.sound_server()
    report = trial.suite(Proxy(server.app, BY_NAME[DEFECTS[rule]].make(server)), server, trial.QUICK)
    assert rule in {finding.rule for finding in report.findings}
