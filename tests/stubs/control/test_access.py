from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from orgbilling_stubs.auth import key_file
from orgbilling_stubs.control.access import ControlApiAccess
from orgbilling_stubs.control.token import control_token
from orgbilling_stubs.http.errors import Problem
from orgbilling_stubs.http.origin_policy import NetworkSettings
from orgbilling_stubs.http.responses import Responder

ORG = "/_mock/v1/organizations"
CREATE = {"organization": "org_a"}
EVIL = "http://evil.test:4010"


def make_access(token: str | None = None, **network: Any) -> ControlApiAccess:
    async def inner(*_: Any) -> None:
        raise AssertionError

    return ControlApiAccess(inner, Responder("/_mock/v1", str, NetworkSettings(**network)), token)


def outcome(access: ControlApiAccess, method: str, raw: list[tuple[bytes, bytes]]) -> str:
    scope = {
        "method": method,
        "path": "/_mock/v1/organizations",
        "headers": raw,
        "server": ("127.0.0.1", 4010),
        "client": ("127.0.0.1", 1),
    }
    try:
        access.check(scope)
    except Problem as problem:
        return problem.code
    return "passes"


def check(method: str = "POST", *, access: ControlApiAccess | None = None, **headers: str) -> str:
    named = {"host": "127.0.0.1:4010"} | {name.replace("_", "-"): value for name, value in headers.items()}
    raw = [(name.encode(), value.encode("latin-1")) for name, value in named.items()]
    return outcome(access or make_access(), method, raw)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", "passes"),
        ("localhost:4010", "passes"),
        ("api.localhost:4010", "passes"),
        ("127.0.0.1:4010", "passes"),
        ("127.8.9.1", "passes"),
        ("[::1]:4010", "passes"),
        ("evil.test:4010", "host_refused"),
        ("localhost.evil.test", "host_refused"),
        ("127.0.0.1.evil.test", "host_refused"),
        ("192.168.1.5:4010", "host_refused"),
        ("evil", "host_refused"),
        ("", "host_refused"),
        ("localhost:4010@evil.test", "host_refused"),
        ("[::1]evil", "host_refused"),
    ],
)
def test_the_host_names_this_machine(host: str, expected: str) -> None:
    assert check("GET", host=host) == expected


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("192.168.1.5:4010", "passes"),
        ("[fe80::1]:4010", "passes"),
        ("orgbilling:4010", "passes"),
        ("box.example:4010", "passes"),
        ("evil.test:4010", "host_refused"),
    ],
)
def test_beyond_loopback_an_address_or_its_own_name_will_do(host: str, expected: str) -> None:
    access = make_access("oct_1", host="box.example")
    assert check("GET", access=access, host=host, x_control_token="oct_1") == expected


def test_two_hosts_are_none() -> None:
    raw = [(b"host", b"localhost"), (b"host", b"evil.test")]
    assert outcome(make_access(), "GET", raw) == "host_refused"


@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS", "DELETE"])
@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        ("http://localhost:3000", "passes"),
        ("https://app.localhost", "passes"),
        ("http://127.0.0.1:5173", "passes"),
        ("https://app.example", "passes"),
        (EVIL, "origin_refused"),
        ("null", "origin_refused"),
        ("http://localhost.evil.test", "origin_refused"),
        ("https://app.example.evil.test", "origin_refused"),
        ("http://127.0.0.1@evil.test", "origin_refused"),
        ("file://", "origin_refused"),
    ],
)
def test_pages_of_this_machine_and_of_the_list_may_call(method: str, origin: str, expected: str) -> None:
    assert check(method, access=make_access(cors=["https://app.example/", "*"]), origin=origin) == expected


def test_every_origin_that_is_sent_must_be_allowed() -> None:
    headers = [(b"host", b"localhost"), (b"origin", b"http://localhost"), (b"origin", EVIL.encode())]
    assert outcome(make_access(), "POST", headers) == "origin_refused"


@pytest.mark.parametrize(
    ("media", "expected"),
    [
        ("application/json", "passes"),
        ("application/json; charset=utf-8", "passes"),
        ("application/x-ndjson", "passes"),
        ("text/plain", "media_refused"),
        ("application/x-www-form-urlencoded", "media_refused"),
        ("multipart/form-data; boundary=x", "media_refused"),
        ("text/plain; application/json", "media_refused"),
        ("application/jsonp", "media_refused"),
        (None, "media_refused"),
    ],
)
def test_a_body_is_json(media: str | None, expected: str) -> None:
    sent = {} if media is None else {"content_type": media}
    assert check(content_length="2", **sent) == expected
    assert check(transfer_encoding="chunked", **sent) == expected
    assert check("GET", content_length="2", **sent) == "passes"


def test_without_a_body_no_content_type_is_needed() -> None:
    assert check("DELETE") == "passes"
    assert check(content_length="0") == "passes"


def test_beyond_loopback_the_token_is_asked_for() -> None:
    access = make_access(token="oct_1")
    assert check("GET", access=access) == "control_token_missing"
    assert check("GET", access=access, authorization="Basic b2N0XzE=") == "control_token_missing"
    assert check("GET", access=access, x_control_token="oct_2") == "control_token_wrong"
    assert check("GET", access=access, x_control_token="oct_1") == "passes"
    assert check("GET", access=access, authorization="Bearer oct_1") == "passes"
    assert check("OPTIONS", access=access) == "passes"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": EVIL}, 403),
        ({"Host": "evil.test:4010"}, 421),
        ({"Content-Type": "text/plain"}, 415),
        ({}, 201),
    ],
)
def test_a_refused_request_changes_nothing(dashboard: Any, headers: dict[str, str], status: int) -> None:
    sent = {"Content-Type": "application/json"} | headers
    answer = dashboard("POST", ORG, None, headers=sent, content=b'{"organization": "org_a"}')
    assert answer.status_code == status
    assert "access-control-allow-origin" not in answer.headers
    assert len(dashboard("GET", ORG, None).json()["organizations"]) == (1 if status == 201 else 0)
    if status != 201:
        assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("cors", [(), ("*",), ("https://app.example",)])
def test_a_preflight_of_another_origin_is_refused(serve: Callable[..., Any], cors: tuple[str, ...]) -> None:
    asked = {"Origin": EVIL, "Access-Control-Request-Method": "POST"}
    answer = serve(cors=cors)("OPTIONS", ORG, None, headers=asked)
    assert answer.status_code == 403
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_a_page_of_this_machine_may_preflight(dashboard: Any) -> None:
    asked = {"Origin": "http://localhost:3000", "Access-Control-Request-Method": "POST"}
    answer = dashboard("OPTIONS", ORG, None, headers=asked)
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == "http://localhost:3000"


def test_the_server_asks_for_the_token_it_shows(serve: Callable[..., Any]) -> None:
    stub = serve(host="0.0.0.0", auth="off")
    assert stub.app.control_token == control_token(key_file.load_signing_key())
    assert stub("GET", ORG, None).status_code == 401
    shown = {"X-Control-Token": stub.app.control_token}
    assert stub("GET", ORG, None, headers=shown).status_code == 200
    assert serve().app.control_token is None
