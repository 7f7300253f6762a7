"""Operations without a handler: a wide contract, made up here."""

from __future__ import annotations

import time

import jsonschema_rs
import pytest
from orgbilling_openapi import description as descriptions
from orgbilling_stubs.http.application import HttpSettings, assemble

PATHS = 345


def wide() -> dict:
    contract = descriptions.load()
    schemas = contract["components"]["schemas"]
    for number in range(PATHS - len(contract["paths"])):
        schemas[f"Thing{number}"] = thing(number)
        path = f"/things{number}/{{id}}/parts/{{part}}" if number % 2 else f"/things{number}"
        names = ("id", "part") if number % 2 else ()
        given = [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names
        ]
        body = {"content": {"application/json": {"schema": {"$ref": f"#/components/schemas/Thing{number}"}}}}
        contract["paths"][path] = {
            "parameters": given,
            "get": {
                "operationId": f"getThing{number}",
                "responses": {"200": {"description": "OK", **body}},
                "security": [{"bearerClerk": []}],
            },
            "delete": {"responses": {"204": {"description": "gone"}}},
            "post": {
                "requestBody": {"required": True, **body},
                "responses": {"201": {"description": "OK", **body}},
            },
        }
    return contract


def thing(number: int) -> dict:
    text = {"type": "string"}
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["id", "when", "code", "parent", "count"],
        "properties": {
            "id": {**text, "format": "uuid"},
            "when": {**text, "format": "date-time"},
            "code": {**text, "pattern": "^[A-Z]{3}-[0-9]{2,4}(x|y)?$"},
            "count": {"type": "integer", "format": "int64", "minimum": 3, "maximum": 9},
            "ratio": {"type": "number", "exclusiveMinimum": 0, "maximum": 1_000},
            "kind": {"enum": ["a", "b", None]},
            "email": {**text, "format": "email"},
            "url": {**text, "format": "uri"},
            "note": {**text, "minLength": 40, "maxLength": 50},
            "tags": {"type": "array", "items": text, "minItems": 2},
            "labels": {"type": "object", "additionalProperties": {"type": "number"}},
            "parent": {"anyOf": [{"$ref": f"#/components/schemas/Thing{number}"}, {"type": "null"}]},
            "either": {"oneOf": [{"type": "string", "maxLength": 3}, {"type": "integer"}]},
            "both": {"allOf": [{"$ref": "#/components/schemas/ErrorDetail"}, {"description": "merged"}]},
        },
    }


@pytest.fixture(scope="module")
def contract():
    return wide()


def test_a_wide_contract_starts_within_two_seconds(contract):
    assert len(contract["paths"]) == PATHS
    started = time.perf_counter()
    assemble(contract, {}, lambda headers, method, values: None)
    assert time.perf_counter() - started < 2


@pytest.mark.slow
def test_every_answer_is_valid_and_repeats(make, contract):
    ask, twin, other = make(contract=contract), make(contract=contract), make(HttpSettings(seed=9), contract)
    root = {"components": contract["components"]}
    for number in (0, 1, 2, 51):
        path = f"/things{number}/a%2Fb/parts/é" if number % 2 else f"/things{number}"
        answer = ask("GET", path)
        schema = {"$ref": f"#/components/schemas/Thing{number}", **root}
        body = {key: value for key, value in answer.json.items() if key != "$schema"}
        assert answer.status == 200
        assert jsonschema_rs.Draft202012Validator(schema, validate_formats=True).is_valid(body)
        assert twin("GET", path).body == ask("GET", path).body == answer.body
        assert other("GET", path).body != answer.body


def test_another_request_gets_another_answer(make, contract):
    ask = make(contract=contract)
    assert ask("GET", "/things1/a/parts/b").body != ask("GET", "/things1/a/parts/c").body


def test_requests_are_checked_all_the_same(make, contract, is_problem):
    ask = make(contract=contract)
    assert is_problem(ask("POST", "/things0", b"{}"))
    assert ask("POST", "/things0", b"{}").status == 422
    assert ask("GET", "/things0", token=None).status == 401
    assert ask("PUT", "/things0").status == 405
    assert ask("GET", "/things1/a/parts").status == 404


def test_an_operation_without_content_answers_without_any(make, contract):
    answer = make(contract=contract)("DELETE", "/things0")
    assert (answer.status, answer.body) == (204, b"")
    assert "content-length" not in answer.headers


@pytest.mark.parametrize(
    "schema", [{"type": "string", "pattern": r"^(?!a)b\1$"}, {"$ref": "#/components/schemas/No"}]
)
def test_what_cannot_be_made_is_named(make, is_problem, schema):
    contract = descriptions.load()
    content = {"application/json": {"schema": schema}}
    contract["paths"]["/odd"] = {"get": {"responses": {"200": {"description": "OK", "content": content}}}}
    answer = make(contract=contract)("GET", "/odd")
    assert is_problem(answer)
    assert answer.status == 404


def test_an_operation_with_another_scheme_needs_some_credentials(make, is_problem):
    contract = descriptions.load()
    contract["paths"]["/keyed"] = {
        "get": {"security": [{"apiKey": []}], "responses": {"204": {"description": "OK"}}}
    }
    ask = make(contract=contract)
    refused = ask("GET", "/keyed", token=None)
    assert is_problem(refused)
    assert (refused.status, refused.json["detail"]) == (401, "this operation needs an Authorization header")
    assert ask("GET", "/keyed", token="Bearer sk_anything").status == 204
