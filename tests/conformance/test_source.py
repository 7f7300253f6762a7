from __future__ import annotations

from orgbilling_conformance import source
from orgbilling_conformance.report import Finding


def test_a_node_has_its_line() -> None:
    assert source.line("#/openapi") < 5
    place = "#/components/schemas/TenantBillingProfile/properties/billingMode/enum"
    assert 0 < source.line("#/components/schemas/TenantBillingProfile") < source.line(place)
    assert source.line("#/components/schemas/TenantBillingProfile/required/3") > 0
    assert source.line("#/no/such/node") >= 0


def test_every_basis_has_a_source() -> None:
    finding = Finding("r", "error", "documented", "o", "", "", "", contract="#/openapi")
    assert source.of(finding).startswith("org-billing.yaml:")
    assert source.of(Finding("r", "warning", "law", "o", "", "", "")) == "docs/rules.md (law)"
    assert (
        source.of(Finding("r", "error", "documented", "o", "", "", "")) == "the reference page (documented)"
    )
