"""uvicorn with our protocol, on a real socket: prompt answers, and all that has to wait."""

from __future__ import annotations

import json
import random
import socket
import time
from collections.abc import Iterator
from typing import Any, ClassVar

import pytest
from orgbilling_stubs.app import build
from orgbilling_stubs.auth import key_file
from orgbilling_stubs.auth.tokens import ClerkSession, mint_token
from orgbilling_stubs.http.server.uvicorn_protocol import PROMPT_BODY_BYTES, Protocol, config
from orgbilling_stubs.settings import Settings
from orgbilling_stubs.tenants.clock import wall_ms
from serving import served


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ORGBILLING_HOME", str(tmp_path_factory.mktemp("home")))
        app = build(Settings(clock="2026-03-10T12:00:00Z", auth="off"))
    with served(config(app.asgi)) as server:
        yield server.port


class Line:
    """One connection, and the answers that come over it."""

    opened: ClassVar[list[Line]] = []

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.rest = b""
        self.opened.append(self)

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def answer(self, *, head: bool = False) -> tuple[int, dict[str, str], bytes]:
        while b"\r\n\r\n" not in self.rest:
            self._more()
        top, _, self.rest = self.rest.partition(b"\r\n\r\n")
        first, *lines = top.decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        length = 0 if head else int(headers.get("content-length", 0))
        while len(self.rest) < length:
            self._more()
        body, self.rest = self.rest[:length], self.rest[length:]
        return int(first.split()[1]), headers, body

    def _more(self) -> None:
        data = self.socket.recv(65_536)
        assert data, "the server closed the connection"
        self.rest += data


@pytest.fixture(autouse=True)
def close_connections() -> Iterator[None]:
    """Close what a test has opened: an open socket would be the error of whichever test comes next."""
    yield
    while Line.opened:
        Line.opened.pop().socket.close()


CHUNKED = ("Content-Type: application/json", "Transfer-Encoding: chunked")


def get(path: str, *lines: str, method: str = "GET") -> bytes:
    return "\r\n".join([f"{method} /api/v1{path} HTTP/1.1", "Host: localhost", *lines, "", ""]).encode()


def post(body: bytes, *lines: str) -> bytes:
    length = f"Content-Length: {len(body)}"
    return get("/org/vouchers/redeem", "Content-Type: application/json", length, *lines, method="POST") + body


def test_an_answer_is_whole_and_the_connection_stays(port: int) -> None:
    line = Line(port)
    for _ in range(3):
        line.send(get("/org/billing"))
        status, headers, body = line.answer()
        assert status == 200
        assert json.loads(body)["billingMode"] == "prepaid"
        assert {"date", "content-type", "content-length", "etag", "x-trace-id"} <= set(headers)
        assert (headers["connection"], headers["keep-alive"]) == ("keep-alive", "timeout=75")


def test_pipelined_requests_are_answered_in_order(port: int) -> None:
    line = Line(port)
    line.send(get("/org/billing") + get("/org/nothing") + get("/docs") + get("/org/contract") + get("/x"))
    assert [line.answer()[0] for _ in range(5)] == [200, 404, 200, 200, 404]


def test_many_pipelined_requests_do_not_pile_up(port: int) -> None:
    line = Line(port)
    line.send(get("/org/billing") * 500)
    assert {line.answer()[0] for _ in range(500)} == {200}


def test_a_body_in_pieces_is_waited_for(port: int) -> None:
    line = Line(port)
    whole = post(b'{"code":"TEST-CREDIT-1-pieces"}')
    for start in range(0, len(whole), 40):
        line.send(whole[start : start + 40])
        time.sleep(0.01)
    assert line.answer()[0] == 200
    line.send(get("/org/billing"))
    assert line.answer()[0] == 200


def test_a_chunked_body_and_a_large_one(port: int) -> None:
    line = Line(port)
    chunk = b'{"code":"TEST-CREDIT-1-chunked"}'
    head = get("/org/vouchers/redeem", *CHUNKED, method="POST")
    line.send(head + b"%x\r\n" % len(chunk) + chunk + b"\r\n0\r\n\r\n")
    assert line.answer()[0] == 200
    line.send(post(b'{"code":"' + b"x" * PROMPT_BODY_BYTES + b'"}'))
    assert line.answer()[0] == 422


def test_head_has_no_body_and_expect_is_met(port: int) -> None:
    line = Line(port)
    line.send(get("/org/billing", method="HEAD"))
    status, headers, body = line.answer(head=True)
    assert (status, body) == (200, b"")
    assert int(headers["content-length"]) > 100
    whole = post(b'{"code":"TEST-CREDIT-1-expect"}', "Expect: 100-continue")
    at = whole.index(b"\r\n\r\n") + 4
    line.send(whole[:at])
    assert line.answer(head=True)[0] == 100
    line.send(whole[at:])
    assert line.answer()[0] == 200


