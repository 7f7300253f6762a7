"""What one connection can take, and in which order its responses come: our protocol on a real socket."""

from __future__ import annotations

import json
import logging
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import pytest
import uvicorn
from orgbilling_stubs.app import build
from orgbilling_stubs.http.errors import BODY_LIMIT_BYTES, BODY_SECONDS
from orgbilling_stubs.http.request_head import HEAD_LIMIT_BYTES, HEADER_LIMIT, LINE_LIMIT_BYTES
from orgbilling_stubs.http.server import bounded_protocol
from orgbilling_stubs.http.server.bounded_protocol import (
    CONNECTION_LIMIT,
    RESERVED_CONNECTIONS,
    BoundedProtocol,
)
from orgbilling_stubs.http.server.request_cycle import KEEP_ALIVE_GRACE_SECONDS, KEEP_ALIVE_SECONDS
from orgbilling_stubs.http.server.uvicorn_protocol import config
from orgbilling_stubs.settings import Settings
from serving import served

REDEEM = "/org/vouchers/redeem"
PROBLEM = "application/problem+json"


class Answer(NamedTuple):
    """One response."""

    status: int
    headers: dict[str, str]
    body: bytes


class Server(NamedTuple):
    """A server on a port of this machine, and the protocols of its connections."""

    port: int
    uvicorn: uvicorn.Server

    def connect(self) -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=10)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def answers(self, *pieces: bytes, half_close: bool = False, pause_s: float = 0.02) -> list[Answer]:
        """Everything that comes back for the pieces until the server closes the connection."""
        with self.connect() as connection:
            for number, piece in enumerate(pieces):
                if number:
                    time.sleep(pause_s)
                connection.sendall(piece)
            if half_close:
                connection.shutdown(socket.SHUT_WR)
            return parsed(received(connection))

    def refusal(self, *pieces: bytes) -> tuple[int, str]:
        """Status and detail of the only answer, which closes the connection."""
        (answer,) = self.answers(*pieces)
        assert (answer.headers["content-type"], answer.headers["connection"]) == (PROBLEM, "close")
        document = json.loads(answer.body)
        assert document["status"] == answer.status
        return answer.status, document["detail"]


def received(connection: socket.socket) -> bytes:
    parts = []
    while part := connection.recv(65_536):
        parts.append(part)
    return b"".join(parts)


def parsed(content: bytes) -> list[Answer]:
    answers = []
    while content:
        top, end, content = content.partition(b"\r\n\r\n")
        assert end, content
        first, *lines = top.decode("latin-1").split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines)
        length = int(headers.get("content-length", 0))
        answers.append(Answer(int(first.split()[1]), headers, content[:length]))
        content = content[length:]
    return answers


def request(path: str, *lines: str, method: str = "GET", body: bytes = b"") -> bytes:
    target = path if path.startswith(("/_mock", "/healthz")) else f"/api/v1{path}"
    head = [f"{method} {target} HTTP/1.1", "Host: localhost", *lines]
    if body:
        head += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*head, "", ""]).encode("latin-1") + body


def redemption(code: str, *lines: str) -> bytes:
    return request(REDEEM, *lines, method="POST", body=json.dumps({"code": code}).encode())


CHUNKED = request(REDEEM, "Content-Type: application/json", "Transfer-Encoding: chunked", method="POST")
LAST = request("/org/contract", "Connection: close")
PATHS = pytest.mark.parametrize("path", ["/org/billing", "/healthz", "/_mock/v1/faults"])
"""One answered at once, one served by a task, and one of the control API."""


