from __future__ import annotations

from orgbilling_openapi.operations import operations, operations_by_id

DOCUMENT = {
    "paths": {
        "/a": {"parameters": [], "post": {"operationId": "makeA"}, "get": {}},
        "/b": {"get": {"operationId": "getB"}, "x-note": {"operationId": "none"}},
    }
}


def test_operations_are_the_members_that_are_methods() -> None:
    found = list(operations(DOCUMENT))
    assert [operation.line for operation in found] == ["GET /a", "POST /a", "GET /b"]
    assert found[1].location == ("paths", "/a", "post")


def test_operations_by_id_leave_out_those_without() -> None:
    found = operations_by_id(DOCUMENT)
    assert {name: operation.line for name, operation in found.items()} == {
        "makeA": "POST /a",
        "getB": "GET /b",
    }
