"""The stub with documents of the vendor that are older, newer or wider than its own description."""

from __future__ import annotations

import asyncio
import copy
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from orgbilling_openapi import composition
from orgbilling_openapi.operations import operations
from orgbilling_stubs.app import App, Settings, build
from orgbilling_stubs.auth import key_file
from orgbilling_stubs.auth.tokens import ClerkSession, mint_token
from orgbilling_stubs.tenants.clock import wall_ms

Document = dict[str, Any]
BODIES = {
    "createOrgBillingCheckout": {"amount": 5_000, "currency": "USD"},
    "redeemOrgVoucher": {"code": "WELCOME"},
    "subscribeToOrgContract": {"contractId": "contract_1"},
}


def built(tmp_path: Path, document: Document) -> App:
    """The stub that serves a document."""
    path = tmp_path / "published.json"
    path.write_text(json.dumps(document))
    return build(Settings(published=path, clock="2026-11-22T12:00:00Z"))


def server_errors(app: App, document: Document, token: str | None = None) -> list[str]:
    """The operations of a document that answer with a 5xx status."""
    token = token or mint_token(key_file.load_signing_key(), ClerkSession("org_standard"), wall_ms())
    headers = {"Authorization": f"Bearer {token}"}
    return asyncio.run(_server_errors(client_of(app), document, headers))


