"""An application on a real port behind a relay that records the requests: they are read as bytes."""

from __future__ import annotations

import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import httptools
import uvicorn
from serving import served


class TcpRecorder(socketserver.ThreadingTCPServer):
    """Relays every connection to a server; `seen`: method and path of every request, in order."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", 0), _Relay)
        self.behind = ("127.0.0.1", port)
        self.seen: list[tuple[str, str]] = []
        self.connections = 0
        self.unparsed: list[bytes] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Request:
    """What the parser tells of the requests on one connection."""

    def __init__(self, recorder: TcpRecorder) -> None:
        self.recorder, self.url = recorder, b""
        self.parser = httptools.HttpRequestParser(self)

    def on_message_begin(self) -> None:
        self.url = b""

    def on_url(self, part: bytes) -> None:
        self.url += part

    def on_headers_complete(self) -> None:
        path = self.url.partition(b"?")[0].decode("latin-1")
        self.recorder.seen.append((self.parser.get_method().decode(), path))


class _Relay(socketserver.BaseRequestHandler):
    server: TcpRecorder

    def handle(self) -> None:
        self.server.connections += 1
        asked = _Request(self.server)
        with socket.create_connection(self.server.behind) as behind:
            for task in (behind, self.request):
                task.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            back = threading.Thread(target=_pump, args=(behind, self.request), daemon=True)
            back.start()
            with suppress(OSError):
                while sent := self.request.recv(65_536):
                    try:
                        asked.parser.feed_data(sent)
                    except httptools.HttpParserError:
                        self.server.unparsed.append(sent)
                    behind.sendall(sent)
                behind.shutdown(socket.SHUT_WR)
            back.join()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while answered := source.recv(65_536):
            sink.sendall(answered)
        sink.shutdown(socket.SHUT_WR)


@contextmanager
def recorded(app: Any) -> Iterator[TcpRecorder]:
    """Serve an application behind a relay."""
    config = uvicorn.Config(app, log_config=None, lifespan="on", ws="none")
    with served(config, force=True) as server:
        recorder = TcpRecorder(server.port)
        thread = threading.Thread(target=recorder.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield recorder
        finally:
            recorder.shutdown()
            recorder.server_close()
            thread.join(10)
