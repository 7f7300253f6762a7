from __future__ import annotations

import asyncio
import gzip
import socket
import sys
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, ClassVar

import brotli
import pytest
from backports import zstd
from forward_proxy import ForwardProxy, forward_proxy
from orgbilling_conformance import UsageError, conform
from orgbilling_conformance.exchange import Request
from orgbilling_conformance.target import AppTarget, UnreachableError, UrlTarget, application
from orgbilling_openapi.http_client import is_loopback


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("a.localhost", True),
        ("example.com", False),
        ("10.0.0.1", False),
    ],
)
def test_loopback(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("https://api.example.com", "https://api.example.com/api/v1"),
        ("https://api.example.com/", "https://api.example.com/api/v1"),
        ("https://api.example.com/v2/", "https://api.example.com/v2"),
        ("127.0.0.1:4010", "http://127.0.0.1:4010/api/v1"),
    ],
)
def test_addresses(url: str, base: str) -> None:
    target = UrlTarget(url)
    assert target.base == base
    target.close()


@pytest.mark.parametrize(
    "url",
    [
        "ftp://x",
        "http://",
        "http://u:p@x",
        "http://x?y=1",
        "http://[",
        "http://x:99999",
        "x y",
        "http://a\x01b",
        "",
    ],
)
def test_no_addresses(url: str) -> None:
    with pytest.raises(UsageError):
        UrlTarget(url)


def test_nobody_there() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        target = UrlTarget(f"http://127.0.0.1:{free.getsockname()[1]}")
        with pytest.raises(UnreachableError):
            target.send(Request("GET", "/x"), None)
        target.close()


class Handler(BaseHTTPRequestHandler):
    seen: ClassVar[list[tuple[str, str | None]]] = []

    def do_GET(self) -> None:
        self.seen.append((self.path, self.headers.get("Authorization")))
        if self.path.endswith("/cut"):
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
            return
        if self.path.endswith("/slow"):
            threading.Event().wait(0.4)
        status = 302 if self.path.endswith("/moved") else 200
        self.send_response(status)
        self.send_header("Location", "/elsewhere")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: Any) -> None: ...


def test_what_a_server_can_do() -> None:
    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    target = UrlTarget(f"http://127.0.0.1:{server.server_port}", timeout=0.2)
    try:
        assert target.send(Request("GET", "/a", "days=%zz"), "Bearer t").json == {}
        assert target.send(Request("GET", "/moved"), None).status == 302
        assert target.send(Request("GET", "/cut"), None).failure == "broken"
        assert target.send(Request("GET", "/slow"), None).failure == "timeout"
    finally:
        target.close()
        server.shutdown()
        thread.join()
        server.server_close()
    assert Handler.seen[0] == ("/api/v1/a?days=%zz", "Bearer t")
    assert not any("elsewhere" in path for path, _ in Handler.seen)


def test_an_application_without_a_lifespan_that_fails_or_hangs() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        if scope["path"].endswith("/hang"):
            await asyncio.sleep(60)
        if scope["path"].endswith("/fail"):
            raise KeyError("secret")
        body = (await receive())["body"]
        await send({"type": "http.response.start", "status": 200, "headers": [(b"x", b"y")]})
        await send({"type": "http.response.body", "body": body, "more_body": True})
        await send({"type": "http.response.body", "body": b"!"})

    target = AppTarget(app, timeout=0.2)
    assert target.send(Request("POST", "/a", body=b"hello"), None).body == b"hello!"
    assert target.send(Request("HEAD", "/a"), None).body == b""
    failed = target.send(Request("GET", "/fail"), None)
    assert (failed.status, failed.body) == (500, b"KeyError")
    assert target.send(Request("GET", "/hang"), None).failure == "timeout"
    target.close()


def test_applications_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "judged_app.py").write_text(
        "async def app(scope, receive, send): ...\ndef make(): return app\n"
        "class holder: inner = app\nnumber = 5\n"
    )
    monkeypatch.chdir(tmp_path)
    assert application("judged_app:app") is application("judged_app:make")
    assert callable(application("judged_app"))
    assert callable(application("judged_app:holder.inner"))
    for wrong in ("judged_app:none", "no_such_module:app", "judged_app:number", ":"):
        with pytest.raises(UsageError, match="--app"):
            application(wrong)
    assert "" not in sys.path or sys.path.count("") <= 1


