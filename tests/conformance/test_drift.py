from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from orgbilling_conformance import drift
from orgbilling_conformance.api_description import ApiDescription, vendor_facts
from orgbilling_conformance.reports import advice
from orgbilling_conformance.reports.report import Finding
from orgbilling_openapi import composition, description


class Documents:
    """Publishes one document, or schemas, and nothing else."""

    def __init__(self, documents: dict[str, Any]) -> None:
        self.documents = documents

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        assert not [key for key, _ in scope["headers"] if key == b"authorization"]
        found = self.documents.get(scope["path"].removeprefix("/api/v1"))
        status = 404 if found is None else 200
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": json.dumps(found).encode()})


def test_our_own_contract_does_not_differ(suite: Any) -> None:
    run = suite(Documents({"/openapi.json": description.load()}))
    assert drift.compare(run) == ()
    assert run.findings() == ()


@pytest.mark.slow
def test_a_fact_that_is_contradicted_is_reported_and_an_assumption_is_not(suite: Any) -> None:
    theirs = description.load()
    del theirs["paths"]["/org/model-pricing"]
    theirs["components"]["schemas"]["TenantBillingProfile"]["properties"]["billingMode"].pop("enum")
    run = suite(Documents({"/openapi.json": theirs}))
    rows = drift.compare(run)
    assert any(row["severity"] == "breaking" and "gone" in row["what"] for row in rows)
    assert {(finding.rule, finding.severity) for finding in run.findings()} == {
        ("published-facts", "warning")
    }


def test_what_cannot_be_compared_is_a_remark(suite: Any) -> None:
    for document in ({"paths": 5}, {"paths": {"/x": None}}):
        run = suite(Documents({"/openapi.json": document}))
        drift.compare(run)
        assert run.notes


def test_schemas_one_by_one(suite: Any) -> None:
    schemas = description.load()["components"]["schemas"]
    names = {f"/schemas/{name}.json": schema for name, schema in schemas.items()}
    assert drift.compare(suite(Documents(names))) == ()
    lost = json.loads(json.dumps(names))
    del lost["/schemas/TenantBillingProfile.json"]["properties"]["currency"]
    [row] = drift.compare(suite(Documents(lost)))
    assert (row["severity"], row["what"]) == ("breaking", "the member currency of TenantBillingProfile")


def test_a_target_that_publishes_nothing(suite: Any) -> None:
    run = suite(Documents({}))
    assert drift.compare(run) == ()
    assert [skipped.rule for skipped in run.skipped()] == ["published-facts"]


def test_every_way_out_can_be_used(api: ApiDescription) -> None:
    profile = "#/components/schemas/TenantBillingProfile"
    index = api.document["components"]["schemas"]["TenantBillingProfile"]["required"].index("currency")
    cases = {
        "schema-required": (f"{profile}/required/{index}", "absent"),
        "schema-closed": (f"{profile}/additionalProperties", "5"),
        "schema-type": (f"{profile}/properties/currency/type", "null: null"),
        "schema-value": (f"{profile}/properties/billingMode/enum", "barter"),
        "schema-format": (f"{profile}/properties/updatedAt/format", "yesterday"),
    }
    for rule, (place, observed) in cases.items():
        basis = "assumed" if rule == "schema-value" else "documented"
        finding = Finding(rule, "error", basis, "getOrgBilling", "/currency", "string", observed, node=place)
        bug, overlay, entry = advice.ways_out(finding, "2026-12-31")
        assert observed in bug
        actions = yaml.safe_load(overlay)
        assert all(
            action["target"].startswith("$.components.schemas.TenantBillingProfile") for action in actions
        )
        assert all("update" in action or action["remove"] is True for action in actions)
        [row] = yaml.safe_load(entry)
        assert (row["rule"], str(row["until"])) == (rule, "2027-01-28")
    assert (
        "no single node"
        in advice.ways_out(Finding("invariant-01", "warning", "invariant", "x", "", "", ""), "2026-01-05")[1]
    )


def test_the_overlay_says_the_rest_of_a_required_list(api: ApiDescription) -> None:
    required = api.document["components"]["schemas"]["OrgBillingURLBody"]["required"]
    place = "#/components/schemas/OrgBillingURLBody/required/0"
    finding = Finding(
        "schema-required", "error", "published", "x", "/url", "the member url", "absent", node=place
    )
    actions = yaml.safe_load(advice.ways_out(finding, "2026-01-05")[1])
    assert actions[1]["update"]["required"] == required[1:]


PROFILE, CONTRACT = "#/components/schemas/TenantBillingProfile", "#/components/schemas/EnterpriseContract"
VOUCHER = "#/components/schemas/OrgBillingVoucherInputBody"
AMENDED = {
    "an enum of ours": ("schema-value", "assumed", f"{PROFILE}/properties/billingMode/enum", "barter"),
    "a pattern of ours": ("schema-value", "assumed", f"{PROFILE}/properties/tenantId/pattern", "x"),
    "a bound of ours": ("parameter-range", "assumed", "#/components/parameters/Limit/schema/minimum", "0"),
    "a type": ("schema-type", "documented", f"{PROFILE}/properties/currency/type", "null: null"),
    "a member too many": ("schema-closed", "published", f"{CONTRACT}/additionalProperties", "5"),
    "a member too few": ("schema-required", "published", f"{CONTRACT}/required/1", "absent"),
    "a body": ("body-schema", "documented", f"{VOUCHER}/properties/code/type", "200 to integer: 5"),
}  # fmt: skip


@pytest.mark.slow_beyond(1)
@pytest.mark.parametrize("name", AMENDED)
def test_an_overlay_composes_as_it_is_printed(name: str, tmp_path: Path) -> None:
    rule, basis, place, observed = AMENDED[name]
    finding = Finding(rule, "warning", basis, "x", "/more", "string", observed, node=place)
    printed = advice.overlay(finding)
    layers = tmp_path / "layers"
    shutil.copytree(composition.HERE / "layers", layers)
    file = layers / printed.split()[1].rpartition("/")[2]
    file.write_text(file.read_text("utf-8") + "\n" + printed + "\n", "utf-8")
    assert composition.compose(layers).document != description.load()


def test_a_type_that_is_a_list_is_only_made_longer(api: ApiDescription) -> None:
    place, node = next(
        (f"#/components/schemas/{name}/properties/{member}/type", schema["type"])
        for name, parent in vendor_facts()["components"]["schemas"].items()
        for member, schema in parent["properties"].items()
        if isinstance(schema.get("type"), list)
    )
    finding = Finding("schema-type", "error", "published", "x", "/m", "", "string: x", node=place)
    assert "string" not in node
    assert yaml.safe_load(advice.overlay(finding))[0]["update"] == {"type": ["string"]}


def test_what_no_single_node_says_has_no_overlay() -> None:
    place = "#/components/schemas/ErrorModel/properties/status"
    for rule in ("problem-status", "parameter-valid", "error-media", "token-missing", "success-media"):
        assert advice.overlay(Finding(rule, "error", "documented", "x", "", "", "", node=place)) == ""
    lost = Finding("schema-value", "error", "documented", "x", "", "", "", node="#/no/such/node")
    assert advice.overlay(lost) == ""
