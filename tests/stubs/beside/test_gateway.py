from __future__ import annotations

import gzip
import json
import socket
import threading

import httpx
import pytest
from orgbilling_stubs.beside.direct_connections import DirectConnections
from orgbilling_stubs.beside.errors import TABLE
from orgbilling_stubs.beside.settings import BesideMode

BILLING, LEDGER, PORTAL = "/api/v1/org/billing", "/api/v1/org/ledger", "/api/v1/org/billing/portal"
JSON = (b"content-type", b"application/json")
PAGE = "http://localhost:3000"


def detail(code):
    return next(row.detail for row in TABLE if row.code == code)


def test_an_answer_passes_unchanged(pair, real):
    content = gzip.compress(b'{"one": 1}')
    length = (b"content-length", b"%d" % len(content))
    coding, tag = (b"content-encoding", b"gzip"), (b"etag", b'W/"1"')
    real.answers(200, [JSON, coding, tag, length], (content,))
    with httpx.stream(
        "GET", f"{pair.url}{BILLING}?days=%41&x=", headers={"Authorization": "Bearer t"}
    ) as answer:
        assert b"".join(answer.iter_raw()) == content
    assert answer.headers["etag"] == 'W/"1"'
    assert answer.headers["x-answered-by"] == "real"
    assert real.asked[-1][:2] == ("GET", f"{BILLING}?days=%41&x=")
    assert real.headers()["authorization"] == "Bearer t"
    assert real.headers()["host"] not in pair.url
    assert real.headers()["via"] == "1.1 orgbilling"


def test_a_condition_and_its_304_pass(pair, real):
    real.answers(304, [(b"etag", b'"1"')], (b"",))
    answer = pair.get(BILLING, headers={"If-None-Match": '"1"'})
    assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", '"1"')
    assert real.headers()["if-none-match"] == '"1"'


def test_a_head_has_the_headers_alone(pair, real):
    real.answers(200, [JSON, (b"content-length", b"2")], (b"{}",))
    answer = pair.ask("HEAD", BILLING)
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-length"] == "2"


def test_a_page_of_this_machine_may_read_it_and_keep_its_cookie(pair, real):
    cookie = (b"set-cookie", b"a=1; Domain=api.example.com; Secure; SameSite=None")
    real.answers(200, [JSON, cookie, (b"access-control-allow-origin", b"https://app.example.com")])
    answer = pair.get(BILLING, headers={"Origin": PAGE})
    assert answer.headers["access-control-allow-origin"] == PAGE
    assert answer.headers["set-cookie"] == "a=1"
    preflight = {"Origin": PAGE, "Access-Control-Request-Method": "DELETE"}
    for path in (BILLING, "/api/v1/characters/7"):
        asked = pair.ask("OPTIONS", path, headers=preflight)
        assert (asked.status_code, asked.headers["access-control-allow-origin"]) == (204, PAGE)
    assert len(real.asked) == 1


@pytest.mark.parametrize("path", [LEDGER, "/api/v1/characters/7/stream"])
def test_a_stream_arrives_before_its_end(pair, real, path):
    gate = threading.Event()
    real.answers(200, [(b"content-type", b"text/event-stream")], (b"data: 1\n\n", b"data: 2\n\n"), gate)
    with httpx.stream("GET", f"{pair.url}{path}", timeout=60) as answer:
        pieces = answer.iter_raw()
        first = next(pieces)
        gate.set()
        assert first + b"".join(pieces) == b"data: 1\n\ndata: 2\n\n"


@pytest.mark.slow
def test_a_long_download_passes_and_is_not_judged(pair, real):
    real.answers(200, [JSON], (b"x" * 1_000_000,) * 20)
    assert len(pair.get(LEDGER).content) == 20_000_000
    assert pair.findings() == set()
    assert any("the body was not recorded" in note for note in pair.app.real_api.report().notes)
    [exchange] = pair.journal()
    assert (exchange["answeredBy"], exchange["status"]) == ("real", 200)


@pytest.mark.slow
def test_an_answer_that_is_long_once_decoded_passes_and_is_not_judged(pair, real):
    content = gzip.compress(b" " * (40 << 20), 1)
    real.answers(200, [JSON, (b"content-encoding", b"gzip")], (content,))
    with httpx.stream("GET", f"{pair.url}{LEDGER}", timeout=60) as answer:
        assert b"".join(answer.iter_raw()) == content
    assert pair.findings() == set()
    assert any("(more than 32 MiB)" in note for note in pair.app.real_api.report().notes)


