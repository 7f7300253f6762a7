"""A proxy on this machine that takes every name for one server: for HTTP, and for tunnels (CONNECT)."""

from __future__ import annotations

import contextlib
import http.client
import select
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

WAIT_S = 60


class ForwardProxy(ThreadingHTTPServer):
    """server_port: of the server that every name leads to. refusal: a status for everything, 0 for none."""

    daemon_threads = True

    def __init__(self, server_port: int, refusal: int = 0) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.upstream = ("127.0.0.1", server_port)
        self.refusal = refusal
        self.asked: list[tuple[str, str]] = []
        self.credentials: list[str | None] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: ForwardProxy

    def _is_refused(self) -> bool:
        self.server.asked.append((self.command, self.path))
        self.server.credentials.append(self.headers.get("Proxy-Authorization"))
        if self.server.refusal:
            self.send_response(self.server.refusal)
            self.send_header("Proxy-Authenticate", "Basic")
            self.send_header("Content-Length", "0")
            self.end_headers()
        return bool(self.server.refusal)

    def do_CONNECT(self) -> None:
        if self._is_refused():
            return
        with socket.create_connection(self.server.upstream) as upstream:
            self.send_response_only(200)
            self.end_headers()
            self.wfile.flush()
            _pipe(self.connection, upstream)
        self.close_connection = True

    def do_GET(self) -> None:
        if self._is_refused():
            return
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)) or None
        connection = http.client.HTTPConnection(*self.server.upstream, timeout=WAIT_S)
        with contextlib.closing(connection):
            target = f"{parts.path}?{parts.query}" if parts.query else parts.path
            connection.request(self.command, target, body, dict(self.headers))
            answer = connection.getresponse()
            content = answer.read()
            self.send_response_only(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in ("transfer-encoding", "connection", "content-length"):
                    self.send_header(name, value)
            length = answer.getheader("Content-Length") or str(len(content))
            self.send_header("Content-Length", length)
            self.end_headers()
            self.wfile.write(content)

    do_HEAD = do_POST = do_GET  # noqa: N815 -- the names are those of http.server

    def log_message(self, *_: object) -> None:
        """Nothing: there is nobody to read it."""


def _pipe(one: socket.socket, other: socket.socket) -> None:
    """Pass bytes between two connections until one of them ends."""
    while True:
        ready, _, _ = select.select([one, other], [], [], WAIT_S)
        for connection in ready:
            try:
                data = connection.recv(65_536)
                (other if connection is one else one).sendall(data)
            except OSError:
                return
            if not data:
                return
        if not ready:
            return


@contextlib.contextmanager
def forward_proxy(server_port: int, refusal: int = 0) -> Iterator[ForwardProxy]:
    """A proxy that runs."""
    with ForwardProxy(server_port, refusal) as proxy:
        thread = threading.Thread(target=proxy.serve_forever)
        thread.start()
        try:
            yield proxy
        finally:
            proxy.shutdown()
            thread.join(WAIT_S)
