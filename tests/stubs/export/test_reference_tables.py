from __future__ import annotations

import pytest
from orgbilling_fixtures import personas
from orgbilling_stubs.api import serializers
from orgbilling_stubs.billing.state import after_history
from orgbilling_stubs.export.columnar.columns import values
from orgbilling_stubs.export.reference_tables import billing_profile_row, columns_of_rows, wanted_tables
from orgbilling_stubs.export.schema import BY_NAME, NAMES
from orgbilling_stubs.export.writers.text_formats import instants

from .conftest import config_of

SHOWN = [
    "standard",
    "contract_pending",
    "contract_cancelled",
    "contract_draft",
    "postpaid_near_limit",
    "vouchers",
]


def rows(table, columns):
    names = BY_NAME[table].names
    return [
        dict(zip(names, row, strict=True)) for row in zip(*(columns[name] for name in names), strict=True)
    ]


def reference_tables(tenant, persona):
    made_elsewhere = (
        *("billing_profiles", "sign_ups", "invoices", "payments", "characters"),
        *("events", "services", "usage_by_day", "ledger"),
    )
    return wanted_tables(tenant, persona, {*NAMES} - {*made_elsewhere}, {})


def when(text):
    """An instant of the API at fixed width."""
    from orgbilling_stubs.billing import instants as instant

    return instants([instant.parse(text)])[0]


@pytest.mark.slow_beyond(3)
@pytest.mark.parametrize("name", SHOWN)
def test_contracts_and_their_installments_are_the_apis(name):
    tenant = after_history(config_of(name))
    rows_of = reference_tables(tenant, personas.load(name))
    [row] = rows("contracts", rows_of["contracts"]) or [None]
    if tenant.contract is None:
        assert row is None
        return
    body = serializers.contract(tenant, tenant.contract, "http://127.0.0.1")
    for column in BY_NAME["contracts"].columns:
        first, *rest = column.name.split("_")
        member = first + "".join(part.capitalize() for part in rest)
        if column.kind == "money":
            assert serializers.usd(row[column.name]) == body[member]
        elif column.kind == "instant":
            assert instants([row[column.name]]) == [when(body[member])]
        elif column.name != "organization_id":
            assert row[column.name] == body.get(member)
    for found, expected in zip(
        rows("installments", rows_of["installments"]), body["paymentSchedule"], strict=True
    ):
        assert serializers.usd(found["amount_usd"]) == expected["amountUsd"]
        assert serializers.usd(found["credit_usd"]) == expected["creditUsd"]
        assert (found["period"], found["paid"]) == (expected["period"], expected["paid"])
        assert found["is_one_time"] is expected.get("isOneTime", False)


@pytest.mark.parametrize("name", ["standard", "postpaid_near_limit", "new_org"])
def test_the_profile_is_the_apis(name):
    tenant = after_history(config_of(name))
    ledger = tenant.ledger
    row = billing_profile_row(tenant, ledger.balance_micros, ledger.outstanding_micros, tenant.updated_ms)
    body = serializers.profile(tenant)
    assert serializers.usd(row["credit_balance"]) == body["creditBalance"]
    assert serializers.usd(row["outstanding_usd"]) == body["outstandingUsd"]
    assert serializers.price(row["input_token_price_per_1k_usd"]) == body["inputTokenPricePer1KUsd"]
    assert row["stripe_customer_id"] == body.get("stripeCustomerId")
    assert instants([row["updated_at"]]) == [when(body["updatedAt"])]
    assert row["free_credit_granted"] is body["freeCreditGranted"]


def test_prices_agreements_and_vouchers_are_the_apis():
    tenant = after_history(config_of("standard"))
    rows_of = reference_tables(tenant, personas.load("standard"))
    body = serializers.profile(tenant)
    for table, slug, member in (
        ("event_prices", "event_type", "eventPrices"),
        ("service_prices", "operation", "servicePrices"),
    ):
        found = {row[slug]: serializers.price(row["unit_price_usd"]) for row in rows(table, rows_of[table])}
        assert found == body[member]
    models = [
        (row["model"], serializers.price(row["input_price_per_1k_usd"]))
        for row in rows("model_prices", rows_of["model_prices"])
    ]
    assert models == [(row["model"], row["inputPricePer1K"]) for row in serializers.model_pricing(tenant)]
    agreements = {row["charge_id"]: row for row in rows("service_agreements", rows_of["service_agreements"])}
    for expected in serializers.agreements(tenant):
        found = agreements.pop(expected["chargeId"])
        assert serializers.usd(found["amount_usd"]) == expected["amountUsd"]
        assert found["project_id"] == expected.get("projectId")
        assert found["description"] == expected["description"]
    assert not agreements
    states = {row["code"]: row["state"] for row in rows("vouchers", rows_of["vouchers"])}
    assert (states["WELCOME50"], states["OLD10"]) == ("open", "expired")
    tenant.redeemed["WELCOME50"] = 0
    assert "used" in reference_tables(tenant, personas.load("standard"))["vouchers"]["state"]


def test_a_table_without_rows_has_its_columns():
    columns = columns_of_rows(config_of("standard"), "projects", [])
    assert {name: values(column) for name, column in columns.items()} == {
        "project_id": [],
        "organization_id": [],
        "name": [],
    }