@pytest.mark.parametrize(
    ("version", "connection"),
    [(b"1.1", "Connection: close"), (b"1.0", "Accept: */*"), (b"1.0", "Connection: keep-alive")],
)
def test_the_connection_is_closed_when_the_client_says_so(port: int, version: bytes, connection: str) -> None:
    line = Line(port)
    line.send(get("/org/billing", connection).replace(b"1.1", version, 1))
    status, headers, _ = line.answer()
    assert (status, headers["connection"]) == (200, "close")
    assert line.socket.recv(10) == b""


CHANGING = {"date", "x-trace-id", "connection", "keep-alive", "vary"}
"""Headers that differ with every request or are the server's own. `Vary` may come twice, which the two
clients show in two ways."""
SAME = [
    ("GET", "/org/billing", None, {}),
    ("GET", "/org/ledger?days=30", None, {"Origin": "http://localhost:3000"}),
    ("GET", "/org/ledger?days=0", None, {}),
    ("GET", "/org/usage-summary", None, {"If-None-Match": "*"}),
    ("GET", "/org/billing", None, {"Prefer": "code=503"}),
    ("GET", "/org/billing", None, {"Prefer": "delay=1"}),
    ("HEAD", "/org/billing", None, {}),
    ("POST", "/org/vouchers/redeem", b'{"code":"TEST-CREDIT-5-SAME"}', {}),
    ("POST", "/org/vouchers/redeem", b'{"code":1}', {"Idempotency-Key": "k"}),
    ("POST", "/org/vouchers/redeem", b"{", {}),
    ("POST", "/org/vouchers/redeem", b"<a/>", {"Content-Type": "text/xml"}),
    ("GET", "/org/nothing", None, {}),
]


@pytest.mark.slow_beyond(3)
@pytest.mark.parametrize("case", SAME, ids=lambda case: case[1].strip("/"))
def test_a_response_has_the_same_bytes_with_and_without_a_task(
    port: int, dashboard: Any, case: tuple[str, str, bytes | None, dict[str, str]]
) -> None:
    """Ours starts the pipeline by hand; the other server in this test awaits it, as any ASGI server does."""
    method, path, body, headers = case
    bearer = {"Authorization": f"Bearer {dashboard.token('org_same')}"}
    lines = [f"{name}: {value}" for name, value in (bearer | headers).items()]
    if body is not None and "Content-Type" not in headers:
        lines.append("Content-Type: application/json")
    line = Line(port)
    length = "" if body is None else f"Content-Length: {len(body)}\r\n"
    head = (
        f"{method} /api/v1{path} HTTP/1.1\r\nHost: localhost\r\n" + "\r\n".join(lines) + f"\r\n{length}\r\n"
    )
    line.send(head.encode() + (body or b""))
    status, shown, content = line.answer(head=method == "HEAD")
    usual = dashboard(
        method,
        path,
        "org_same",
        content=body,
        headers={"Host": "localhost", "Content-Type": "application/json"} | bearer | headers
        if body is not None
        else {"Host": "localhost"} | bearer | headers,
    )
    mine = {name: value for name, value in shown.items() if name not in CHANGING}
    theirs = {name: value for name, value in usual.headers.items() if name not in CHANGING}
    assert (status, content) == (usual.status_code, usual.content)
    assert mine == theirs


def test_headers_that_come_again_after_others_are_those_of_their_request(port: int) -> None:
    """A connection keeps what follows from headers for the next request; here they change all the time."""
    key = key_file.load_signing_key()
    tokens = [mint_token(key, ClerkSession(name), wall_ms()) for name in ("org_standard", "org_enterprise")]
    bearers = [f"Authorization: Bearer {token}" for token in tokens]
    lines: list[tuple[str, ...]] = [
        (bearers[0],),
        (bearers[1],),
        (bearers[1], "Origin: http://localhost:3000"),
        ("Authorization: Basic eDp5",),
        (bearers[0], bearers[1]),
        (bearers[0], "Prefer: code=503"),
        (),
    ]
    requests = [get("/org/billing", *extra) for extra in lines]
    requests += [request.replace(b"Host: localhost", b"Host: 127.0.0.1:4010") for request in requests]
    requests += [get("/org/billing", bearers[0]).replace(b"GET /", b"GET http://127.0.0.1/")]
    requests += [get("/org/billing", bearers[0]).replace(b"localhost", b"foreign.example")]

    def shown(line: Line, request: bytes) -> tuple[int, bytes, set[str]]:
        line.send(request)
        status, headers, body = line.answer()
        return status, body, headers.keys()

    alone = [shown(Line(port), request) for request in requests]
    assert {status for status, _, _ in alone} == {200, 401, 503, 421}
    assert len({body for _, body, _ in alone}) > 6
    one, order = Line(port), [*range(len(requests))] * 3
    random.Random(1).shuffle(order)
    for number in (*order, *(number for number in order for _ in range(2))):
        assert shown(one, requests[number]) == alone[number]


