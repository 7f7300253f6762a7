"""The stub with documents of the vendor that are older, newer or wider than its own description."""

from __future__ import annotations

import asyncio
import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

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
    """The operations of a document that answer with a 5xx status, except 501 for what has no example."""
    token = token or mint_token(key_file.load_signing_key(), ClerkSession("org_standard"), wall_ms())
    headers = {"Authorization": f"Bearer {token}"}
    return asyncio.run(_server_errors(client_of(app), document, headers))


def client_of(app: App) -> httpx.AsyncClient:
    """A client of the stub, in this process."""
    transport = httpx.ASGITransport(app.asgi, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:4010")


async def _server_errors(client: httpx.AsyncClient, document: Document, headers: dict[str, str]) -> list[str]:
    errors = []
    for operation in operations(document):
        url = f"/api/v1{operation.path.replace('{id}', '7')}"
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


@pytest.mark.parametrize(
    "change",
    [
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
