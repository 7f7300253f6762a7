"""The way to the real API makes no difference: direct connections, a proxy, a tunnel through one."""

from __future__ import annotations

import gzip
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import brotli
import httpx
import pytest
import uvicorn
from forward_proxy import WAIT_S, forward_proxy
from orgbilling_stubs.beside.direct_connections import DirectConnections
from serving import served

HOST = "api.example.test"
BILLING, LEDGER, REDEEM = "/api/v1/org/billing", "/api/v1/org/ledger", "/api/v1/org/vouchers/redeem"
JSON = (b"content-type", b"application/json")
WAYS = ("direct", "proxy", "tunnel")
BODY = b"[" + b'{"one": 1}, ' * 2000 + b"{}]"


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@contextmanager
def served_with_tls(app, certificate):
    path, _ = certificate
    options = {"ssl_certfile": path, "ssl_keyfile": path.with_name("key.pem"), "lifespan": "off"}
    with served(uvicorn.Config(app, log_level="error", **options)) as server:
        yield server.port


@pytest.fixture
def way(request, real, beside, serving, certificate, monkeypatch) -> Iterator:
    """A stub beside the real API, and the proxy that is on the way, if any."""
    options = {"allow_write": ("redeem",)}
    if request.param == "direct":
        with serving(real) as url, beside(url, **options) as pair:
            yield pair, None
        return
    if request.param == "proxy":
        with serving(real) as url, forward_proxy(int(url.rpartition(":")[2])) as proxy:
            monkeypatch.setenv("HTTP_PROXY", proxy.url)
            with beside(f"http://{HOST}", **options) as pair:
                yield pair, proxy
        return
    with served_with_tls(real, certificate) as port, forward_proxy(port) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
        with beside(f"https://{HOST}", **options) as pair:
            yield pair, proxy


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS, indirect=True)
def test_answers_pass_alike_whatever_is_on_the_way(way, real):
    pair, proxy = way
    headers = {"Accept-Encoding": "gzip, br", "Authorization": "Bearer t", "If-None-Match": '"0"'}
    with httpx.Client(base_url=pair.url, headers=headers, timeout=WAIT_S, trust_env=False) as client:
        for coding, content in (("gzip", gzip.compress(BODY)), ("br", brotli.compress(BODY)), ("", BODY)):
            named = [(b"content-encoding", coding.encode())] if coding else []
            for pieces in ((content,), (content[:9], content[9:])):
                real.answers(200, [JSON, (b"etag", b'W/"1"'), *named], pieces)
                with client.stream("GET", f"{LEDGER}?days=%41&x=") as answer:
                    assert b"".join(answer.iter_raw()) == content
                assert answer.status_code == 200
                assert answer.headers.get("content-encoding", "") == coding
                assert (answer.headers["etag"], answer.headers["x-answered-by"]) == ('W/"1"', "real")
                assert real.asked[-1][:2] == ("GET", f"{LEDGER}?days=%41&x=")
                sent = real.headers()
                assert (sent["authorization"], sent["via"]) == ("Bearer t", "1.1 orgbilling")
                assert sent["host"] == (HOST if proxy else sent["host"])
                assert (sent["accept-encoding"], sent["if-none-match"]) == ("gzip, br", '"0"')
        real.answers(304, [(b"etag", b'"1"')], (b"",))
        assert client.get(BILLING).status_code == 304
        real.answers(200, [JSON, (b"content-length", b"2")], (b"",))
        head = client.head(BILLING)
        assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", "2")
        real.answers(200, [JSON], (b"{}",))
        assert client.post(REDEEM, json={"code": "A"}).status_code == 200
        assert real.asked[-1][3] == b'{"code":"A"}'
    rules = {(rule, pointer) for rule, operation, pointer in pair.findings() if operation == "getOrgLedger"}
    assert ("schema-required", "/*/amountUsd") in rules
    assert ("json", "") not in rules
    assert ("answer", "status") not in rules
    if proxy is not None:
        tunnels = [target for method, target in proxy.asked if method == "CONNECT"]
        assert set(tunnels) == {f"{HOST}:443"} if tunnels else len(proxy.asked) == len(real.asked)
        assert len(tunnels) in (0, len(proxy.asked))


