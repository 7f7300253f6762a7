from __future__ import annotations

import asyncio
from typing import Any

import httpx
import jsonschema_rs
import pytest
from orgbilling_openapi import control_description
from orgbilling_openapi.operations import operations_by_id
from orgbilling_stubs.api.serializers import response_digests
from orgbilling_stubs.http.application import HttpSettings, assemble

BASE = "http://127.0.0.1:4010"
TENANTS = 200


def test_the_contract_and_its_page_are_served(drive: Any, dashboard: Any) -> None:
    assert drive("GET", "/openapi.json").json() == control_description.load()
    page = dashboard("GET", "/_mock/docs", None)
    assert page.headers["content-type"].startswith("text/html")
    assert 'data-url="/_mock/v1/openapi.json"' in page.text
    assert page.text == drive("GET", "/docs").text
    assert (
        drive("GET", "/schemas/Organization.json")
        .json()["$id"]
        .endswith("/_mock/v1/schemas/Organization.json")
    )


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("DELETE", "/personas", 405),
        ("POST", "/organizations", 400),
        ("GET", "x", 404),
    ],
)
def test_a_wrong_request_gets_a_problem(drive: Any, method: str, path: str, status: int) -> None:
    refused = drive(method, path)
    assert refused.status_code == status
    assert refused.headers["content-type"] == "application/problem+json"
    schema = {
        "$ref": "#/components/schemas/ErrorModel",
        "components": control_description.load()["components"],
    }
    assert jsonschema_rs.is_valid(schema, refused.json())
    assert refused.json()["$schema"].endswith("/_mock/v1/schemas/ErrorModel.json")


@pytest.mark.slow
def test_every_operation_compiles() -> None:
    description = control_description.load()
    handlers = dict.fromkeys(operations_by_id(description), lambda context: None)
    assemble(description, handlers, lambda *_: None, settings=HttpSettings(assisted=True))


@pytest.mark.slow
def test_every_answer_says_where_its_schema_is(drive: Any) -> None:
    drive("POST", "/organizations", {"organization": "org_a"})
    for place in ("org_a", "*"):
        path = f"/organizations/{place}"
        for method, rest, body in (
            ("GET", "/clock", None),
            ("POST", "/clock/jump", {"to": "end-of-month"}),
            ("PUT", "/scenario", {"scenario": "low-balance"}),
            ("POST", "/undo", None),
            ("POST", "/reset", None),
        ):
            found = drive(method, f"{path}{rest}", body).json()
            assert next(iter(found)) == "$schema"
            schema = found["$schema"].removeprefix(f"{BASE}/_mock/v1")
            assert drive("GET", schema).json()["$id"] == found["$schema"]


def test_every_schema_of_an_answer_has_a_place_for_its_address() -> None:
    document = control_description.load()
    schemas = document["components"]["schemas"]
    for item in document["paths"].values():
        for method, operation in item.items():
            for status, answer in operation["responses"].items() if method != "parameters" else ():
                answer = document["components"]["responses"].get(
                    answer.get("$ref", "").split("/")[-1], answer
                )
                media = answer.get("content", {}).get("application/json")
                if media is not None:
                    name = media["schema"]["$ref"].rpartition("/")[2]
                    assert "$schema" in schemas[name]["properties"], (operation["operationId"], status)


@pytest.mark.slow
def test_200_organizations_driven_at_once_never_meet(dashboard: Any) -> None:
    """Each gets its own persona, amounts, days and voucher; then each is what it would be alone."""

    async def live(client: httpx.AsyncClient, number: int) -> None:
        place = f"/_mock/v1/organizations/org_{number}"
        persona = ("low_balance", "contract_active", "overdrawn", "new_org")[number % 4]
        body = {"organization": f"org_{number}", "persona": persona, "seed": number % 7}
        assert (await client.post("/_mock/v1/organizations", json=body)).status_code == 201
        voucher = {"code": "SAME", "creditUsd": number + 1}
        token = (await client.post(f"{place}/tokens")).json()["token"]
        for path, sent in (
            ("/vouchers", voucher),
            ("/clock/advance", {"by": f"P{number % 5}DT1S"}),
            ("/snapshots", {"name": "same"}),
            ("/adjustments", {"amountUsd": f"{number}.000001"}),
        ):
            assert (await client.post(place + path, json=sent)).is_success
        headers = {"Authorization": f"Bearer {token}"}
        code = {"code": "SAME"}
        redeemed = await client.post("/api/v1/org/vouchers/redeem", json=code, headers=headers)
        assert redeemed.json()["creditAmountUsd"] == number + 1
        if number % 3 == 0:
            await client.post(f"{place}/snapshots/same/restore")

    async def drive(numbers: list[int], together: bool) -> None:
        transport = httpx.ASGITransport(dashboard.app.asgi)
        async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
            if together:
                await asyncio.gather(*(live(client, number) for number in numbers))
            for number in [] if together else numbers:
                await live(client, number)

    def seen(number: int) -> dict[str, str]:
        return response_digests(dashboard.app.service.tenant(f"org_{number}"))

    asyncio.run(drive(list(range(TENANTS)), together=True))
    together = {number: seen(number) for number in range(TENANTS)}
    assert len({each["getOrgBilling"] for each in together.values()}) == TENANTS
    for number in range(0, TENANTS, 23):
        dashboard.app.service.delete(f"org_{number}")
        asyncio.run(drive([number], together=False))
        assert seen(number) == together[number]