@pytest.mark.slow
def test_an_answer_that_is_not_in_its_coding_passes_and_is_found(pair, real):
    for coding in (b"gzip", b"br", b"zstd", b"deflate"):
        real.answers(200, [JSON, (b"content-encoding", coding)], (b"\xff\x01{}",))
        with httpx.stream("GET", f"{pair.url}{LEDGER}", timeout=60) as answer:
            assert b"".join(answer.iter_raw()) == b"\xff\x01{}"
    assert pair.findings() == {("answer", "getOrgLedger", "status")}


def test_a_client_that_leaves_ends_the_real_apis_answer(pair, real):
    gate = threading.Event()
    real.answers(200, [JSON], (b"[", b"]"), gate)
    with httpx.stream("GET", f"{pair.url}{LEDGER}", timeout=60) as answer:
        next(answer.iter_raw())
    assert pair.findings() == set()
    gate.set()


def test_an_answer_that_ends_early_is_cut_for_the_client(pair, real):
    real.answers(200, [JSON], (b'[{"one": 1}', b"]"), cut=True)
    with pytest.raises(httpx.RemoteProtocolError):
        pair.get(LEDGER)
    assert pair.findings() == set()


@pytest.mark.parametrize("path", [BILLING, "/api/v1/characters"])
def test_who_cannot_be_reached_is_a_problem_of_ours(beside, path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with beside(f"http://127.0.0.1:{port}") as pair:
        answer = pair.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (502, "application/problem+json")
    assert (
        answer.json()["detail"]
        == f"{detail('upstream_unreachable')}: connection refused: nothing listens there"
    )
    assert "x-answered-by" not in answer.headers


def test_who_does_not_answer_in_time_is_a_504(real, beside, serving):
    real.awaited = threading.Event()
    with serving(real) as url, beside(url, timeout_s=0.2) as pair:
        answer = pair.get(BILLING)
        assert (answer.status_code, answer.json()["detail"]) == (504, detail("upstream_timeout"))
        assert pair.journal()[0]["error"] == "upstream_timeout"
        assert ("answer", "getOrgBilling", "status") in pair.findings()
        real.awaited.set()


def test_what_is_no_http_is_a_502(beside):
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def talk():
            for _ in range(2):
                connection, _ = listener.accept()
                with connection:
                    connection.recv(65536)
                    connection.sendall(b"SSH-2.0-OpenSSH_9.7\r\n")

        threading.Thread(target=talk, daemon=True).start()
        with beside(f"http://127.0.0.1:{listener.getsockname()[1]}") as pair:
            answer = pair.get(BILLING)
    assert answer.status_code == 502
    assert answer.json()["detail"].startswith(detail("upstream_broken"))


def test_more_than_the_pool_holds_is_a_503(pair, real, monkeypatch):
    async def full(*_, **__):
        raise httpx.PoolTimeout("")

    monkeypatch.setattr(DirectConnections, "send", full)
    answer = pair.get(BILLING)
    assert (answer.status_code, answer.json()["detail"]) == (503, detail("upstream_busy"))


@pytest.mark.parametrize("path", [PORTAL, "/api/v1/characters"])
def test_a_write_does_not_reach_the_real_api_unless_it_was_named(pair, real, path):
    answer = pair.ask("POST", path, json={})
    assert (answer.status_code, answer.json()["detail"]) == (403, detail("write_not_allowed"))
    assert real.asked == []


@pytest.mark.slow_beyond(1)
@pytest.mark.parametrize("path", [BILLING, "/api/v1/characters"])
@pytest.mark.parametrize(
    "override", [{"headers": {"X-HTTP-Method-Override": "DELETE"}}, {"params": {"_method": "delete"}}]
)
def test_a_read_that_may_be_taken_for_a_write_does_not_reach_it(pair, real, path, override):
    answer = pair.get(path, **override)
    assert (answer.status_code, answer.json()["detail"]) == (403, detail("method_overridden"))
    assert real.asked == []


def test_a_read_is_sent_without_a_body(pair, real):
    pair.ask("GET", BILLING, content=b"GET /evil HTTP/1.1\r\n\r\n")
    assert real.asked[-1][3] == b""
    assert "content-length" not in real.headers()


def test_a_write_that_was_named_passes_with_its_body(real, beside, serving):
    names = ("portal", "redeem", "POST /characters")
    with serving(real) as url, beside(url, allow_write=names, host_confirmed=None) as pair:
        for path in (PORTAL, "/api/v1/characters"):
            body = json.dumps({"name": path}).encode()
            assert pair.ask(
                "POST", path, content=body, headers={"Content-Type": "application/json"}
            ).is_success
            assert real.asked[-1][0] == "POST"
            assert real.asked[-1][3] == body

        def pieces():
            yield b'{"code":'
            yield b'"A"}'

        assert pair.ask("POST", "/api/v1/org/vouchers/redeem", content=pieces()).is_success
        assert real.asked[-1][3] == b'{"code":"A"}'
        foreign = {"Origin": "https://evil.example"}
        for path in (PORTAL, "/api/v1/characters"):
            assert pair.ask("POST", path, json={}, headers=foreign).status_code == 403
        assert len(real.asked) == 3


def test_a_path_with_dots_does_not_reach_it(pair, real):
    with socket.create_connection(("127.0.0.1", int(pair.url.rpartition(":")[2]))) as client:
        client.sendall(b"GET /api/v1/%2e%2e/admin HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert client.makefile("rb").readline().split()[1] == b"404"
    assert real.asked == []


def test_another_host_name_is_refused_everywhere(pair, real):
    for path in (BILLING, "/api/v1/characters"):
        assert pair.get(path, headers={"Host": "evil.example"}).status_code == 421
    assert real.asked == []


def test_a_fault_rule_takes_effect_on_the_real_apis_answer(pair, real):
    real.answers(200, [JSON], (b'[{"one":', b" 1}]"))
    rule = {"operations": ["getOrgLedger"], "effect": {"truncateBytes": 4}}
    assert pair.ask("POST", "/_mock/v1/faults", json=rule).is_success
    with pytest.raises(httpx.RemoteProtocolError):
        pair.get(LEDGER)
    assert pair.ask("DELETE", "/_mock/v1/faults").is_success
    assert pair.get(LEDGER).json() == [{"one": 1}]


def test_a_token_for_the_real_api_takes_the_place_of_the_clients(real, beside, serving):
    with serving(real) as url, beside(url, token="theirs") as pair:
        pair.get(BILLING, headers={"Authorization": "Bearer mine", "Cookie": "__session=mine"})
        assert real.headers()["authorization"] == "Bearer theirs"
        assert "cookie" not in real.headers()


def test_cookies_of_one_client_are_not_sent_for_another(pair, real):
    real.answers(200, [JSON, (b"set-cookie", b"secret=1; Path=/")])
    pair.get(BILLING)
    pair.get(BILLING)
    assert "cookie" not in real.headers()


def test_in_hybrid_mode_each_answers_its_own(independent, beside, serving):
    token = independent.session_tokens.token("org_acme")
    headers = {"Authorization": f"Bearer {token}"}
    with serving(independent.huma.app()) as url:
        options = {
            "real": ("getOrgLedger", "/characters/*", "/org/events"),
            "allow_write": ("POST /characters/*",),
        }
        with beside(url, BesideMode.HYBRID, **options) as pair:
            ledger, billing = pair.get(LEDGER, headers=headers), pair.get(BILLING, headers=headers)
            assert ledger.headers["x-answered-by"] == "real"
            assert "consumption" in ledger.text
            assert "x-answered-by" not in billing.headers
            assert billing.json()["tenantId"] != ledger.json()[0]["tenantId"]
            assert pair.get("/api/v1/org/events", headers=headers).headers["x-answered-by"] == "real"
            assert pair.get("/api/v1/characters/7", headers=headers).headers["x-answered-by"] == "real"
            assert pair.get("/api/v1/voices").status_code == 404
            answered = {row["operation"]: row["answeredBy"] for row in pair.journal()}
            assert answered == {
                "getOrgLedger": "real",
                "getOrgBilling": "stub",
                "getOrgContextEngineEvents": "real",
            }


def test_the_documents_of_the_stub_stay_its_own(pair, real):
    for path in ("/api/v1/openapi.json", "/api/v1/schemas/ErrorModel.json", "/healthz", "/_mock/v1/journal"):
        assert pair.get(path).is_success
    assert real.asked == []
