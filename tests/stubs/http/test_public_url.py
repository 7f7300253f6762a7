from __future__ import annotations

from typing import Any

import pytest
from orgbilling_stubs.http.application import HttpSettings
from orgbilling_stubs.http.origin_policy import NetworkSettings
from orgbilling_stubs.http.public_url import (
    LONGEST_CACHED,
    PublicUrl,
    PublicUrls,
    TrustedProxies,
    is_base_url,
    read_forwarding,
)

SCHEMA = "/api/v1/schemas/TenantBillingProfile.json"
BOX = NetworkSettings(allowed_hosts=["mock", "mock.example", "api.example"])
LOCAL_PEER = ("127.0.0.1", 50_000)


def url_of(headers: dict[str, str], network: NetworkSettings = BOX, client: Any = LOCAL_PEER) -> PublicUrl:
    raw = {name.encode(): value.encode("latin-1") for name, value in headers.items()}
    return PublicUrls(network).of_request(raw, "http", ("127.0.0.1", 4010), client)


@pytest.mark.parametrize(
    ("headers", "origin"),
    [
        ({"host": "localhost:4010"}, "http://localhost:4010"),
        ({"host": "127.0.0.1"}, "http://127.0.0.1"),
        ({"host": "[::1]:80"}, "http://[::1]:80"),
        ({"host": "mock.example"}, "https://mock.example"),
        ({"host": "localhost", "x-forwarded-host": "api.example, b"}, "https://api.example"),
        ({"host": "localhost", "x-forwarded-host": '"><script>'}, "http://localhost"),
        ({"host": "localhost", "x-forwarded-host": "é" * 300}, "http://localhost"),
    ],
)
def test_the_schema_is_at_the_host_that_was_asked(make, headers, origin):
    answer = make(HttpSettings(network=BOX))("GET", "/org/billing", headers=headers)
    assert answer.json["$schema"] == origin + SCHEMA


@pytest.mark.parametrize(
    ("headers", "url"),
    [
        ({"host": "mock:4010"}, "http://mock:4010/pay"),
        ({"host": "mock", "x-forwarded-proto": "https"}, "https://mock/pay"),
        ({"host": "mock", "x-forwarded-proto": "javascript"}, "http://mock/pay"),
    ],
)
def test_our_own_urls_keep_the_scheme_of_the_connection(make, headers, url):
    ask = make(HttpSettings(network=BOX))
    assert ask("POST", "/org/billing/checkout", b'{"amount":500}', headers=headers).json["url"] == url


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example:4010", "192.168.1.5", "box"])
@pytest.mark.parametrize("path", ["/org/billing", "/docs", "/nothing"])
def test_another_host_is_refused_and_not_repeated(ask, is_problem, host, path):
    answer = ask("GET", path, headers={"host": host})
    assert answer.status == 421
    assert is_problem(answer)
    assert answer.json["$schema"].startswith("http://127.0.0.1:4010/")
    assert "--allowed-host" in answer.json["detail"]


def test_a_forwarded_host_is_checked_as_well() -> None:
    assert not url_of({"host": "localhost", "x-forwarded-host": "evil.example"}).is_allowed
    assert not url_of({"host": "evil.example", "x-forwarded-host": "localhost"}).is_allowed
    assert url_of({}).base_url == "http://127.0.0.1:4010"


@pytest.mark.parametrize(
    ("headers", "url"),
    [
        ({"x-forwarded-proto": "https"}, "https://localhost:4010"),
        ({"x-forwarded-host": "api.example", "x-forwarded-proto": "https"}, "https://api.example"),
        ({"x-forwarded-host": "api.example:8443", "x-forwarded-port": "1"}, "http://api.example:8443"),
        ({"x-forwarded-host": "api.example", "x-forwarded-port": "8443"}, "http://api.example:8443"),
        (
            {"x-forwarded-host": "api.example", "x-forwarded-port": "443", "x-forwarded-proto": "https"},
            "https://api.example",
        ),
        ({"x-forwarded-host": "api.example", "x-forwarded-port": "x"}, "http://api.example"),
        ({"x-forwarded-prefix": "/billing/"}, "http://localhost:4010/billing"),
        ({"x-forwarded-prefix": "/a/b, /c"}, "http://localhost:4010/a/b"),
        ({"x-forwarded-prefix": "//evil.example"}, "http://localhost:4010"),
        ({"x-forwarded-prefix": "billing"}, "http://localhost:4010"),
        ({"x-forwarded-prefix": "/" + "a" * 300}, "http://localhost:4010"),
        ({"forwarded": "for=1.2.3.4;proto=https;host=api.example"}, "https://api.example"),
        ({"forwarded": 'host="api.example:8443" ; Proto=HTTPS, host=b'}, "https://api.example:8443"),
        ({"forwarded": 'for="[::1]";host="mock"', "x-forwarded-host": "api.example"}, "http://mock"),
        ({"forwarded": "nonsense", "x-forwarded-host": "api.example"}, "http://api.example"),
    ],
)
def test_what_a_trusted_proxy_says(headers: dict[str, str], url: str) -> None:
    assert url_of({"host": "localhost:4010"} | headers).base_url == url


