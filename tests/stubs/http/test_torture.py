"""Whatever bytes a client sends to a real server, it gets no 5xx and, if anything, a proper problem."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import orjson
import pytest
import uvicorn
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from orgbilling_openapi import description as descriptions
from orgbilling_stubs.http import request_validation
from orgbilling_stubs.http.application import assemble
from orgbilling_stubs.http.context import Reply
from orgbilling_stubs.http.server.uvicorn_protocol import Protocol
from serving import served

REDEEM = b"/api/v1/org/vouchers/redeem"
LEDGER = b"/api/v1/org/ledger"
TOKEN = b"Authorization: Bearer admin\r\n"
JSON_TYPE = b"Content-Type: application/json\r\n"
SLOW_SECONDS = 0.4


def redeem(call):
    code = call.body["code"]
    return Reply({"voucherCode": code, "creditAmountUsd": 5.0, "newBalance": 1.0, "message": "redeemed"})


@pytest.fixture(scope="module", params=["ours", "httptools", "h11"])
def port(request: pytest.FixtureRequest) -> Iterator[int]:
    """A server with our protocol, or with one of uvicorn's own."""
    handlers = {"redeemOrgVoucher": redeem, "getOrgLedger": lambda call: Reply(None)}
    app = assemble(descriptions.load(), handlers, lambda headers, method, values: "admin")
    receive_body = request_validation.receive_body
    request_validation.receive_body = lambda *arguments, **limits: receive_body(
        *arguments, SLOW_SECONDS, **limits
    )
    http = Protocol if request.param == "ours" else request.param
    config = uvicorn.Config(app, log_config=None, http=http, loop="uvloop", ws="none", lifespan="on")
    with served(config) as server:
        yield server.port
    request_validation.receive_body = receive_body


