from __future__ import annotations

from typing import Any

import pytest
from orgbilling_stubs.http.origin import Host, parse_host
from orgbilling_stubs.http.origin_policy import NetworkSettings, OriginPolicy, is_host_pattern

OWN = b"http://127.0.0.1:4010"
HOSTS = (Host("127.0.0.1", 4010),)
LISTED = "https://app.example"


def policy(**network: Any) -> OriginPolicy:
    return OriginPolicy(NetworkSettings(**network))


def may_write(raw_headers: list[tuple[bytes, bytes]], hosts: tuple[Host, ...], **network: Any) -> bool:
    return policy(**network).may_write(dict(reversed(raw_headers)), raw_headers, hosts)


@pytest.mark.parametrize(
    ("cors", "origin", "readable", "writable"),
    [
        ((), b"http://localhost:3000", True, True),
        ((), b"http://LOCALHOST.:3000", True, True),
        ((), b"https://a.b.localhost", True, True),
        ((), b"http://127.0.0.2:3000", True, True),
        ((), b"http://[0:0::1]", True, True),
        ((), b"capacitor://localhost", True, True),
        ((), b"ionic://localhost", True, True),
        ((), b"tauri://localhost", True, True),
        ((), b"https://app.example", False, False),
        ((LISTED,), b"https://app.example", True, True),
        ((LISTED,), b"HTTPS://App.Example.:443", True, True),
        (("https://app.example:443/",), b"https://app.example", True, True),
        ((LISTED,), b"http://app.example", False, False),
        ((LISTED,), b"https://app.example.evil.test", False, False),
        ((LISTED,), b"http://localhost:3000", False, True),
        (("app://shop",), b"app://shop", True, True),
        (("*",), b"https://evil.example", True, False),
        (("*", LISTED), b"https://app.example", True, True),
        ((), b"null", False, False),
        (("*",), b"null", True, False),
        ((), b"http://localhost.evil.example", False, False),
        ((), b"", False, False),
    ],
)
def test_who_may_read_and_who_may_write(
    cors: tuple[str, ...], origin: bytes, readable: bool, writable: bool
) -> None:
    assert policy(cors=cors).may_read(origin) is readable
    assert may_write([(b"origin", origin)], HOSTS, cors=cors) is writable


def test_a_program_may_write_and_a_page_of_another_site_without_an_origin_may_not() -> None:
    assert may_write([], HOSTS)
    assert may_write([(b"sec-fetch-site", b"same-site")], HOSTS)
    assert not may_write([(b"sec-fetch-site", b"cross-site")], HOSTS)
    local = [(b"origin", b"http://localhost:5173"), (b"sec-fetch-site", b"cross-site")]
    assert may_write(local, HOSTS)
    assert not may_write([*local, (b"origin", b"https://evil.example")], HOSTS)


def test_our_own_origin_may_change_something_under_each_name() -> None:
    hosts = (Host("tunnel.example", None),)
    assert may_write([(b"origin", b"https://tunnel.example")], hosts)
    assert policy().may_submit_form({b"origin": b"https://tunnel.example"}, hosts)
    assert not may_write([(b"origin", b"https://tunnel.example:8443")], hosts)


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("localhost:4010", True),
        ("a.b.LOCALHOST.", True),
        ("127.8.9.1", True),
        ("[::1]:4010", True),
        ("app.example", False),
        ("evil.example", False),
        ("orgbilling", False),
        ("192.168.1.5:4010", False),
        ("0.0.0.0", False),
    ],
)
def test_the_hosts_of_a_server_on_loopback(host: str, allowed: bool) -> None:
    parsed = parse_host(host)
    assert parsed is not None
    assert policy(cors=[LISTED, "*"]).is_allowed_host(parsed) is allowed


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("192.168.1.5:4010", True),
        ("[fe80::1]", True),
        ("orgbilling", True),
        ("box.example", True),
        ("evil.example", False),
        ("box.example.evil.test", False),
    ],
)
def test_the_hosts_of_a_server_beyond_loopback(host: str, allowed: bool) -> None:
    parsed = parse_host(host)
    assert parsed is not None
    assert policy(host="Box.example").is_allowed_host(parsed) is allowed


def test_further_hosts_can_be_configured() -> None:
    configured = policy(
        allowed_hosts=["Tunnel.example", "*.shop.example"], public_url="https://pay.example:8443/billing"
    )
    names = ["tunnel.example", "a.b.shop.example", "pay.example", "shop.example", "evil.example"]
    allowed = [configured.is_allowed_host(Host(name, 1)) for name in names]
    assert allowed == [True, True, True, False, False]
    assert policy(allowed_hosts=["*"]).is_allowed_host(Host("evil.example", None))


def test_what_can_be_configured_as_a_host() -> None:
    texts = ["box", "box.example", "*.example", "*", "192.168.1.5", "box:4010", "http://box", "", "*.", "a*"]
    assert [is_host_pattern(text) for text in texts] == [True] * 5 + [False] * 5


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ({}, True),
        ({b"origin": OWN}, True),
        ({b"origin": b"http://localhost:5173"}, False),
        ({b"origin": b"null"}, False),
        ({b"origin": OWN, b"sec-fetch-site": b"cross-site"}, False),
        ({b"origin": b"http://localhost:5173", b"sec-fetch-site": b"same-origin"}, True),
    ],
)
def test_who_may_submit_a_form(headers: dict[bytes, bytes], allowed: bool) -> None:
    assert policy().may_submit_form(headers, HOSTS) is allowed