@pytest.mark.slow_beyond(1)
@pytest.mark.parametrize("way", ["direct", "tunnel"], indirect=True)
def test_a_stream_arrives_before_its_end(way, real):
    pair, _ = way
    gate = threading.Event()
    real.answers(200, [(b"content-type", b"text/event-stream")], (b"data: 1\n\n", b"data: 2\n\n"), gate)
    with httpx.stream("GET", f"{pair.url}{LEDGER}", timeout=WAIT_S) as answer:
        pieces = answer.iter_raw()
        first = next(pieces)
        gate.set()
        assert first + b"".join(pieces) == b"data: 1\n\ndata: 2\n\n"


@pytest.mark.slow
@pytest.mark.slow_beyond(1)
@pytest.mark.parametrize("way", ["direct", "tunnel"], indirect=True)
def test_an_answer_that_ends_early_is_cut_for_the_client(way, real):
    pair, _ = way
    real.answers(200, [JSON], (b'[{"one": 1}', b"]"), cut=True)
    with pytest.raises(httpx.RemoteProtocolError):
        pair.get(LEDGER)
    assert pair.findings() == set()


@pytest.mark.slow
def test_connections_without_a_proxy_are_our_own(real, beside, serving, monkeypatch):
    """Loopback is never asked through a proxy, nor is what NO_PROXY names."""
    sent = []
    send = DirectConnections.send

    async def noted(self, *arguments):
        sent.append(arguments[0])
        return await send(self, *arguments)

    monkeypatch.setattr(DirectConnections, "send", noted)
    with serving(real) as url, forward_proxy(int(url.rpartition(":")[2])) as proxy:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        with beside(url) as pair:
            assert pair.get(BILLING).status_code == 200
        assert (sent, proxy.asked) == (["GET"], [])
        with beside(f"http://{HOST}") as pair:
            assert pair.get(BILLING).status_code == 200
        assert (sent, proxy.asked) == (["GET"], [("GET", f"http://{HOST}{BILLING}")])
        for names in (HOST, ".example.test", f"other, {HOST}", "*"):
            monkeypatch.setenv("NO_PROXY", names)
            with beside(f"http://{HOST}") as pair:
                answer = pair.get(BILLING)
            assert answer.json()["detail"].endswith(f"the name {HOST} cannot be resolved")
        assert len(proxy.asked) == 1


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_cannot_be_reached_is_named_without_its_password(beside, scheme, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    monkeypatch.setenv(f"{scheme.upper()}_PROXY", f"http://user:secret@127.0.0.1:{port}")
    with beside(f"{scheme}://{HOST}") as pair:
        answer = pair.get(BILLING)
    why = f"nothing listens there (through the proxy http://[redacted]@127.0.0.1:{port})"
    assert answer.status_code == 502
    assert answer.json()["detail"].endswith(why)


def test_a_proxy_that_refuses_a_tunnel_is_named(real, beside, serving, monkeypatch):
    with serving(real) as url, forward_proxy(int(url.rpartition(":")[2]), refusal=407) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        with beside(f"https://{HOST}") as pair:
            answer = pair.get(BILLING)
            assert pair.findings() == set()
    assert answer.status_code == 502
    assert f"the proxy {proxy.url} refuses it: 407" in answer.json()["detail"]


@pytest.mark.slow
def test_a_proxy_that_refuses_plain_http_answers_in_place_of_the_api(real, beside, serving, monkeypatch):
    with serving(real) as url, forward_proxy(int(url.rpartition(":")[2]), refusal=407) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        with beside(f"http://{HOST}") as pair:
            assert pair.get(BILLING).status_code == 407
            assert pair.findings() == set()
            assert any("a gateway or proxy answered" in note for note in pair.app.real_api.report().notes)


def test_the_password_of_a_proxy_is_sent_to_it_alone(real, beside, serving, monkeypatch):
    with serving(real) as url, forward_proxy(int(url.rpartition(":")[2])) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url.replace("http://", "http://user:secret@"))
        with beside(f"http://{HOST}") as pair:
            assert pair.get(BILLING, headers={"Authorization": "Bearer t"}).status_code == 200
        assert proxy.credentials == ["Basic dXNlcjpzZWNyZXQ="]
        assert real.headers()["authorization"] == "Bearer t"
