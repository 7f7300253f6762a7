from __future__ import annotations

from dataclasses import replace
from typing import Any

from orgbilling_conformance.reports import advice
from orgbilling_conformance.reports.report import Finding
from orgbilling_conformance.rules.registry import RULES
from orgbilling_conformance.rules.rule import FACTS, RuleViolation
from orgbilling_openapi import composition, description, json_pointer


def test_a_node_has_its_line() -> None:
    assert advice.line("#/openapi") < 5
    place = "#/components/schemas/TenantBillingProfile/properties/billingMode/enum"
    assert 0 < advice.line("#/components/schemas/TenantBillingProfile") < advice.line(place)
    assert advice.line("#/components/schemas/TenantBillingProfile/required/3") > 0
    assert advice.line("#/no/such/node") >= 0


def test_every_basis_has_a_source() -> None:
    finding = Finding("r", "error", "documented", "o", "", "", "", node="#/openapi")
    assert advice.location_of(finding).startswith("org-billing.yaml:")
    assert (
        advice.location_of(Finding("r", "warning", "invariant", "o", "", "", ""))
        == "docs/rules.md (invariant)"
    )
    assert (
        advice.location_of(Finding("r", "error", "documented", "o", "", "", ""))
        == "the reference page (documented)"
    )


def places(suite_run: Any) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for finding in suite_run.findings():
        if finding.basis in FACTS and finding.operation:
            found.setdefault(finding.rule, set()).add(finding.node)
    return found


def wrong_in_every_way(suite_run: Any, exchange: Any) -> None:
    """Exchanges that break every response rule that rests on a fact."""
    profile: dict[str, Any] = {"$schema": 5, "currency": 5, "updatedAt": "x", "more": 1}
    for each in (
        exchange(body=profile),
        exchange(body=b"{"),
        exchange(status=201, body={}),
        exchange(media="text/plain", body={}),
        exchange(status=0, failure="broken"),
        exchange(status=500, media="text/plain", body={}),
        exchange(status=409, body={"status": 400}),
        exchange("getOrgLedger", 422, {}, query="days=7"),
        exchange("getOrgModelPricing", 422, {}),
        exchange("getOrgLedger", 200, [], query="days=0"),
        exchange("getOrgLedger", 200, [], query="days=x"),
        exchange("redeemOrgVoucher", 200, {}),
        *(exchange(body={}, auth=kind) for kind in ("none", "garbage", "expired")),
    ):
        suite_run.consider(each)
    for sent in (b"{", b"{}"):
        template = exchange("redeemOrgVoucher", 200, {})
        request = replace(template.request, body=sent)
        suite_run.consider(replace(template, request=request))


def test_every_rule_that_rests_on_a_fact_points_to_a_node_with_its_line(suite: Any, exchange: Any) -> None:
    run = suite()
    wrong_in_every_way(run, exchange)
    for rule in RULES.values():
        if rule.kind == "scenario" and rule.basis[0] in FACTS:
            operation = (rule.operations or ("getOrgBilling",))[0]
            run.fail(RuleViolation(rule.id, "", "", "", rule.basis[0]), operation)
    found = places(run)
    facts_alone = {rule.id for rule in RULES.values() if rule.basis[0] in FACTS}
    assert facts_alone - found.keys() == {"schema-value"}, "no fact names a set or a shape"
    document = description.load()
    for rule_id, nodes in found.items():
        for place in nodes:
            assert place, rule_id
            json_pointer.find(document, place)
            assert advice.line(place) > 12, (rule_id, place)


def test_the_lines_say_what_is_meant(suite: Any, exchange: Any) -> None:
    run = suite()
    wrong_in_every_way(run, exchange)
    lines = (composition.HERE / advice.DESCRIPTION_FILE).read_text("utf-8").splitlines()
    words = {
        "token-expired": "security:",
        "token-bad": "security:",
        "problem-status": "status:",
        "error-media": "application/problem+json:",
        "success-status": "'200':",
        "success-media": "content:",
        "schema-link": "$schema:",
    }
    found = places(run)
    for rule, word in words.items():
        assert {lines[advice.line(place) - 1].strip() for place in found[rule]} == {word}
    [window] = [place for place in found["parameter-valid"] if "ledger" in place]
    assert lines[advice.line(window) - 1].strip() == "- name: days"
