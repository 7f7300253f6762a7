from __future__ import annotations

from typing import Any

import pytest
from orgbilling_conformance import UsageError, clock
from orgbilling_conformance.api_description import ApiDescription
from orgbilling_conformance.exchange import Request, Response
from orgbilling_conformance.guard import (
    KEYS,
    AllowedRequests,
    BudgetError,
    ForbiddenError,
    TargetGuard,
    allowed,
)
from orgbilling_conformance.options import options


class Remote:
    """A target far away that answers everything."""

    base, host, local = "https://api.example.com/api/v1", "api.example.com", False

    def __init__(self) -> None:
        self.sent: list[Request] = []

    def send(self, request: Request, authorization: str | None) -> Response:
        self.sent.append(request)
        return Response(200)

    def close(self) -> None: ...


def guard(api: ApiDescription, **given: Any) -> tuple[TargetGuard, Remote]:
    target, chosen = Remote(), options(**given)
    rows = [(operation.id, operation.method, operation.path) for operation in api.operations.values()]
    return TargetGuard(target, allowed(rows, chosen, target), chosen), target


def test_documented_gets_and_nothing_else(api: ApiDescription) -> None:
    guarded, target = guard(api, rate=0)
    for operation in api.operations.values():
        request = Request(operation.method, operation.path, "days=1")
        if operation.method == "GET":
            guarded.send(request, None)
        else:
            with pytest.raises(ForbiddenError):
                guarded.send(request, None)
    for method, path in [
        ("HEAD", "/org/billing"),
        ("GET", "/org/billing/"),
        ("GET", "/"),
        ("DELETE", "/org/ledger"),
    ]:
        with pytest.raises(ForbiddenError):
            guarded.send(Request(method, path), None)
    assert {request.method for request in target.sent} == {"GET"}


def test_documents_are_fetched_without_a_token_only(api: ApiDescription) -> None:
    guarded, _ = guard(api, rate=0)
    guarded.send(Request("GET", "/openapi.json", auth="none"), None)
    guarded.send(Request("GET", "/schemas/ErrorModel.json", auth="none"), None)
    for path, auth in [("/openapi.json", "first"), ("/schemas/../x.json", "none"), ("/docs", "none")]:
        with pytest.raises(ForbiddenError):
            guarded.send(Request("GET", path, auth=auth), None)
    with pytest.raises(ForbiddenError):
        guard(api, documents=False)[0].send(Request("GET", "/openapi.json", auth="none"), None)


def test_a_write_opens_itself_alone(api: ApiDescription) -> None:
    guarded, _ = guard(api, rate=0, allow_write=["redeem"], voucher="A")
    guarded.send(Request("POST", "/org/vouchers/redeem"), None)
    with pytest.raises(ForbiddenError):
        guarded.send(Request("POST", "/org/billing/checkout"), None)


def test_public_keys_below_the_host_and_nothing_else_there(api: ApiDescription) -> None:
    guarded, target = guard(api, rate=0)
    for path in KEYS:
        guarded.send(Request("GET", path, auth="none", rooted=True), None)
    for request in (
        Request("GET", "/org/billing", rooted=True),
        Request("GET", "/org/billing", auth="none", rooted=True),
        Request("GET", "/openapi.json", auth="none", rooted=True),
        Request("GET", KEYS[0], auth="none"),
        Request("GET", KEYS[0], rooted=True),
        Request("POST", KEYS[0], auth="none", rooted=True),
    ):
        with pytest.raises(ForbiddenError):
            guarded.send(request, None)
    assert [request.path for request in target.sent] == list(KEYS)
    with pytest.raises(ForbiddenError):
        guard(api, rate=0, documents=False)[0].send(Request("GET", KEYS[0], auth="none", rooted=True), None)