def client_of(app: App) -> httpx.AsyncClient:
    """A client of the stub, in this process."""
    transport = httpx.ASGITransport(app.asgi, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:4010")


async def _server_errors(client: httpx.AsyncClient, document: Document, headers: dict[str, str]) -> list[str]:
    errors = []
    prefix = urlsplit(document.get("servers", [{"url": "/api/v1"}])[0]["url"]).path
    for operation in operations(document):
        url = prefix + re.sub(r"\{[^}]*\}", "7", operation.path)
        method = operation.method.upper()
        body = BODIES.get(operation.node.get("operationId", ""), {}) if method != "GET" else None
        response = await client.request(method, url, headers=headers, json=body)
        if response.status_code >= 500:
            errors.append(f"{method} {url}: {response.status_code} {response.text}")
    return errors


def schema(document: Document, name: str) -> Document:
    found: Document = document["components"]["schemas"][name]
    return found


def lose_a_member(document: Document) -> None:
    for part in document["components"]["schemas"].values():
        if len(part.get("properties", {})) > 3:
            name = next(name for name in part["properties"] if name != "$schema")
            del part["properties"][name]
            part["required"] = [other for other in part.get("required", ()) if other != name]


def want_another_member(document: Document) -> None:
    for name, part in document["components"]["schemas"].items():
        if "Input" not in name:
            part.setdefault("properties", {})["brandNew"] = {"type": "string"}
            part["required"] = [*part.get("required", ()), "brandNew"]


def change_types(document: Document) -> None:
    for name, part in document["components"]["schemas"].items():
        for member, described in part.get("properties", {}).items():
            if "Input" not in name and isinstance(described, dict) and "type" in described:
                changed = "integer" if described["type"] == "string" else "string"
                part["properties"][member] = {"type": changed}


def lose_parameters_and_bodies(document: Document) -> None:
    for operation in operations(document):
        operation.node.pop("requestBody", None)
        operation.node["parameters"] = []


def make_parameters_text(document: Document) -> None:
    for operation in operations(document):
        for parameter in operation.node.get("parameters", []):
            parameter["schema"] = {"type": "string"}


def answer_with_another_status(document: Document) -> None:
    for operation in operations(document):
        responses = operation.node["responses"]
        responses["203"] = responses.pop(next(status for status in responses if status.startswith("2")))


def lose_an_operation(document: Document) -> None:
    del document["paths"]["/org/ledger"]
    del document["components"]["schemas"]["TenantBillingLedgerEntry"]


def move_to_another_prefix(document: Document) -> None:
    document["servers"] = [{"url": "https://api.example.com/platform/v2"}]


def want_another_parameter(document: Document) -> None:
    for operation in operations(document):
        parameter = {"name": "region", "in": "query", "required": True, "schema": {"type": "string"}}
        operation.node["parameters"] = [*operation.node.get("parameters", ()), parameter]


def have_another_operation(document: Document) -> None:
    document["paths"]["/org/tiers/{id}"] = {"get": {"operationId": "getTier", "responses": {"200": {}}}}


@pytest.mark.slow_beyond(1)
@pytest.mark.parametrize(
    "change",
    [
        move_to_another_prefix,
        want_another_parameter,
        have_another_operation,
        lose_a_member,
        want_another_member,
        change_types,
        lose_parameters_and_bodies,
        make_parameters_text,
        answer_with_another_status,
        lose_an_operation,
    ],
)
def test_a_document_of_another_version_is_served(tmp_path: Path, change: Callable[[Document], None]) -> None:
    document = composition.vendor_facts()
    change(document)
    assert server_errors(built(tmp_path, document), document) == []


def test_the_stub_names_what_it_cannot_give(tmp_path: Path) -> None:
    document = composition.vendor_facts()
    assert built(tmp_path, document).gaps == []
    profile = schema(document, "TenantBillingProfile")
    profile["properties"]["tier"] = {"type": "string"}
    profile["required"] = [*profile.get("required", ()), "tier"]
    assert built(tmp_path, document).gaps == [
        "getOrgBilling: body.tier: unknown to the stub; it is an example"
    ]


@pytest.mark.slow
def test_a_wide_document_with_other_security_is_served_and_recorded(tmp_path: Path) -> None:
    document = composition.vendor_facts()
    schemes = document["components"].setdefault("securitySchemes", {})
    schemes["apiKey"] = {"type": "http", "scheme": "bearer"}
    schemes["inHeader"] = {"type": "apiKey", "in": "header", "name": "Authorization"}
    answer = {"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]}
    content = {"application/json": {"schema": answer}}
    parameter = {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
    for scheme in ("apiKey", "inHeader", "bearerClerk", ""):
        for number in range(12):
            item: Document = {"parameters": [parameter]}
            for method in ("get", "post", "put", "patch", "delete"):
                item[method] = {
                    "operationId": f"{method}{scheme}{number}",
                    "security": [{scheme: []}] if scheme else [],
                    "responses": {"200": {"description": "x", "content": copy.deepcopy(content)}},
                }
                if method in ("post", "put", "patch"):
                    item[method]["requestBody"] = {"content": {"application/json": {"schema": {}}}}
            document["paths"][f"/{scheme or 'open'}{number}/{{id}}"] = item
    app = built(tmp_path, document)
    assert server_errors(app, document) == []
    assert server_errors(app, document, "sk_test_1") == []
    assert asyncio.run(client_of(app).get("/_mock/v1/journal")).status_code == 200


OTHER_SCHEMAS: tuple[Document, ...] = (
    *({"type": kind} for kind in ("string", "integer", "number", "boolean", "array", "object")),
    *({"enum": ["zzz"]}, {"const": 7}, {"type": "string", "pattern": "^[A-Z]{3}-[0-9]+$"}),
    *({"type": "number", "minimum": 5, "maximum": 5}, {"type": "array", "minItems": 2}, {}),
    *({"oneOf": [{"type": "null"}, {"type": "integer"}]}, {"type": "string", "format": "date-time"}),
)


def variations(document: Document) -> Iterator[tuple[str, Document]]:
    """The document with each member of a schema, and one that is new, dropped, required, of another type.

    Each gets a fifth of the changes in turn: its neighbors have the others.
    """
    members = [
        (name, member)
        for name, part in document["components"]["schemas"].items()
        for member in [*part.get("properties", ()), "brandNew"]
    ]
    changes = (None, *OTHER_SCHEMAS)
    for index, (name, member) in enumerate(members):
        for changed in changes[index % 5 :: 5]:
            variation = copy.deepcopy(document)
            other = schema(variation, name)
            others = {part for part in other.get("required", ()) if part != member}
            if changed is None:
                other.get("properties", {}).pop(member, None)
            else:
                other.setdefault("properties", {})[member] = changed
                others.add(member)
            other["required"] = sorted(others)
            yield f"{name}.{member}: {changed}", variation


@pytest.mark.slow
def test_no_change_of_a_schema_is_a_server_error(tmp_path: Path) -> None:
    names = {
        "getOrgBilling",
        "getOrgContract",
        "getOrgModelPricing",
        "getOrgServiceUsage",
        "redeemOrgVoucher",
    }
    document = composition.vendor_facts()
    for change, variation in variations(document):
        for item in variation["paths"].values():
            for method in [method for method, node in item.items() if node.get("operationId") not in names]:
                del item[method]
        assert server_errors(built(tmp_path, variation), variation) == [], change


def test_what_the_document_contradicts_is_named_and_served(tmp_path: Path) -> None:
    document = composition.vendor_facts()
    schema(document, "TenantBillingProfile")["properties"]["tenantId"] = {"enum": ["zzz"]}
    app = built(tmp_path, document)
    assert app.gaps == [
        "getOrgBilling: body: no value is known to fit its schema; where the stub's does not, it is sent"
    ]
    assert server_errors(app, document) == []


RECURSIVE: Document = {"type": "object", "properties": {"parent": {"$ref": "#/components/schemas/Node"}}}
BODIES_OF_OTHERS: dict[str, Document] = {
    "application/json": {"schema": {"type": "object", "additionalProperties": True}},
    "multipart/form-data": {"schema": {"type": "object", "properties": {"file": {"format": "binary"}}}},
    "application/x-www-form-urlencoded": {"schema": {"type": "object"}},
    "application/octet-stream": {},
    "text/plain": {"schema": {"type": "string"}},
    "*/*": {},
}
ANSWERS_OF_OTHERS: tuple[Document, ...] = (
    {
        "200": {
            "description": "x",
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Node"}}},
        }
    },
    {
        "200": {
            "description": "x",
            "content": {"application/json": {"schema": {"type": "array", "minItems": 3}}},
        }
    },
    {"2XX": {"description": "x", "content": {"application/vnd.api+json": {"schema": {}}}}},
    {"default": {"description": "x", "content": {"application/json": {"schema": {"type": "string"}}}}},
    {"200": {"description": "x", "content": {"text/event-stream": {"schema": {"type": "string"}}}}},
    {"200": {"description": "x", "content": {"application/octet-stream": {}}}},
    {"200": {"description": "x", "content": {"application/json": {"schema": {"not": {}}}}}},
    {
        "200": {
            "description": "x",
            "content": {"application/json": {"schema": {"type": "string", "pattern": "(?=a)b"}}},
        }
    },
    *({status: {"description": "x"}} for status in ("201", "202", "204", "302", "404", "4XX")),
    {"404": {"description": "x", "content": {"application/json": {"schema": {"type": "integer"}}}}},
    {},
)
SCHEMES_OF_OTHERS: dict[str, Document] = {
    "keyInHeader": {"type": "apiKey", "in": "header", "name": "X-Api-Key"},
    "keyInQuery": {"type": "apiKey", "in": "query", "name": "key"},
    "keyInCookie": {"type": "apiKey", "in": "cookie", "name": "key"},
    "basic": {"type": "http", "scheme": "basic"},
    "oauth": {
        "type": "oauth2",
        "flows": {"implicit": {"authorizationUrl": "https://a.example", "scopes": {}}},
    },
    "openId": {"type": "openIdConnect", "openIdConnectUrl": "https://a.example"},
    "certificate": {"type": "mutualTLS"},
}
PARAMETERS_OF_OTHERS: tuple[Document, ...] = (
    {"name": "filter", "in": "query", "style": "deepObject", "explode": True, "schema": {"type": "object"}},
    {
        "name": "ids",
        "in": "query",
        "explode": False,
        "schema": {"type": "array", "items": {"type": "integer"}},
    },
    {"name": "shape", "in": "query", "content": {"application/json": {"schema": {"type": "object"}}}},
    {"name": "X-Odd", "in": "header", "schema": {"type": ["integer", "null"]}},
    {"name": "theme", "in": "cookie", "schema": {"enum": ["dark"]}},
)


def wide_document() -> Document:
    """A document as wide as the vendor's: 450 operations beside ours, with what ours do not have."""
    document = composition.vendor_facts()
    components = document["components"]
    components.setdefault("securitySchemes", {}).update(SCHEMES_OF_OTHERS)
    components["schemas"]["Node"] = RECURSIVE
    schemes, bodies = [*SCHEMES_OF_OTHERS, "bearerClerk", ""], [*BODIES_OF_OTHERS.items()]
    for number in range(90):
        item: Document = {"parameters": [{"name": "id", "in": "path", "required": True, "schema": {}}]}
        for offset, method in enumerate(("get", "post", "put", "patch", "delete")):
            index = 5 * number + offset
            scheme = schemes[index % len(schemes)]
            item[method] = {
                "operationId": f"{method}Thing{number}",
                "security": [{scheme: []}] if scheme else [],
                "parameters": [PARAMETERS_OF_OTHERS[index % len(PARAMETERS_OF_OTHERS)]],
                "responses": copy.deepcopy(ANSWERS_OF_OTHERS[index % len(ANSWERS_OF_OTHERS)]),
            }
            if method != "get":
                item[method]["requestBody"] = {"content": dict([bodies[index % len(bodies)]])}
        document["paths"][f"/things{number}/{{id}}:run"] = item
    return document


@pytest.mark.slow
def test_every_operation_of_a_wide_document_answers_below_500(tmp_path: Path) -> None:
    document = wide_document()
    assert len(list(operations(document))) == 463
    app = built(tmp_path, document)
    assert server_errors(app, document) == []
    assert server_errors(app, document, "sk_test_1") == []
    for query in ("", "?limit=1000"):
        assert asyncio.run(client_of(app).get(f"/_mock/v1/journal{query}")).status_code == 200


HUGE_NUMBERS: list[Document] = [
    {"type": "number", "minimum": 1e300},
    {"type": "number", "minimum": 1e300, "multipleOf": 1e-300},
    {"type": "integer", "minimum": 10**30},
    {"type": "integer", "const": 10**30},
    {"type": "array", "minItems": 1, "items": {"enum": [-(10**50)]}},
    {"type": "object", "properties": {"count": {"example": 10**50}}},
]


def test_numbers_beyond_64_bits_are_answered_below_500(tmp_path: Path) -> None:
    document: Document = {"openapi": "3.1.0", "info": {"title": "Huge", "version": "1"}, "paths": {}}
    integers = {"name": "number", "in": "query", "schema": {"type": "integer"}}
    for number, part in enumerate(HUGE_NUMBERS):
        content = {"application/json": {"schema": part}}
        document["paths"][f"/{number}"] = {
            "post": {
                "operationId": f"post{number}",
                "parameters": [integers],
                "requestBody": {"content": {"application/json": {"schema": {}}}},
                "responses": {"200": {"description": "OK", "content": content}},
            }
        }
    app = built(tmp_path, document)
    for number in range(len(HUGE_NUMBERS)):
        for query in ("", f"?number=1{'0' * 40}"):
            answer = asyncio.run(client_of(app).post(f"/{number}{query}", json={"amount": 10**40}))
            assert answer.status_code in (200, 404, 422), (HUGE_NUMBERS[number], answer.text)


def test_a_brace_that_opens_no_parameter_is_text(tmp_path: Path) -> None:
    document: Document = {"openapi": "3.1.0", "info": {"title": "Braces", "version": "1"}, "paths": {}}
    document["servers"] = [{"url": "{" * 100}]
    document["paths"]["/x{y/{id}"] = {"get": {"responses": {"200": {"description": "OK"}}}}
    app = built(tmp_path, document)
    for path in ("/healthz", "/x/y", "/_mock/v1/journal", "/x{y/1", "/x%7By/1"):
        assert asyncio.run(client_of(app).get(path)).status_code < 500
