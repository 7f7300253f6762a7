from __future__ import annotations

from orgbilling_conformance.api_description import ApiDescription


def test_the_operations_are_those_of_the_contract(api: ApiDescription) -> None:
    assert api.operation("GET", "/org/ledger") == "getOrgLedger"
    assert api.operation("POST", "/org/ledger") == ""
    assert all(operation.success for operation in api.operations.values())
    assert [operation.id for operation in api.operations.values() if operation.request_required] == [
        "createOrgBillingCheckout",
        "subscribeToOrgContract",
        "redeemOrgVoucher",
    ]


def test_windows_and_their_parameters(api: ApiDescription) -> None:
    assert len(api.windows) == 5
    assert set(api.parameters(api.operations["getOrgLedger"])) == {"days", "limit", "cursor"}
    days = api.parameters(api.operations["getOrgLedger"])["days"]
    assert api.node(days)["schema"]["maximum"] == 365
    assert api.layer((*days, "schema", "maximum"))[0] == "documented"


def test_names_and_layers(api: ApiDescription) -> None:
    place = api.operations["getOrgBilling"].success
    assert place is not None
    assert api.name(place) == "TenantBillingProfile"
    layer, reason = api.layer(
        ("components", "schemas", "TenantBillingProfile", "properties", "billingMode", "enum")
    )
    assert layer == "assumed"
    assert reason
    ledger = api.operations["getOrgLedger"].success
    assert ledger is not None
    assert api.name(ledger) == ""