class Closing(BaseHTTPRequestHandler):
    """Answers once on a connection, and closes it when the next request has come."""

    protocol_version = "HTTP/1.1"
    asked: ClassVar[list[str]] = []
    fails: ClassVar[int] = 1

    def do_GET(self) -> None:
        self.asked.append(self.path)
        if 1 < len(self.asked) <= 1 + self.fails:
            self.close_connection = True
            return
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    do_POST = do_GET  # noqa: N815

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def closing() -> Any:
    """Make a target whose server closes that many connections without an answer, after its first one."""
    servers = []

    def make(fails: int) -> UrlTarget:
        handler = type("Handler", (Closing,), {"asked": [], "fails": fails})
        server = HTTPServer(("127.0.0.1", 0), handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        return UrlTarget(f"http://127.0.0.1:{server.server_port}", 30.0)

    yield make
    for server in servers:
        server.shutdown()
        server.server_close()


def test_a_connection_that_is_closed_between_two_requests_is_no_failure(closing: Any) -> None:
    target = closing(1)
    answers = [target.send(Request("GET", "/org/billing"), None) for _ in range(2)]
    assert [(answer.status, answer.failure) for answer in answers] == [(200, ""), (200, "")]
    target.close()


def test_a_request_that_nothing_ever_answers_is(closing: Any) -> None:
    target = closing(10)
    answers = [target.send(Request("GET", "/org/billing"), None) for _ in range(2)]
    assert [(answer.status, answer.failure) for answer in answers] == [(200, ""), (0, "broken")]
    target.close()


def test_a_write_is_never_sent_twice(closing: Any) -> None:
    target = closing(1)
    target.send(Request("GET", "/org/billing"), None)
    written = Request("POST", "/org/billing/portal", body=b"{}")
    assert target.send(written, None).failure == "broken"
    assert target.send(written, None).status == 200
    target.close()


def test_a_target_that_goes_away_during_a_run_is_waited_for_and_then_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("orgbilling_conformance.clock.pause", pauses.append)
    handler = type("Handler", (Closing,), {"asked": [], "fails": 0})
    server = HTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    target = UrlTarget(f"http://127.0.0.1:{server.server_port}", 30.0)
    # Its connection is not kept, for a thread of the server would wait on it.
    assert target.send(Request("GET", "/org/billing", headers=(("Connection", "close"),)), None).status == 200
    server.shutdown()
    server.server_close()
    thread.join()
    with pytest.raises(UnreachableError, match=r"connection refused.*\(after 1 answer\)"):
        target.send(Request("GET", "/org/billing"), None)
    assert pauses == [0.25, 0.75, 2.0]
    target.close()


class Endless(BaseHTTPRequestHandler):
    """A body that never ends."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        try:
            while True:
                self.wfile.write(b"x" * 65_536)
        except OSError:
            self.close_connection = True

    def log_message(self, *_: Any) -> None:
        pass


def test_a_body_without_end_is_cut_and_not_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orgbilling_conformance.target.LARGEST", 1 << 20)
    server = HTTPServer(("127.0.0.1", 0), Endless)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    target = UrlTarget(f"http://127.0.0.1:{server.server_port}", 30.0)
    answer = target.send(Request("GET", "/org/billing"), None)
    assert (answer.status, len(answer.body)) == (200, 1 << 20)
    assert answer.not_judged is not None
    assert (answer.not_judged.reason, answer.not_judged.detail) == ("body-cut", "more than 1 MiB")
    target.close()
    server.shutdown()
    server.server_close()


PLAIN = b"[" + b"1," * 5000 + b"1]"
ENCODED = {
    "gzip": gzip.compress(PLAIN),
    "deflate": zlib.compress(PLAIN),
    "br": brotli.compress(PLAIN),
    "zstd": zstd.compress(PLAIN),
}


class Compressing(BaseHTTPRequestHandler):
    """Answers in a coding: whole, cut short, or damaged, by the path."""

    asked: ClassVar[list[str | None]] = []

    def do_GET(self) -> None:
        coding, kind = self.path.split("/")[-2:]
        self.asked.append(self.headers.get("Accept-Encoding"))
        whole = ENCODED[coding]
        body = {"whole": whole, "empty": b"", "short": whole[:-9], "damaged": b"\xff" * 9}[kind]
        self.send_response(200)
        self.send_header("Content-Encoding", coding)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Be quiet."""


async def compressing(scope: Any, receive: Any, send: Any) -> None:
    """The same as an application."""
    assert scope["type"] == "http"
    coding, kind = scope["path"].split("/")[-2:]
    whole = ENCODED[coding]
    body = {"whole": whole, "empty": b"", "short": whole[:-9], "damaged": b"\xff" * 9}[kind]
    headers = [(b"content-encoding", coding.encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@pytest.mark.slow_beyond(1)
@pytest.mark.parametrize("coding", ENCODED)
@pytest.mark.parametrize("in_process", [False, True])
def test_compressed_data_that_ends_early_is_no_whole_answer(coding: str, in_process: bool) -> None:
    server = HTTPServer(("127.0.0.1", 0), Compressing)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    target = AppTarget(compressing) if in_process else UrlTarget(address)
    try:
        kinds = ("whole", "empty", "short", "damaged")
        answers = {kind: target.send(Request("GET", f"/{coding}/{kind}"), None) for kind in kinds}
    finally:
        target.close()
        server.shutdown()
        server.server_close()
    assert answers["whole"].json == [1] * 5001
    assert (answers["empty"].status, answers["empty"].body) == (200, b"")
    ends_early = f"called {coding}, and ends early".encode()
    assert (answers["short"].failure, answers["short"].body) == ("broken", ends_early)
    assert answers["damaged"].failure == "broken"
    assert answers["damaged"].body.startswith(f"called {coding}, and ".encode())
    assert in_process or Compressing.asked[-1] == "gzip, deflate, br, zstd"


@pytest.fixture
def proxied(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Start a server with or without TLS, and a proxy that leads to it; the scheme, and the proxy."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)

    @contextmanager
    def run(scheme: str, refusal: int = 0) -> Iterator[ForwardProxy]:
        path, context = request.getfixturevalue("certificate")
        server = HTTPServer(("127.0.0.1", 0), Handler)
        if scheme == "https":
            server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("SSL_CERT_FILE", str(path))
        with forward_proxy(server.server_port, refusal) as proxy:
            monkeypatch.setenv(f"{scheme.upper()}_PROXY", proxy.url)
            yield proxy
        server.shutdown()
        server.server_close()

    return run


HOST = "api.example.test"


@pytest.mark.slow_beyond(1)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_another_machine_is_asked_through_the_proxy(scheme: str, proxied: Any) -> None:
    Handler.seen.clear()
    with proxied(scheme) as proxy:
        target = UrlTarget(f"{scheme}://{HOST}")
        answer = target.send(Request("GET", "/a", "days=%zz"), "Bearer t")
        target.close()
    assert (answer.status, answer.json) == (200, {})
    assert Handler.seen == [("/api/v1/a?days=%zz", "Bearer t")]
    way = ("CONNECT", f"{HOST}:443") if scheme == "https" else ("GET", f"http://{HOST}/api/v1/a?days=%zz")
    assert proxy.asked == [way]


@pytest.mark.slow
def test_a_tunnel_that_is_refused_is_said_so(proxied: Any) -> None:
    with proxied("https", refusal=407) as proxy:
        target = UrlTarget(f"https://{HOST}")
        with pytest.raises(UnreachableError, match=f"the proxy {proxy.url} refuses it: 407"):
            target.send(Request("GET", "/a"), None)
        target.close()


@pytest.mark.slow
def test_what_a_proxy_answers_is_not_the_apis(proxied: Any) -> None:
    with proxied("http", refusal=407):
        report = conform(url=f"http://{HOST}", token="a.b.c", quick=True)
    assert (report.verdict, report.findings) == ("inconclusive", ())
    assert report.reasons == ("something in front of the target answers: GET /org/contract: 407",)
    assert report.head["requests"] == 3
