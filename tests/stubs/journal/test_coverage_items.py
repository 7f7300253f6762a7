from __future__ import annotations

from orgbilling_openapi import description as descriptions
from orgbilling_stubs.journal.coverage import coverage_items

BODY = {"properties": {"$schema": {}, "name": {}, "kind": {}}}
CONTRACT = {
    "paths": {
        "/a/{id}": {
            "parameters": [],
            "get": {
                "operationId": "getA",
                "parameters": [{"$ref": "#/components/parameters/Days"}],
                "responses": {
                    "200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/A"}}}},
                    "404": {},
                    "default": {},
                },
            },
            "post": {
                "operationId": "makeA",
                "requestBody": {
                    "content": {
                        "application/json": {
                            "schema": {"properties": {"$schema": {}, "name": {}, "kind": {}}}
                        }
                    }
                },
                "responses": {"200": {}, "4XX": {}},
            },
        },
        "/b": {"get": {"operationId": "getB", "responses": {"200": {}}}},
    },
    "components": {
        "parameters": {"Days": {"name": "days", "in": "query"}},
        "schemas": {
            "A": {
                "properties": {
                    "kind": {"enum": ["x", "y", None, 3]},
                    "parts": {"type": "array", "items": {"$ref": "#/components/schemas/Part"}},
                    "again": {"$ref": "#/components/schemas/A"},
                }
            },
            "Part": {"properties": {"state": {"anyOf": [{"enum": ["on", "off"]}, {"type": "null"}]}}},
        },
    },
}


def test_everything_that_can_be_met():
    found = coverage_items(CONTRACT, ["getA", "makeA"])
    assert found.operations == ["getA", "makeA"]
    assert found.statuses == [("getA", 200), ("getA", 404), ("makeA", 200)]
    assert found.parameters == [("getA", "days"), ("makeA", "name"), ("makeA", "kind")]
    assert found.values == [
        ("A", "kind", "x"),
        ("A", "kind", "y"),
        ("Part", "state", "on"),
        ("Part", "state", "off"),
    ]
    assert found.members == {"getA": [("A", "kind"), ("Part", "state")]}


def test_the_contract_itself():
    contract = descriptions.load()
    names = [op["operationId"] for item in contract["paths"].values() for op in item.values()]
    found = coverage_items(contract, names)
    assert found.operations == names
    assert ("getOrgLedger", "cursor") in found.parameters
    assert ("createOrgBillingCheckout", "Idempotency-Key") in found.parameters
    assert ("createOrgBillingCheckout", "amount") in found.parameters
    assert ("TenantBillingProfile", "billingMode", "postpaid") in found.values
    assert not [value for value in found.values if value[1] == "currency"]
