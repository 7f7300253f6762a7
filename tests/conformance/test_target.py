from __future__ import annotations

import asyncio
import socket
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
from orgbilling_conformance import UsageError
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