def test_a_query_a_fragment_and_an_encoded_path_are_read_as_uvicorn_reads_them(port: int) -> None:
    line = Line(port)
    for path in ("/org/ledger?days=0", "/org/ledger?days=0#x", "/org/%6cedger?days=0", "/org/ledger?"):
        line.send(get(path))
        status, _, body = line.answer()
        assert status == (200 if path.endswith("?") else 422), path
        assert path.endswith("?") or json.loads(body)["errors"][0]["location"] == "query.days"
    line.send(get("/org/billing").replace(b"GET ", b"GET http://localhost", 1))
    assert line.answer()[0] == 200


def test_a_fault_is_injected_into_a_request_that_was_held_back(port: int) -> None:
    line = Line(port)
    line.send(post(b'{"code":"TEST-CREDIT-1-fault"}', "Prefer: code=503") + get("/org/billing"))
    status, headers, _ = line.answer()
    assert (status, headers["preference-applied"]) == (503, "code=503")
    assert line.answer()[0] == 200


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """New connections are closed after 0.4 s without a request."""
    made = Protocol.connection_made

    def connection_made(self: Protocol, transport: Any) -> None:
        self.timeout_keep_alive = 0.4  # type: ignore[assignment]
        made(self, transport)

    monkeypatch.setattr(Protocol, "connection_made", connection_made)


@pytest.mark.slow
def test_an_idle_connection_is_closed_and_a_busy_one_is_not(port: int, hasty: None) -> None:
    line = Line(port)
    for _ in range(4):
        line.send(get("/org/billing"))
        assert line.answer()[0] == 200
        time.sleep(0.2)
    whole = post(b'{"code":"TEST-CREDIT-1-slow"}')
    line.send(whole[:-3])
    time.sleep(0.7)
    line.send(whole[-3:])
    assert line.answer()[0] == 200
    started = time.monotonic()
    assert line.socket.recv(10) == b""
    assert 0.2 < time.monotonic() - started < 5


def test_what_is_no_http_is_refused(port: int) -> None:
    line = Line(port)
    line.send(b"GET /api/v1/org/billing HTTP/1.1\r\nHost: localhost\r\nContent-Length: a\r\n\r\n")
    assert line.answer()[0] == 400


def test_a_wish_for_another_protocol_is_ignored(port: int) -> None:
    lines = ["Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk"]
    for number, pause in enumerate((None, 0.05)):
        line = Line(port)
        whole = post(b'{"code":"TEST-CREDIT-1-h2c%d"}' % number, *lines)
        if pause:
            line.send(whole[:-9])
            time.sleep(pause)
            line.send(whole[-9:])
        else:
            line.send(whole + get("/org/billing"))
            assert line.answer()[0] == 200
        assert line.answer()[0] == 200
        line.send(get("/org/billing", "Connection: Upgrade, close", "Upgrade: websocket"))
        status, headers, _ = line.answer()
        assert (status, headers["connection"]) == (200, "close")


def test_trailers_are_no_headers(port: int) -> None:
    line = Line(port)
    body = b'{"code":"TEST-CREDIT-1-trailer"}'
    head = get("/org/vouchers/redeem", *CHUNKED, method="POST")
    rest = b"%x\r\n%b\r\n0\r\nContent-Type: text/plain\r\nPrefer: code=503\r\n\r\n" % (len(body), body)
    line.send(head + rest)
    assert line.answer()[0] == 200
    line.send(head.replace(b"chunked", b"chunked\r\nPrefer: delay=1") + rest)
    assert line.answer()[0] == 409


@pytest.mark.slow
def test_the_idle_timer_leaves_what_is_in_flight_alone(port: int, hasty: None) -> None:
    line = Line(port)
    line.send(get("/org/billing") + get("/org/billing?__delay=900"))
    assert [line.answer()[0] for _ in range(2)] == [200, 200]
    whole = post(b'{"code":"TEST-CREDIT-1-late"}')
    line.send(get("/org/billing") + whole[:-3])
    assert line.answer()[0] == 200
    time.sleep(0.7)
    line.send(whole[-3:])
    assert line.answer()[0] == 200