@pytest.mark.parametrize(
    ("headers", "url"),
    [
        ({"x-forwarded-port": "8443", "x-forwarded-proto": "https"}, "https://app.localhost:8443"),
        ({"x-forwarded-port": "443", "x-forwarded-proto": "https"}, "https://app.localhost"),
        ({"x-forwarded-port": "80", "x-forwarded-proto": "http"}, "http://app.localhost"),
        ({"x-forwarded-port": "x", "x-forwarded-proto": "https"}, "https://app.localhost"),
        ({"x-forwarded-port": "70000"}, "http://app.localhost"),
    ],
)
def test_a_proxy_may_keep_the_host_and_say_its_port(headers: dict[str, str], url: str) -> None:
    public_url = url_of({"host": "app.localhost"} | headers)
    assert public_url.base_url == url
    assert public_url.is_allowed


def test_what_other_clients_say_is_ignored() -> None:
    headers = {"host": "localhost", "x-forwarded-host": "api.example", "x-forwarded-prefix": "/a"}
    assert url_of(headers, client=("192.168.1.5", 1)).base_url == "http://localhost"
    trusting = NetworkSettings(allowed_hosts=["api.example"], trusted_proxies=["192.168.0.0/16"])
    assert url_of(headers, trusting, ("192.168.1.5", 1)).base_url == "http://api.example/a"
    assert url_of(headers, trusting, LOCAL_PEER).base_url == "http://localhost"


def test_which_peers_are_trusted() -> None:
    peers = [("127.0.0.1", 1), ("::1", 1), ("::ffff:127.0.0.9", 1), None, ("testclient", 1), ("10.0.0.1", 1)]
    assert [TrustedProxies(["127.0.0.0/8", "::1"]).include(peer) for peer in peers] == [True] * 5 + [False]
    assert [TrustedProxies(["10.0.0.1"]).include(peer) for peer in peers] == [False] * 5 + [True]
    assert all(TrustedProxies(["*"]).include(peer) for peer in peers)
    with pytest.raises(ValueError, match="box"):
        TrustedProxies(["box"])


def test_a_public_url_is_what_every_client_sees() -> None:
    network = NetworkSettings(public_url="https://pay.example/billing/")
    for headers in ({"host": "localhost:4010"}, {"host": "pay.example", "x-forwarded-proto": "http"}):
        url = url_of(headers, network)
        assert (url.base_url, url.schema_url) == ("https://pay.example/billing",) * 2
        assert url.path == "/billing"
        assert url.is_allowed
    assert not url_of({"host": "evil.example"}, network).is_allowed


def test_a_base_url_is_an_http_url_without_a_query() -> None:
    good = ["http://box", "https://box.example:8443/", "https://box/a/b/", "http://[::1]:80/a"]
    bad = [
        "box",
        "ftp://box",
        "http://",
        "http://box?a",
        "http://box/a?b",
        "http://box#a",
        "http://u@box",
        "",
    ]
    assert [is_base_url(text) for text in [*good, *bad]] == [True] * 4 + [False] * 8


def test_urls_are_remembered_up_to_a_number_and_a_length() -> None:
    urls = PublicUrls()
    for number in range(1_000):
        urls.of_request({b"host": b"a%d.localhost" % number}, "http", None, None)
    assert len(urls._cache) <= 256
    before = len(urls._cache)
    urls.of_request({b"host": b"localhost", b"forwarded": b"x" * (LONGEST_CACHED + 1)}, "http", None, None)
    assert len(urls._cache) == before


def test_a_header_that_cannot_be_read_says_nothing() -> None:
    assert read_forwarding({}) == (None, None, "", "")
    assert read_forwarding({b"forwarded": b'host="\\"; proto', b"x-forwarded-proto": b"\xff"}) == (
        None,
        None,
        "",
        "",
    )
