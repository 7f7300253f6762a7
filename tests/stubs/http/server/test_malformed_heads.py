"""Thousands of malformed requests, with our protocol and with the one of uvicorn that it is made from.

uvicorn's other protocol, with h11, sends the refusal of what follows a request in place of its response, and
logs a traceback when that comes.
"""

from __future__ import annotations

import random
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import pytest

REQUESTS = 4_000
PER_CONNECTION = 3
GROWTH_LIMIT_KB = 16_384
"""So much more memory a server may have after the last request than after the first three hundred."""
LOGGED_BY_UVICORN = ("WARNING Invalid HTTP", "WARNING Unsupported upgrade", "WARNING No supported WebSocket")
"""How the lines begin that uvicorn's own protocol logs."""
SERVER = """
import socket, sys
import uvicorn
from orgbilling_stubs.app import build
from orgbilling_stubs.cli.serve import _log_to_stderr
from orgbilling_stubs.http.server.uvicorn_protocol import config
from orgbilling_stubs.settings import Settings

_log_to_stderr()
settings = config(build(Settings(clock="2026-03-10T12:00:00Z", auth="off")).asgi)
if sys.argv[1] != "ours":
    settings.http = sys.argv[1]
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
uvicorn.Server(settings).run(sockets=[listener])
"""
PATHS = (
    "/api/v1/org/billing",
    "/api/v1/org/vouchers/redeem",
    "/healthz",
    "/_mock/v1/faults",
    "/docs",
    "*",
    "/%zz",
)
METHODS = ("GET", "POST", "HEAD", "OPTIONS", "PUT", "CONNECT", "PRI", "BREW", "get", "")
VERSIONS = ("HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.0", "HTTP/0.9", "HTTP/2.0", "HTTP/11", "http/1.1", "")
NAMES = (
    "Host",
    "Content-Length",
    "Transfer-Encoding",
    "Connection",
    "Upgrade",
    "Expect",
    "Prefer",
    "Cookie",
    "Origin",
    "Authorization",
    "Content-Type",
    "If-None-Match",
    "Idempotency-Key",
    "X",
    "",
    " X",
    "X ",
    "X\0",
)
VALUES = (
    "localhost",
    "",
    "3",
    "-3",
    "+3",
    "0x3",
    "3, 3",
    "9" * 30,
    "chunked",
    "gzip, chunked",
    "identity",
    "close",
    "Upgrade",
    "keep-alive",
    "h2c",
    "websocket",
    "100-continue",
    "a-miracle",
    "code=503",
    'code="',
    "__session=",
    "null",
    "Bearer x",
    "application/json",
    "*",
    "a\rb",
    "a\nb",
    "a\0b",
    "\xff\xfe",
    "y" * 9_000,
    "\t ",
    "[::1",
    ":",
)
ENDS = ("\r\n", "\r\n", "\r\n", "\r\n", "\n", "\r", "\r\n ", "\r\n\t", "\0", "")
BODIES = (
    "",
    "",
    "abc",
    '{"code":"TEST-USED-1"}',
    "3\r\nabc\r\n0\r\n\r\n",
    "3\nabc\n0\n\n",
    "zz\r\n",
    "3;a=b\r\nab",
    "-3\r\nabc",
    "0\r\nX: y\r\n\r\n",
    "0\r\n" + "X: y\r\n" * 200,
    "fffffffffffffffff\r\nabc",
    "\0" * 30,
    "GET / HTTP/1.1\r\n",
)


def malformed_request(chance: random.Random) -> bytes:
    """A request of good and bad parts, sometimes cut or with some bytes changed."""
    lines = [" ".join((chance.choice(METHODS), chance.choice(PATHS), chance.choice(VERSIONS)))]
    if chance.random() < 0.8:
        lines.append("Host: localhost")
    for _ in range(chance.choice((0, 1, 1, 2, 3, 120))):
        lines.append(f"{chance.choice(NAMES)}: {chance.choice(VALUES)}")
    end = "\r\n" if chance.random() < 0.6 else chance.choice(ENDS)
    text = end.join([*lines, "", ""]) + chance.choice(BODIES)
    content = bytearray(text.encode("latin-1"))
    if chance.random() < 0.2:
        for _ in range(chance.randint(1, 5)):
            content[chance.randrange(len(content))] = chance.randrange(256)
    if chance.random() < 0.2:
        del content[chance.randrange(len(content)) :]
    return bytes(content)


class Process(NamedTuple):
    """A server as a process, with what it has written to standard error."""

    protocol: str
    process: subprocess.Popen[str]
    port: int
    log: Path

    @property
    def resident_kb(self) -> int:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.findall(r"VmRSS:\s+(\d+)", status)[0])


@pytest.fixture(params=["ours", "httptools"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Process]:
    log = tmp_path / "log"
    with log.open("w") as errors:
        process = subprocess.Popen(
            [sys.executable, "-c", SERVER, request.param], stdout=subprocess.PIPE, stderr=errors, text=True
        )
    assert process.stdout is not None
    yield Process(request.param, process, int(process.stdout.readline()), log)
    process.kill()
    process.wait()
    process.stdout.close()


def exchange(port: int, requests: list[bytes], pieces: int) -> bytes:
    """What comes back for some requests on one connection, whose half is closed after them."""
    content = b"".join(requests)
    size = max(1, len(content) // pieces)
    received = b""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with suppress(OSError):
            for start in range(0, len(content), size):
                connection.sendall(content[start : start + size])
            connection.shutdown(socket.SHUT_WR)
        with suppress(OSError):
            while part := connection.recv(65_536):
                received += part
    return received


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads the memory of a process from /proc")
def test_no_malformed_request_breaks_the_server(server: Process) -> None:
    """Each connection ends in time, with responses below 500 or none; nothing is logged; memory stays."""
    chance = random.Random(9)
    before_kb = 0
    for number in range(REQUESTS // PER_CONNECTION):
        requests = [malformed_request(chance) for _ in range(PER_CONNECTION)]
        received = exchange(server.port, requests, chance.choice((1, 1, 2, 7)))
        statuses = [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", received)]
        asked = sum(content.count(b"code=503") for content in requests)
        assert sum(status >= 500 for status in statuses) <= asked, (requests, received)
        assert received[:9] in (b"", b"HTTP/1.1 "), (requests, received)
        if number == 100:
            before_kb = server.resident_kb
    assert server.resident_kb - before_kb < GROWTH_LIMIT_KB
    good = exchange(server.port, [b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"], 1)
    assert good.startswith(b"HTTP/1.1 200")
    log = server.log.read_text().splitlines()
    expected = () if server.protocol == "ours" else LOGGED_BY_UVICORN
    assert [line for line in log if not line.startswith(expected)] == []