@pytest.mark.parametrize("write", ["checkout", "portal", "subscribe", "methods"])
def test_writes_elsewhere_need_the_host_typed(api: ApiDescription, write: str) -> None:
    more = {"contract_id": "c"} if write == "subscribe" else {}
    for host in (None, "example.com"):
        with pytest.raises(UsageError, match=r"--host-confirmed api\.example\.com"):
            guard(api, allow_write=[write], host_confirmed=host, **more)
    assert guard(api, allow_write=[write], host_confirmed="api.example.com", **more)


def test_methods_do_not_open_writes(api: ApiDescription) -> None:
    guarded, _ = guard(api, rate=0, allow_write=["methods"], host_confirmed="api.example.com")
    guarded.send(Request("DELETE", "/org/ledger"), None)
    guarded.send(Request("GET", "/org/no-such-operation"), None)
    with pytest.raises(ForbiddenError):
        guarded.send(Request("POST", "/org/vouchers/redeem"), None)


def test_five_a_second_beyond_loopback(api: ApiDescription) -> None:
    guarded, _ = guard(api)
    began = clock.seconds()
    for _ in range(3):
        guarded.send(Request("GET", "/org/billing"), None)
    assert 0.35 < clock.seconds() - began < 2


def test_the_budget_of_requests_and_of_time(api: ApiDescription) -> None:
    guarded, target = guard(api, rate=0, max_requests=2)
    assert (guarded.most, guard(api)[0].most) == (2, 1500)
    for _ in range(2):
        guarded.send(Request("GET", "/org/billing"), None)
    with pytest.raises(BudgetError, match="2 requests"):
        guarded.send(Request("GET", "/org/billing"), None)
    assert len(target.sent) == 2
    late, _ = guard(api, rate=0, max_time=0.001)
    clock.pause(0.01)
    assert late.expired
    with pytest.raises(BudgetError, match="time"):
        late.send(Request("GET", "/org/billing"), None)


def test_the_journal_holds_no_secret(api: ApiDescription) -> None:
    guarded, _ = guard(api, rate=0)
    guarded.send(
        Request("GET", "/org/billing", "t=eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln"), "Bearer secret"
    )
    [entry] = guarded.sent_requests
    assert entry.line == "GET /org/billing?t=[redacted]"
    assert (entry.status, guarded.sent) == (200, 1)
    assert not AllowedRequests(frozenset(), False).permits(Request("GET", "/org/billing"))


def test_a_body_goes_only_where_one_is_documented(api: ApiDescription) -> None:
    guarded, target = guard(
        api,
        rate=0,
        allow_write=["redeem", "methods"],
        voucher="A",
        host_confirmed="api.example.com",
    )
    guarded.send(Request("POST", "/org/vouchers/redeem", body=b"{}"), None)
    for method, path in (
        ("GET", "/org/billing"),
        ("HEAD", "/org/billing"),
        ("POST", "/org/billing"),
        ("DELETE", "/org/vouchers/redeem"),
        ("GET", "/org/no-such-operation"),
    ):
        guarded.send(Request(method, path), None)
        with pytest.raises(ForbiddenError, match=f"a body with {method}"):
            guarded.send(Request(method, path, body=b"DELETE /evil HTTP/1.1\r\nHost: a\r\n\r\n"), None)
    with pytest.raises(ForbiddenError, match="a body with GET"):
        guarded.send(Request("GET", "/openapi.json", body=b"x", auth="none"), None)
    assert [request.body for request in target.sent if request.body] == [b"{}"]


def test_what_is_not_one_request_is_not_sent(api: ApiDescription) -> None:
    guarded, target = guard(api, rate=0)
    with pytest.raises(ForbiddenError, match="the header Transfer-Encoding"):
        guarded.send(Request("GET", "/org/billing", headers=(("Transfer-Encoding", "chunked"),)), None)
    with pytest.raises(ForbiddenError, match="its query"):
        guarded.send(Request("GET", "/org/billing", "x=1 HTTP/1.1\r\nHost: a"), None)
    assert (target.sent, guarded.sent) == ([], 0)
