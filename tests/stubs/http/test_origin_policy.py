from __future__ import annotations

import pytest
from orgbilling_stubs.http.origin_policy import OriginPolicy

OWN = "http://127.0.0.1:4010"
HOST = b"127.0.0.1:4010"
LISTED = "https://app.example"


@pytest.mark.parametrize(
    ("cors", "origin", "may_read", "may_control"),
    [
        ((), b"http://localhost:3000", True, True),
        ((), b"https://app.example", False, False),
        ((LISTED,), b"https://app.example", True, True),
        ((LISTED,), b"http://localhost:3000", False, True),
        (("*",), b"https://evil.example", True, False),
        (("*", LISTED), b"https://app.example", True, True),
        ((), b"null", False, False),
        ((), b"http://localhost.evil.example", False, False),
    ],
)
def test_who_may_read_and_who_may_control(
    cors: tuple[str, ...], origin: bytes, may_read: bool, may_control: bool
) -> None:
    policy = OriginPolicy(cors)
    assert policy.may_read(origin) is may_read
    assert policy.may_control(origin, HOST) is may_control
    assert policy.may_send_json({b"origin": origin}, OWN) is may_control


def test_our_own_origin_may_change_something_under_each_name() -> None:
    policy = OriginPolicy(loopback=False)
    assert policy.may_control(b"https://tunnel.example", b"tunnel.example")
    assert policy.may_send_json({b"origin": b"https://tunnel.example"}, "https://tunnel.example")
    assert policy.may_submit_form({b"origin": b"https://tunnel.example"}, "https://tunnel.example")


@pytest.mark.parametrize(
    ("host", "control", "pages"),
    [
        (b"localhost:4010", True, True),
        (b"api.localhost", True, True),
        (b"127.8.9.1", True, False),
        (b"app.example", False, True),
        (b"evil.example", False, False),
        (b"192.168.1.5:4010", False, False),
        (b"", False, False),
    ],
)
def test_the_hosts_of_a_server_on_loopback(host: bytes, control: bool, pages: bool) -> None:
    policy = OriginPolicy([LISTED, "*"])
    assert policy.is_control_host(host) is control
    assert policy.is_page_host(host) is pages


@pytest.mark.parametrize(
    ("host", "control"),
    [(b"192.168.1.5:4010", True), (b"box", True), (b"box.example", True), (b"evil.example", False)],
)
def test_the_hosts_of_a_server_beyond_loopback(host: bytes, control: bool) -> None:
    policy = OriginPolicy(loopback=False, bound_host="box.example")
    assert policy.is_control_host(host) is control
    assert policy.is_page_host(host)


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ({}, True),
        ({b"origin": OWN.encode()}, True),
        ({b"origin": b"http://localhost:5173"}, False),
        ({b"origin": b"null"}, False),
        ({b"origin": OWN.encode(), b"sec-fetch-site": b"cross-site"}, False),
        ({b"origin": b"http://localhost:5173", b"sec-fetch-site": b"same-origin"}, True),
    ],
)
def test_who_may_submit_a_form(headers: dict[bytes, bytes], allowed: bool) -> None:
    assert OriginPolicy().may_submit_form(headers, OWN) is allowed