@pytest.fixture(scope="module", params=["auto", pytest.param("asyncio", marks=pytest.mark.slow)])
def server(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Server]:
    """With uvloop where there is one, and with the event loop of Python."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ORGBILLING_HOME", str(tmp_path_factory.mktemp("home")))
        app = build(Settings(clock="2026-03-10T12:00:00Z", auth="off"))
    settings = config(app.asgi)
    settings.loop = request.param
    with served(settings, backlog=200) as running:
        yield Server(running.port, running.server)


@pytest.fixture(autouse=True)
def nothing_is_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """No client can make the server write a warning, an error or a traceback."""
    caplog.set_level(logging.WARNING)
    yield
    assert [record.getMessage() for record in caplog.records] == []


# The head


@PATHS
@pytest.mark.parametrize(
    ("lines", "refusal"),
    [
        (["X: " + "y" * 8_190], (431, "a header of the request has more than 8192 bytes")),
        ([f"X{number}: y" for number in range(100)], (431, "the request has more than 100 headers")),
        (["X: " + "y" * 8_000] * 9, (431, "the head of the request has more than 65536 bytes")),
        (["X: " + "y" * 3_000_000], (431, "the head of the request has more than 65536 bytes")),
        (["Y" * 3_000_000 + ": x"], (431, "the head of the request has more than 65536 bytes")),
        (
            [f"X{number}: y" for number in range(100_000)],
            (431, "the head of the request has more than 65536 bytes"),
        ),
    ],
    ids=["line", "headers", "head", "value", "name", "count"],
)
def test_a_head_beyond_a_limit_is_refused(
    server: Server, path: str, lines: list[str], refusal: tuple[int, str]
) -> None:
    head = request(path, *lines)
    status, detail = server.refusal(head)
    # A head that is larger than one segment may exceed another limit first.
    assert (status, detail) == refusal or (len(head) > 65_536 and status == 431)
    assert server.refusal(head[:9_000], head[9_000:])[0] == 431


@PATHS
def test_a_long_target_is_refused(server: Server, path: str) -> None:
    refusal = (414, "the request target has more than 8192 bytes")
    assert server.refusal(request(f"{path}?" + "a" * 9_000)) == refusal
    assert server.refusal(request(f"{path}?" + "a" * 9_000)[:9_000]) == refusal
    assert server.refusal(request(f"{path}?" + "a" * 5_000_000)) == refusal


@PATHS
def test_a_head_within_the_limits_is_served(server: Server, path: str) -> None:
    lines = [f"X{number}: " + "y" * 800 for number in range(75)] + ["Z: " + "y" * 4_000]
    head = request(path, *lines, "Connection: close")
    assert 60_000 < len(head) < 65_536
    for pieces in ([head], [head[:100], head[100:]], [head[:30_000], head[30_000:]]):
        assert [answer.status for answer in server.answers(*pieces)] == [200]


@pytest.mark.slow_beyond(1)
@pytest.mark.parametrize("head", [b"GET /" + b"x" * (1 << 26), b"GET / HTTP/1.1\r\nX: " + b"y" * (1 << 26)])
def test_the_memory_of_a_head_is_bounded_while_it_arrives(server: Server, head: bytes) -> None:
    import tracemalloc

    pieces = [head[start : start + 65_536] for start in range(0, len(head), 65_536)]
    with server.connect() as connection:
        tracemalloc.start()
        try:
            for piece in pieces:
                connection.sendall(piece)
            assert tracemalloc.get_traced_memory()[1] < 4_000_000
        finally:
            tracemalloc.stop()
        connection.shutdown(socket.SHUT_WR)
        assert parsed(received(connection))[0].status in (414, 431)


@PATHS
@pytest.mark.parametrize(
    ("head", "detail"),
    [
        ("", "the request needs a Host header"),
        ("Host: localhost\r\nHost: localhost\r\n", "the request has more than one Host header"),
        ("Host: \r\n", "the Host header is not a host name or address"),
        ("Host: a b\r\n", "the Host header is not a host name or address"),
        ("Host: a/b\r\n", "the Host header is not a host name or address"),
        ("Host: \xff\r\n", "the Host header is not a host name or address"),
        ("Host: localhost:99999\r\n", "the Host header is not a host name or address"),
        ("Host: localhost, localhost\r\n", "the Host header is not a host name or address"),
    ],
)
def test_a_request_has_one_host(server: Server, path: str, head: str, detail: str) -> None:
    whole = request(path).replace(b"Host: localhost\r\n", head.encode("latin-1"))
    assert server.refusal(whole) == (400, detail)


@PATHS
def test_old_http_needs_no_host(server: Server, path: str) -> None:
    whole = request(path).replace(b"Host: localhost\r\n", b"").replace(b"1.1", b"1.0")
    (answer,) = server.answers(whole)
    assert (answer.status, answer.headers["connection"]) == (200, "close")


def test_old_http_gets_no_interim_response(server: Server) -> None:
    """RFC 9110, 10.1.1: the expectation of an HTTP/1.0 request is ignored."""
    whole = redemption("TEST-USED-1", "Expect: 100-continue").replace(b"HTTP/1.1", b"HTTP/1.0")
    assert [answer.status for answer in server.answers(whole)] == [409]


@pytest.mark.parametrize("whitespace", [" ", "\t", " \t "])
def test_whitespace_around_a_value_is_no_part_of_it(server: Server, whitespace: str) -> None:
    def spaced(path: str) -> list[Answer]:
        head = request(path, "Connection: close", "Prefer:" + whitespace + "code=503" + whitespace)
        return server.answers(
            head.replace(b"localhost", whitespace.encode() + b"localhost" + whitespace.encode())
        )

    assert spaced("/org/billing")[0].headers["preference-applied"] == "code=503"
    assert spaced("/_mock/v1/faults")[0].status == 200


SMUGGLED = {
    "length and chunks": b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks and length": b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
    "two lengths": b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
    "the same length twice": b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
    "a list of lengths": b"Content-Length: 3, 3\r\n\r\nabc",
    "a length with a sign": b"Content-Length: +3\r\n\r\nabc",
    "a length with letters": b"Content-Length: 0x3\r\n\r\nabc",
    "a negative length": b"Content-Length: -3\r\n\r\nabc",
    "an endless length": b"Content-Length: 99999999999999999999999\r\n\r\nabc",
    "an unknown coding": b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "the identity coding": b"Transfer-Encoding: identity\r\n\r\n",
    "two codings": b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "chunks before another coding": b"Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
    "chunks twice": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a chunk size with a prefix": b"Transfer-Encoding: chunked\r\n\r\n0x3\r\nabc\r\n0\r\n\r\n",
    "a chunk size with a sign": b"Transfer-Encoding: chunked\r\n\r\n+3\r\nabc\r\n0\r\n\r\n",
    "a negative chunk size": b"Transfer-Encoding: chunked\r\n\r\n-3\r\nabc\r\n0\r\n\r\n",
    "no chunk size": b"Transfer-Encoding: chunked\r\n\r\n\r\nabc\r\n0\r\n\r\n",
    "a chunk size beyond 64 bits": b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nabc\r\n0\r\n\r\n",
    "a chunk that is longer than its size": b"Transfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n0\r\n\r\n",
    "chunks with bare line feeds": b"Transfer-Encoding: chunked\r\n\r\n3\nabc\n0\n\n",
    "a NUL in a chunk extension": b"Transfer-Encoding: chunked\r\n\r\n3;a=\x00\r\nabc\r\n0\r\n\r\n",
    "a folded header": b"A: b\r\n c\r\n\r\n",
    "a header that begins with a space": b" A: b\r\n\r\n",
    "a header with a space before the colon": b"A : b\r\n\r\n",
    "a header without a name": b": b\r\n\r\n",
    "a header without a colon": b"abc\r\n\r\n",
    "a NUL in a header": b"A: b\x00c\r\n\r\n",
    "a NUL in a name": b"A\x00: b\r\n\r\n",
    "a bare carriage return in a header": b"A: b\rc\r\n\r\n",
    "a bare line feed in a header": b"A: b\nC: d\r\n\r\n",
    "bare line feeds at the end": b"A: b\r\n\n",
}


@pytest.mark.parametrize("name", sorted(SMUGGLED))
def test_a_request_that_two_servers_may_read_differently_is_refused(server: Server, name: str) -> None:
    """Whether it is for an operation, which could be answered at once, or for a task to serve."""
    refusals = []
    for path in (REDEEM, "/healthz", "/_mock/v1/faults"):
        head = request(path, method="POST").removesuffix(b"\r\n") + SMUGGLED[name]
        (answer,) = server.answers(head + request("/org/billing"))
        assert (answer.status, answer.headers["connection"]) == (400, "close")
        refusals.append(answer.body)
    assert len({re.sub(rb"http://[^/]*", b"", body) for body in refusals}) == 1


@pytest.mark.parametrize("version", ["0.9", "1.2", "2.0", "3.0"])
def test_another_version_of_http_is_refused(server: Server, version: str) -> None:
    assert server.refusal(request("/org/billing").replace(b"1.1", version.encode()))[0] == 400


@pytest.mark.parametrize("target", ["*", "localhost:443", "//", "?", "http://", "x"])
@pytest.mark.parametrize("method", ["GET", "CONNECT", "OPTIONS"])
def test_any_target_gets_an_answer(server: Server, method: str, target: str) -> None:
    head = f"{method} {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
    statuses = [answer.status for answer in server.answers(head)]
    assert len(statuses) in (1, 2)
    assert all(status < 500 for status in statuses)


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("http://localhost/healthz", 200),
        ("http://localhost:4010/healthz?x", 200),
        ("http://evil.example/healthz", 421),
        ("http://evil.example:80/healthz", 421),
        ("http://evil.example/api/v1/org/billing", 421),
    ],
)
def test_the_host_of_a_target_replaces_the_host_header(server: Server, target: str, status: int) -> None:
    """RFC 9112, 3.2.2."""
    head = f"GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
    assert [answer.status for answer in server.answers(head)] == [status]


# Order: what was booked is answered


def balance(server: Server) -> float:
    (answer,) = server.answers(request("/org/billing", "Connection: close"))
    return float(json.loads(answer.body)["creditBalance"])


@pytest.mark.parametrize(
    "garbage", [b"\0\0\r\n\r\n", b"GET / HTTP/9\r\n\r\n", b"x" * 20_000, b"\x16\x03\x01" * 99]
)
@pytest.mark.parametrize(
    "lines",
    [
        [],
        ["Expect: 100-continue"],
        ["Expect: a-miracle"],
        ["Prefer: delay=200"],
        ["Connection: Upgrade", "Upgrade: h2c"],
    ],
    ids=["at once", "expect", "unknown expectation", "delayed", "upgrade"],
)
def test_a_request_before_garbage_is_answered(server: Server, lines: list[str], garbage: bytes) -> None:
    before = balance(server)
    code = f"TEST-CREDIT-1-{abs(hash((tuple(lines), garbage)))}"
    answers = server.answers(redemption(code, *lines) + garbage)
    statuses = [answer.status for answer in answers if answer.status != 100]
    assert statuses == [200, 400]
    assert answers[-1].headers["content-type"] == PROBLEM
    assert balance(server) == before + 1


@pytest.mark.parametrize("query", ["a" * 3_000, "%zz", "?#", "//[", "'\"<>{}|^`", "days=\xff"])
def test_no_query_loses_the_response_to_what_was_booked(server: Server, query: str) -> None:
    """The request is executed at once, and its response is left to a task."""
    before = balance(server)
    whole = redemption(f"TEST-CREDIT-1-{abs(hash(query))}", "Prefer: delay=1", "Connection: close")
    (answer,) = server.answers(whole.replace(REDEEM.encode(), f"{REDEEM}?{query}".encode("latin-1"), 1))
    assert answer.status in (200, 400, 422)
    assert balance(server) == before + (answer.status == 200)


def test_all_requests_before_garbage_are_answered_in_their_order(server: Server) -> None:
    paths = [
        "/org/billing",
        "/org/contract?__delay=100",
        "/healthz",
        "/org/nothing",
        "/org/billing?__delay=50",
    ]
    answers = server.answers(b"".join(map(request, paths)) + b"\0garbage")
    assert [answer.status for answer in answers] == [200, 200, 200, 404, 200, 400]


def test_nothing_is_read_after_the_last_request(server: Server) -> None:
    before = balance(server)
    for first in (LAST, request("/healthz", "Connection: close")):
        answers = server.answers(first + redemption("TEST-CREDIT-1-after-close") + b"\0")
        assert [answer.status for answer in answers] == [200]
    assert balance(server) == before


@pytest.mark.slow_beyond(1)
@pytest.mark.parametrize("path", ["/org/billing", "/healthz", "/org/billing?__delay=300"])
def test_a_client_that_has_closed_its_half_gets_its_answers(server: Server, path: str) -> None:
    whole = request(path)
    assert [answer.status for answer in server.answers(whole, half_close=True)] == [200]
    assert [answer.status for answer in server.answers(whole * 3, half_close=True)] == [200] * 3
    assert server.answers(whole[:-2], half_close=True) == []


@pytest.mark.slow
def test_many_requests_of_a_client_that_has_closed_its_half_are_answered(server: Server) -> None:
    answers = server.answers(request("/healthz") * 2_000, half_close=True)
    assert [answer.status for answer in answers] == [200] * 2_000


@pytest.mark.parametrize(
    "head",
    [
        redemption("TEST-CREDIT-1-gone")[:-5],
        CHUNKED + b"5\r\nab",
        request("/org/billing", "Content-Length: 9"),
        request("/_mock/v1/faults", "Content-Type: application/json", "Content-Length: 9", method="POST"),
        request("/_mock/checkout/org_standard/cs_test_x", "Content-Length: 9", method="POST"),
        redemption("TEST-CREDIT-1-gone", "Prefer: delay=100")[:-5],
        redemption("TEST-CREDIT-1-gone", "Expect: 100-continue")[:-5],
    ],
)
@pytest.mark.parametrize("leave", ["close", "reset", "half"])
def test_a_client_that_leaves_in_mid_body_is_no_error(server: Server, head: bytes, leave: str) -> None:
    import struct

    with server.connect() as connection:
        connection.sendall(head)
        time.sleep(0.02)
        if leave == "half":
            connection.shutdown(socket.SHUT_WR)
            assert all(answer.status < 500 for answer in parsed(received(connection)))
        elif leave == "reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    time.sleep(0.15 if b"delay=100" in head else 0.02)
    assert balance(server) >= 0


@pytest.mark.parametrize(
    "path", ["/_mock/v1/journal/stream", "/_mock/v1/journal", "/org/billing", "/healthz"]
)
def test_head_has_no_body_and_an_end(server: Server, path: str) -> None:
    head = request(path, method="HEAD") + request(path, "Connection: close", method="HEAD")
    with server.connect() as connection:
        connection.sendall(head)
        content = received(connection)
    assert content.count(b"HTTP/1.1 200") == 2
    assert content.endswith(b"\r\n\r\n")


# Amount


def test_upgrades_in_a_pipeline_do_not_recurse(server: Server) -> None:
    wish = request("/org/contract", "Connection: Upgrade", "Upgrade: websocket")
    answers = server.answers(wish * 600 + LAST)
    assert [answer.status for answer in answers] == [200] * 601


@pytest.mark.slow
@pytest.mark.parametrize("path", ["/org/contract", "/healthz"])
def test_ten_thousand_requests_in_a_pipeline_are_answered(server: Server, path: str) -> None:
    with server.connect() as connection:
        sender = threading.Thread(target=connection.sendall, args=(request(path) * 10_000 + LAST,))
        sender.start()
        content = received(connection)
        sender.join()
    assert content.count(b"HTTP/1.1 200 OK") == 10_001


@pytest.mark.slow_beyond(1)
@pytest.mark.parametrize("path", ["/org/contract", "/healthz"])
def test_a_client_that_does_not_read_is_not_read(server: Server, path: str) -> None:
    """Requests that get no room for their responses stay in the sockets, not in memory."""
    with server.connect() as connection:
        connection.setblocking(False)
        sent, quiet = 0, 0
        while quiet < 10:
            try:
                sent += connection.send(request(path) * 1_000)
                quiet = 0
            except BlockingIOError:
                quiet += 1
                time.sleep(0.05)
            assert sent < 40_000_000
        (protocol,) = server.uvicorn.server_state.connections
        assert isinstance(protocol, BoundedProtocol)
        assert len(protocol.pipeline) < 600
        assert len(protocol._unparsed) < 600_000
        assert protocol.transport.get_write_buffer_size() < 600_000  # type: ignore[attr-defined]


def test_the_size_of_a_chunked_body_is_bounded(server: Server) -> None:
    big = b"100000\r\n" + b" " * 0x100000 + b"\r\n"
    answers = server.answers(CHUNKED + big * 2 + b"0\r\n\r\n" + LAST)
    assert [answer.status for answer in answers] == [413, 200]


@pytest.mark.slow
def test_chunks_of_one_byte_are_a_body_like_any_other(server: Server) -> None:
    def chunks(body: bytes) -> bytes:
        return CHUNKED + b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n"

    answers = server.answers(chunks(b'{"code":"TEST-USED-1"' + b" " * 200_000 + b"}") + LAST)
    assert [answer.status for answer in answers] == [409, 200]
    answers = server.answers(chunks(b'{"code":"TEST-USED-1"' + b" " * 0x100000 + b"}") + LAST)
    assert [answer.status for answer in answers] == [413, 200]


@pytest.mark.parametrize(
    "framing",
    [
        b"1;" + b"a" * 400_000,
        b"1;" + b"a=b;" * 100_000,
        b"0\r\nX: " + b"y" * 400_000,
        b"0\r\n" + b"X: y\r\n" * 70_000,
        b"1;a=" + b"b" * 300 + b"\r\nx\r\n" + (b"1;a=" + b"b" * 300 + b"\r\nx\r\n") * 1_000,
    ],
    ids=["extension", "extensions", "trailer", "trailers", "many chunks"],
)
def test_chunk_extensions_and_trailers_are_bounded(server: Server, framing: bytes) -> None:
    pieces = [framing[start : start + 50_000] for start in range(0, len(framing), 50_000)]
    status, detail = server.refusal(CHUNKED, *pieces)
    assert (status, detail) == (400, "the chunk extensions and trailers of the request body are too large")


def test_a_body_that_nobody_reads_is_bounded_as_well(server: Server, hasty: None) -> None:
    """It is discarded for a while; then the connection closes."""
    with server.connect() as connection:
        connection.sendall(request("/org/nothing", "Content-Length: 99999999", method="POST"))
        started = time.monotonic()
        with suppress(OSError):
            while time.monotonic() - started < 5:
                connection.sendall(b"x")
                time.sleep(0.01)
    assert time.monotonic() - started < 3


# Time


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """All times that the server allows a client are 0.3 seconds."""
    for name in ("HEAD_SECONDS", "UNREAD_BODY_SECONDS", "LINGER_SECONDS", "STALLED_SECONDS"):
        monkeypatch.setattr(bounded_protocol, name, 0.3)


@pytest.mark.parametrize("start", ["GET /", "GET / HTTP/1.1\r\nX: "])
def test_a_head_that_drips_is_refused(server: Server, hasty: None, start: str) -> None:
    with server.connect() as connection:
        started = time.monotonic()
        connection.sendall(start.encode())
        connection.settimeout(0.02)
        content = b""
        while not content:
            connection.sendall(b"x")
            try:
                content = connection.recv(65_536)
            except TimeoutError:
                assert time.monotonic() - started < 5
        connection.settimeout(5)
        content += received(connection)
    (answer,) = parsed(content)
    assert answer.status == 408
    assert json.loads(answer.body)["detail"] == "the head of the request was not received in time"
    assert time.monotonic() - started < 3


@pytest.mark.slow
def test_a_delayed_response_is_no_idleness(
    server: Server, hasty: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server.uvicorn.config, "timeout_keep_alive", 0.3)
    answers = server.answers(request("/org/billing?__delay=900"))
    assert [answer.status for answer in answers] == [200]


def test_a_client_that_does_not_read_is_left(server: Server, hasty: None) -> None:
    with server.connect() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        sender = threading.Thread(
            target=send_quietly, args=(connection, request("/org/ledger?days=365") * 500)
        )
        sender.start()
        wait_until(lambda: not server.uvicorn.server_state.connections, 8)
        sender.join(5)
        assert not sender.is_alive()


def test_the_server_waits_longer_for_a_request_than_it_says(server: Server) -> None:
    """A client that uses an idle connection for as long as it may never meets a closing one."""
    with server.connect() as connection:
        connection.sendall(request("/org/contract"))
        head = connection.recv(65_536).decode("latin-1")
    announced_s = int(re.search(r"\r\nkeep-alive: timeout=(\d+)\r\n", head)[1])  # type: ignore[index]
    assert "\r\nconnection: keep-alive\r\n" in head
    assert 60 < announced_s < server.uvicorn.config.timeout_keep_alive


@pytest.mark.slow
def test_a_client_that_polls_never_meets_a_closed_connection(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The poll of every 5 seconds that met a server's 5 seconds, in a twentieth of the time."""
    monkeypatch.setattr(
        server.uvicorn.config, "timeout_keep_alive", server.uvicorn.config.timeout_keep_alive / 20
    )
    for path in ("/org/contract", "/healthz"):
        with server.connect() as connection:
            for _ in range(4):
                connection.sendall(request(path))
                content = b""
                while not content.endswith(b"}"):
                    part = connection.recv(65_536)
                    assert part, "the server has closed the connection"
                    content += part
                time.sleep(0.25)