def exchange(port: int, *pieces: bytes, pause: float = 0.0) -> tuple[int, dict[bytes, bytes], bytes]:
    """Send the pieces; status, headers and body of the first answer (status 0: closed without one)."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        try:
            for piece in pieces:
                connection.sendall(piece)
                time.sleep(pause)
        except OSError:
            pass
        data = b""
        while b"\r\n\r\n" not in data:
            try:
                more = connection.recv(65536)
            except ConnectionError:
                more = b""
            if not more:
                return 0, {}, data
            data += more
        head, _, body = data.partition(b"\r\n\r\n")
        lines = head.split(b"\r\n")
        headers = dict(line.lower().split(b": ", 1) for line in lines[1:])
        length = 0 if pieces[0].startswith(b"HEAD") else int(headers.get(b"content-length", b"0"))
        while len(body) < length:
            more = connection.recv(65536)
            assert more, "closed in the middle of an answer"
            body += more
        return int(lines[0].split()[1]), headers, body


def proper(status: int, headers: dict[bytes, bytes], body: bytes) -> None:
    """Not a 5xx; and what the application refuses itself is a problem document."""
    assert status < 500, body
    if status >= 400 and b"x-trace-id" in headers:
        assert headers[b"content-type"] == b"application/problem+json"
        assert orjson.loads(body)["status"] == status


def post(body: bytes, extra: bytes = b"") -> bytes:
    length = b"Content-Length: %d\r\n" % len(body)
    media_type = b"" if b"Content-Type" in extra else JSON_TYPE
    head = TOKEN + length + media_type + extra
    return b"POST %b HTTP/1.1\r\nHost: localhost\r\n%b\r\n%b" % (REDEEM, head, body)


def get(path: bytes, extra: bytes = b"") -> bytes:
    return b"GET %b HTTP/1.1\r\nHost: localhost\r\n%b%b\r\n" % (path, TOKEN, extra)


CHUNKED = b"POST %b HTTP/1.1\r\nHost: localhost\r\n%bTransfer-Encoding: chunked\r\n\r\n" % (
    REDEEM,
    TOKEN + JSON_TYPE,
)
GOOD = b'{"code":"a"}'

NASTY = {
    "plain": (post(GOOD), 200),
    "chunked": (CHUNKED + b'5\r\n{"cod\r\n7\r\ne":"a"}\r\n0\r\n\r\n', 200),
    "chunked, bad size": (CHUNKED + b"zz\r\n", 400),
    "two megabytes": (post(b'{"code":"' + b"x" * 2_000_000 + b'"}'), 413),
    "two megabytes in chunks": (CHUNKED + b"1e8480\r\n" + b"x" * 2_000_000 + b"\r\n0\r\n\r\n", 413),
    "utf-8 overlong": (post(b'{"code":"\xc0\xaf"}'), 400),
    "utf-16": (post('{"code":"a"}'.encode("utf-16")), 400),
    "byte order mark": (post(b"\xef\xbb\xbf" + GOOD), 400),
    "deep": (post(b'{"code":' + b"[" * 10_000 + b"]" * 10_000 + b"}"), 400),
    "lone surrogate": (post(b'{"code":"\\udc00"}'), 400),
    "nul": (post(b'{"code":"\\u0000"}'), 200),
    "length is a word": (post(GOOD).replace(b": 12", b": twelve"), 400),
    "length is negative": (post(GOOD).replace(b": 12", b": -12"), 400),
    "length is absurd": (post(GOOD).replace(b": 12", b": 99999999999"), 413),
    "two lengths": (post(GOOD, b"Content-Length: 3\r\n"), 400),
    "two media types": (post(GOOD, b"Content-Type: a/b\r\nContent-Type: application/json\r\n"), 415),
    "no media type": (post(GOOD, b"Content-Type:\r\n"), 415),
    "another host": (get(LEDGER).replace(b"localhost", b"evil.example"), 421),
    "another origin": (post(GOOD, b"Origin: https://evil.example\r\n"), 403),
    "binary media type": (post(GOOD, b"Content-Type: \xff\xfe\r\n"), 415),
    "long header": (get(LEDGER, b"X: " + b"y" * 8_000 + b"\r\n"), 200),
    "longer header": (get(LEDGER, b"X: " + b"y" * 8_190 + b"\r\n"), 431),
    "many headers": (get(LEDGER, b"".join(b"X%d: y\r\n" % number for number in range(98))), 200),
    "more headers": (get(LEDGER, b"".join(b"X%d: y\r\n" % number for number in range(99))), 431),
    "long head": (get(LEDGER, (b"X: " + b"y" * 7_000 + b"\r\n") * 9), 200),
    "longer head": (get(LEDGER, (b"X: " + b"y" * 8_000 + b"\r\n") * 9), 431),
    "binary header": (get(LEDGER, b"X: \xff\x80\r\n"), 200),
    "no host": (get(LEDGER).replace(b"Host: localhost\r\n", b""), 400),
    "no host in old http": (b"GET %b HTTP/1.0\r\n%b\r\n" % (LEDGER, TOKEN), 200),
    "empty host": (get(LEDGER).replace(b"localhost", b""), 400),
    "two hosts": (get(LEDGER, b"Host: localhost\r\n"), 400),
    "host with a path": (get(LEDGER).replace(b"localhost", b"localhost/x"), 400),
    "host with a user": (get(LEDGER).replace(b"localhost", b"x@localhost"), 400),
    "host with a port out of range": (get(LEDGER).replace(b"localhost", b"localhost:65536"), 400),
    "host in brackets": (get(LEDGER).replace(b"localhost", b"[::1]:4010"), 200),
    "whitespace behind values": (
        get(LEDGER).replace(b"\r\n", b" \t\r\n").replace(b"1 \t", b"1")[:-4] + b"\r\n",
        200,
    ),
    "unknown transfer coding": (get(LEDGER, b"Transfer-Encoding: xchunked\r\n"), 400),
    "compressed transfer coding": (get(LEDGER, b"Transfer-Encoding: gzip, chunked\r\n") + b"0\r\n\r\n", 400),
    "chunked in old http": (CHUNKED.replace(b"1.1", b"1.0") + b"c\r\n" + GOOD + b"\r\n0\r\n\r\n", 400),
    "wild host": (get(LEDGER, b"X-Forwarded-Host: <>\xff\r\n"), 200),
    "wild proto": (get(b"/api/v1/nope", b"X-Forwarded-Proto: \xff\r\n"), 404),
    "wild origin": (get(LEDGER, b"Origin: \xff" + b"x" * 8_000 + b"\r\n"), 200),
    "wild condition": (get(LEDGER, b"If-None-Match: \xff,,,\r\n"), 200),
    "wild cookie": (get(LEDGER, b"Cookie: =;;;a\xff==;\r\n"), 200),
    "query of 8 kB": (get(LEDGER + b"?" + b"a=b&" * 2_000), 200),
    "query of 50 kB": (get(LEDGER + b"?" + b"a=b&" * 12_000), 414),
    "query of percents": (get(LEDGER + b"?days=%&%=%%zz&%ff=%00"), 422),
    "binary query": (get(LEDGER + b"?days=\xff\xfe"), 400),
    "path of percents": (get(b"/api/v1/%zz%%%ff%00"), 404),
    "encoded slash": (get(b"/api/v1/org%2Fledger"), 200),
    "dots": (get(b"/api/v1/../../etc/passwd"), 404),
    # Plain uvicorn ignores the host of the target; with h11 it leaves scheme and host in the path.
    "absolute form": (get(b"http://localhost:4010/api/v1/org/ledger"), (200, 404)),
    "absolute form of another host": (get(b"http://other.example/api/v1/org/ledger"), (421, 200, 404)),
    "unknown method": (get(LEDGER).replace(b"GET", b"PROPFIND"), 405),
    "no http at all": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
    "expect continue": (post(GOOD, b"Expect: 100-continue\r\n"), (100, 200)),
    "head": (get(LEDGER).replace(b"GET", b"HEAD"), 200),
    "body on get": (get(LEDGER, b"Content-Length: 5\r\n") + b"{{{{{", 200),
}


@pytest.mark.parametrize("name", sorted(NASTY))
def test_a_nasty_request_gets_a_proper_answer(port, name):
    sent, expected = NASTY[name]
    status, headers, body = exchange(port, sent)
    assert status in (expected if isinstance(expected, tuple) else (expected,)), body
    proper(status, headers, body)


@pytest.mark.slow_beyond(1)
def test_a_body_that_never_ends_is_a_408_on_a_closed_connection(port):
    started = time.perf_counter()
    status, headers, body = exchange(port, post(GOOD)[:-1])
    proper(status, headers, body)
    assert (status, headers[b"connection"]) == (408, b"close")
    assert time.perf_counter() - started < 3


def test_a_body_in_small_pieces_is_put_together(port):
    pieces = [post(GOOD)[number : number + 1] for number in range(len(post(GOOD)))]
    status, _, body = exchange(port, b"".join(pieces[:-6]), *pieces[-6:], pause=0.01)
    assert status == 200, body


def test_the_connection_still_works_after_a_refused_body(port):
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(NASTY["two megabytes"][0])
        assert connection.recv(65536).startswith(b"HTTP/1.1 413")
        connection.sendall(get(LEDGER))
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")


SOME = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.mark.slow_beyond(1)
@SOME
@given(st.binary(max_size=200))
@example(b"{}")
@example(b'{"code":"' + b"\\" * 7)
def test_any_bytes_as_a_body(port, body):
    proper(*exchange(port, post(body)))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8) | st.just("code"), inner),
    max_leaves=12,
)


@pytest.mark.slow
@SOME
@given(JSON)
def test_any_json_as_a_body(port, value):
    import json

    proper(*exchange(port, post(json.dumps(value).encode())))


@pytest.mark.slow_beyond(1)
@SOME
@given(st.binary(max_size=80).filter(lambda text: not set(text) & set(b"\r\n\0 ")))
def test_any_bytes_as_a_query(port, query):
    proper(*exchange(port, get(LEDGER + b"?days=" + query)))


@pytest.mark.slow_beyond(1)
@SOME
@given(
    st.sampled_from(
        [b"Host", b"Origin", b"Authorization", b"Idempotency-Key", b"If-None-Match", b"Cookie", b"Accept"]
    ),
    st.binary(max_size=60).filter(lambda text: not set(text) & set(b"\r\n\0")),
)
def test_any_bytes_as_a_header(port, name, value):
    proper(*exchange(port, post(GOOD, name + b": " + value + b"\r\n")))
