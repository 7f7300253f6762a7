from __future__ import annotations

import json
from typing import Any

import pytest
from orgbilling_conformance.api_description import ApiDescription
from orgbilling_conformance.schema_validation import SchemaValidator

PRICES = {"inputPricePer1K": 0.1, "outputPricePer1K": 1, "model": "m"}


@pytest.fixture
def check(api: ApiDescription) -> Any:
    schemas = SchemaValidator(api)

    def run(operation: str, value: Any) -> list[tuple[str, str, str]]:
        place = api.operations[operation].success
        assert place is not None
        found = schemas.check(place, value)
        return [(each.keyword, "/".join(each.where), each.basis or api.layer(each.node)[0]) for each in found]

    return run


def test_every_example_of_the_contract_is_valid(api: ApiDescription) -> None:
    schemas = SchemaValidator(api)
    for operation in api.operations.values():
        assert operation.success is not None
        example = api.node(operation.success[:-1])["example"]
        assert schemas.check(operation.success, example) == [], operation.id


def test_every_violation_is_reported_with_the_layer_that_forbids_it(check: Any) -> None:
    wrong = [{**PRICES, "inputPricePer1K": "1"}, {**PRICES, "x": None}, {"model": None}]
    assert check("getOrgModelPricing", wrong) == [
        ("type", "*/inputPricePer1K", "documented"),
        ("closed", "*/x", "published"),
        ("required", "*/inputPricePer1K", "published"),
        ("required", "*/outputPricePer1K", "published"),
        ("type", "*/model", "documented"),
    ]
    assert check("getOrgModelPricing", None) == []


@pytest.mark.parametrize(
    ("member", "value", "keyword", "basis"),
    [
        ("creditBalance", 10**400, "format", "documented"),
        ("creditBalance", True, "type", "documented"),
        ("creditBalance", None, "type", "documented"),
        ("updatedAt", "2026-01-02T03:04:05", "format", "documented"),
        ("billingMode", "barter", "enum", "assumed"),
        ("currency", "usd", "pattern", "assumed"),
        ("eventPrices", {"a": "b"}, "type", "documented"),
        ("eventPrices", [], "type", "documented"),
        ("freeCreditGranted", 1, "type", "documented"),
    ],
)
def test_members_of_the_profile(
    check: Any, api: ApiDescription, member: str, value: Any, keyword: str, basis: str
) -> None:
    place = api.operations["getOrgBilling"].success
    assert place is not None
    example = json.loads(json.dumps(api.node(place[:-1])["example"]))
    [(found, where, layer)] = check("getOrgBilling", example | {member: value})
    assert (found, where.split("/")[0], layer) == (keyword, member, basis)


def test_each_value_outside_of_an_enum_is_a_violation(check: Any, api: ApiDescription) -> None:
    place = api.operations["getOrgLedger"].success
    assert place is not None
    row = api.node(place[:-1])["example"][0]
    rows = [row | {"entryType": value} for value in ("topup", "Refund", "topup", row["entryType"])]
    assert check("getOrgLedger", rows) == [("enum", "*/entryType", "assumed")] * 2


def test_integers_with_a_fraction_part_are_a_warning(check: Any) -> None:
    row = {"month": "2026-01", "highWaterMark": 2.0, "charChargeUsd": 0, "pricePerCharUsd": 0}
    assert check("listOrgActiveCharacters", row) == [("decimal", "highWaterMark", "assumed")]
    assert check("listOrgActiveCharacters", row | {"highWaterMark": 2.5}) == [
        ("type", "highWaterMark", "documented")
    ]
    assert check("listOrgActiveCharacters", row | {"highWaterMark": 2**63})[0][0] == "format"


def test_a_dollar_schema_is_for_another_rule(check: Any) -> None:
    row = {"month": "2026-01", "highWaterMark": 2, "charChargeUsd": 0, "pricePerCharUsd": 0}
    assert check("listOrgActiveCharacters", row | {"$schema": "/relative"}) == []
