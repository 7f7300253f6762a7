"""No page of another site reads or changes anything, by whatever name it calls this machine."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from orgbilling_openapi import control_description
from orgbilling_openapi import description as descriptions
from orgbilling_openapi.operations import operations

FOREIGN = (
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://localhost.evil.example"},
    {"Sec-Fetch-Site": "cross-site"},
)
LOCAL = ("http://localhost:5173", "http://127.0.0.2:3000", "capacitor://localhost")
REBOUND = {"Host": "evil.example:4010", "Origin": "http://evil.example:4010", "Sec-Fetch-Site": "same-origin"}
REDEEM = "/org/vouchers/redeem"


def paths(description: Any, prefix: str) -> list[tuple[str, str]]:
    """Method and path of each operation, with something in place of each parameter."""
    return [
        (operation.method.upper(), prefix + re.sub(r"\{[^}]*\}", "org_standard", operation.path))
        for operation in operations(description)
    ]


OPERATIONS = paths(descriptions.load(), "")
CONTROL = paths(control_description.load(), "/_mock/v1")
PAGES = [
    ("POST", "/_mock/checkout/org_standard/cs_test_a"),
    ("POST", "/_mock/checkout/org_standard/cs_test_a/complete"),
    ("POST", "/_mock/portal/org_standard/bps_a/cancel"),
]
DOCUMENTS = [("GET", path) for path in ("/docs", "/openapi.json", "/schemas/ErrorModel.json", "/nothing")]


@pytest.fixture
def open_stub(serve: Callable[..., Any]) -> Any:
    return serve(auth="off")


def balance(stub: Any) -> Any:
    return stub("GET", "/org/billing", None).json()["creditBalance"]


@pytest.mark.slow_beyond(1)
@pytest.mark.parametrize("headers", FOREIGN, ids=str)
def test_no_write_comes_from_a_page_of_another_site(open_stub: Any, headers: dict[str, str]) -> None:
    before = open_stub("GET", "/org/ledger", None).content
    writes = [(method, path) for method, path in OPERATIONS if method != "GET"]
    assert len(writes) == 4
    for method, path in [*writes, *CONTROL]:
        answer = open_stub(
            method, path, None, headers=headers, json={"code": "TEST-CREDIT-5-a", "amount": 500}
        )
        assert answer.status_code == 403, (method, path)
        assert "access-control-allow-origin" not in answer.headers
    assert open_stub("GET", "/org/ledger", None).content == before


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
def test_no_page_of_another_site_submits_to_the_hosted_pages(open_stub: Any, headers: dict[str, str]) -> None:
    url = open_stub("POST", "/org/billing/checkout", None, json={"amount": 500}).json()["url"]
    path = url.removeprefix("http://127.0.0.1:4010")
    before = balance(open_stub)
    card = {"number": "4242424242424242", "expiry": "12/29", "cvc": "123", "name": "A"}
    assert open_stub("POST", path, None, headers=headers, data=card).status_code == 403
    paid = open_stub("POST", f"{path}/complete", None, headers=headers, json={"outcome": "paid"})
    assert paid.status_code == 403
    assert balance(open_stub) == before


@pytest.mark.parametrize("origin", LOCAL)
def test_an_app_on_this_machine_may_write(open_stub: Any, origin: str) -> None:
    headers = {"Origin": origin, "Sec-Fetch-Site": "cross-site"}
    answer = open_stub("POST", REDEEM, None, headers=headers, json={"code": "TEST-CREDIT-5-a"})
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == origin
    assert open_stub("POST", "/org/billing/portal", None, headers=headers).status_code == 200


@pytest.mark.parametrize("cors", [(), ("*",), ("https://app.example",)])
def test_a_foreign_page_cannot_redeem_without_a_preflight(
    serve: Callable[..., Any], cors: tuple[str]
) -> None:
    stub = serve(auth="off", cors=cors)
    before = balance(stub)
    for media_type in (None, "", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        headers = {} if media_type is None else {"Content-Type": media_type}
        answer = stub("POST", REDEEM, None, headers=headers, content=b'{"code": "TEST-CREDIT-5-a"}')
        assert answer.status_code == 415
    assert balance(stub) == before


@pytest.mark.slow_beyond(1)
@pytest.mark.parametrize("auth", ["trust", "off"])
def test_a_rebound_name_reads_and_changes_nothing(serve: Callable[..., Any], auth: str) -> None:
    stub = serve(auth=auth)
    organization = None if auth == "off" else "org_standard"
    for method, path in [*OPERATIONS, *CONTROL, *PAGES, *DOCUMENTS]:
        answer = stub(method, path, organization, headers=REBOUND)
        assert answer.status_code == 421, (method, path)
        assert answer.headers["content-type"] == "application/problem+json"
        assert "--allowed-host" in answer.json()["detail"]
    assert stub("GET", "/_mock/../healthz", None, headers=REBOUND).status_code == 421
    assert stub("OPTIONS", REDEEM, None, headers=REBOUND).status_code == 421


def test_a_service_of_a_compose_file_is_reached_by_its_name(serve: Callable[..., Any]) -> None:
    service, box = {"Host": "orgbilling:4010"}, {"Host": "box.example:4010"}
    assert serve(auth="off")("GET", "/org/billing", None, headers=service).status_code == 421
    beyond = serve(auth="off", host="0.0.0.0")
    assert beyond("GET", "/org/billing", None, headers=service).status_code == 200
    assert beyond("GET", "/org/billing", None, headers=box).status_code == 421
    configured = serve(auth="off", allowed_hosts=("orgbilling", "*.example"))
    assert configured("GET", "/org/billing", None, headers=service).status_code == 200
    assert configured("GET", "/org/billing", None, headers=box).status_code == 200


@pytest.mark.slow
def test_every_response_that_a_browser_may_show_is_neither_framed_nor_guessed(open_stub: Any) -> None:
    named = [("GET", "/_mock/../"), ("GET", "/_mock/../healthz"), ("GET", "/_mock/static/icon.svg")]
    errors = [
        ("DELETE", "/org/billing"),
        ("GET", "/nothing"),
        ("OPTIONS", "/org/billing"),
        ("GET", "/_mock/nothing"),
    ]
    for method, path in [*OPERATIONS, *CONTROL, *PAGES, *DOCUMENTS, *named, *errors]:
        if path.endswith("/stream"):
            continue  # it never ends; its headers are those of every operation
        if path.endswith("/wait"):
            path += "?timeout=0"
        for headers in ({}, REBOUND, {"Origin": "null"}, {"If-None-Match": "*"}, {"Prefer": 'code="'}):
            answer = open_stub(method, path, None, headers=headers)
            assert answer.headers["x-content-type-options"] == "nosniff", (method, path, headers)
            assert answer.headers["content-security-policy"].count("frame-ancestors 'none'") == 1
