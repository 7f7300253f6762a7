from __future__ import annotations

from orgbilling_conformance.facts import Facts


def test_the_operations_are_those_of_the_contract(facts: Facts) -> None:
    assert len(facts.operations) == 13
    assert len(facts.gets) == 9
    assert facts.operation("GET", "/org/ledger") == "getOrgLedger"
    assert facts.operation("POST", "/org/ledger") == ""
    assert all(each.success for each in facts.operations.values())
    assert [each.id for each in facts.operations.values() if each.request_required] == [
        "createOrgBillingCheckout",
        "subscribeToOrgContract",
        "redeemOrgVoucher",
    ]


def test_windows_and_their_parameters(facts: Facts) -> None:
    assert len(facts.windows) == 5
    assert set(facts.parameters(facts.operations["getOrgLedger"])) == {"days", "limit", "cursor"}
    days = facts.parameters(facts.operations["getOrgLedger"])["days"]
    assert facts.node(days)["schema"]["maximum"] == 365
    assert facts.layer((*days, "schema", "maximum"))[0] == "documented"


def test_names_and_layers(facts: Facts) -> None:
    place = facts.operations["getOrgBilling"].success
    assert place is not None
    assert facts.name(place) == "TenantBillingProfile"
    layer, reason = facts.layer(
        ("components", "schemas", "TenantBillingProfile", "properties", "billingMode", "enum")
    )
    assert layer == "assumed"
    assert reason
    ledger = facts.operations["getOrgLedger"].success
    assert ledger is not None
    assert facts.name(ledger) == ""