# Connections


def send_quietly(connection: socket.socket, content: bytes) -> None:
    """Send as much as the server takes."""
    with suppress(OSError):
        connection.sendall(content)


def wait_until(condition: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_the_number_of_connections_is_bounded(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server.uvicorn.config, "limit_concurrency", 3)
    monkeypatch.setattr(bounded_protocol, "RESERVED_CONNECTIONS", 2)
    wait_until(lambda: not server.uvicorn.server_state.connections, 5)
    open_connections = [server.connect() for _ in range(3)]
    try:
        wait_until(lambda: len(server.uvicorn.server_state.connections) == 3, 5)
        for path in ("/org/billing", "/docs", "/_mock/v1/faults"):
            (answer,) = server.answers(request(path))
            assert (answer.status, answer.headers["retry-after"]) == (503, "1")
            assert json.loads(answer.body)["detail"] == "too many connections are open: try again"
        (answer,) = server.answers(request("/healthz"))
        assert answer.status == 200
        assert server.answers(b"\r\n" * 9, request("/healthz"))[0].status == 200
        open_connections += [server.connect() for _ in range(2)]
        wait_until(lambda: len(server.uvicorn.server_state.connections) == 5, 5)
        with server.connect() as connection:  # answered without having asked
            assert parsed(received(connection))[0].status == 503
        open_connections[0].sendall(LAST)
        assert received(open_connections[0]).startswith(b"HTTP/1.1 200")
    finally:
        for connection in open_connections:
            connection.close()
    wait_until(lambda: not server.uvicorn.server_state.connections, 5)
    assert server.answers(LAST)[0].status == 200


def test_the_documented_limits_are_those_of_the_code() -> None:
    page = (Path(__file__).parents[4] / "docs" / "limits.md").read_text("utf-8")
    rows = {
        "connections": f"{CONNECTION_LIMIT:,}, and {RESERVED_CONNECTIONS} more for `GET /healthz`",
        "bytes of a head": f"{HEAD_LIMIT_BYTES:,}",
        "bytes of a request target, or of a header with its name": f"{LINE_LIMIT_BYTES:,}",
        "headers": f"{HEADER_LIMIT}",
        "bytes of a body": f"{BODY_LIMIT_BYTES:,}",
        "seconds for a head, from its first byte": f"{bounded_protocol.HEAD_SECONDS:g}",
        "seconds for a body": f"{BODY_SECONDS:g}",
        "seconds for a body that its operation does not need": f"{bounded_protocol.UNREAD_BODY_SECONDS:g}",
        "seconds without a request": f"{KEEP_ALIVE_SECONDS}, as `Keep-Alive` says, and "
        f"{KEEP_ALIVE_GRACE_SECONDS} more",
        "seconds in which a client reads nothing of its responses": f"{bounded_protocol.STALLED_SECONDS:g}",
    }
    for name, limit in rows.items():
        assert f"| {name} | {limit} |" in page
