from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from orgbilling_conformance import UsageError, conform
from orgbilling_conformance.replay import BEHIND
from orgbilling_conformance.rules.registry import RULES


def change_response(path: str, status: int, headers: dict[str, str], body: Any) -> Any:
    if path == "/org/usage-summary" and status == 200:
        body["totalTokens"] += 1
    if path == "/org/billing" and status == 200:
        body["currency"] = 5
    return status, headers, body


def test_what_failed_is_repeated_and_nothing_else(
    mutated_app: Callable[..., Any], stub: Any, token: Callable[..., str], tmp_path: Path
) -> None:
    first = conform(mutated_app(change_response), token=token(), quick=True)
    path = tmp_path / "report.json"
    path.write_text(json.dumps(first.to_json()))
    app = mutated_app(change_response)
    again = conform(app, token=token(), replay=path)
    assert {finding.key for finding in again.findings} == {finding.key for finding in first.findings}
    assert again.head["requests"] < first.head["requests"]
    assert again.head["mode"] == "replay"
    mended = conform(stub, token=token(), replay=path)
    assert (mended.verdict, mended.findings) == ("conforms", ())


def test_what_is_not_allowed_is_not_repeated(stub: Any, token: Callable[..., str], tmp_path: Path) -> None:
    sent = {"method": "POST", "path": "/org/vouchers/redeem", "query": "", "auth": "first", "headers": []}
    finding = {"rule": "body-schema", "exchanges": [{**sent, "body": None, "purpose": ""}]}
    path = tmp_path / "report.json"
    path.write_text(json.dumps({"findings": [finding]}))
    report = conform(stub, token=token(), replay=path)
    assert report.exit_status == 3
    assert "not allowed: POST /org/vouchers/redeem" in report.notes[0]


def test_what_needs_a_token_that_is_not_given_is_not_repeated(
    stub: Any, token: Callable[..., str], tmp_path: Path
) -> None:
    sent = {"method": "GET", "path": "/org/billing", "query": "", "headers": [], "body": None, "purpose": ""}
    kinds = ("expired", "pending-session", "second", "alg-hs256-pem")
    findings = [{"rule": "token-bad", "exchanges": [{**sent, "auth": kind}]} for kind in kinds]
    path = tmp_path / "report.json"
    path.write_text(json.dumps({"findings": findings}))
    report = conform(stub, token=token(), replay=path)
    not_repeated = [note for note in report.notes if note.startswith("not repeated")]
    assert [kind for kind in kinds if f"({kind})" not in " ".join(not_repeated)] == ["alg-hs256-pem"]
    assert report.head["requests"] == 2  # the public key, and the token made of it
    assert "not given (alg-hs256-pem)" in " ".join(
        conform(stub, token=token(), replay=path, documents=False).notes
    )


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"findings": 5}', '{"findings": [{"rule": "json", "exchanges": [{}]}]}']
)
def test_what_is_no_report(stub: Any, token: Callable[..., str], tmp_path: Path, text: str) -> None:
    (tmp_path / "r.json").write_text(text)
    with pytest.raises(UsageError, match="--replay"):
        conform(stub, token=token(), replay=tmp_path / "r.json")
    with pytest.raises(UsageError, match="no such file"):
        conform(stub, token=token(), replay=tmp_path / "none.json")


def test_every_scenario_behind_a_rule_is_known() -> None:
    assert BEHIND.keys() <= {rule.id for rule in RULES.values() if rule.kind == "scenario"}


@contextmanager
def careless() -> Iterator[tuple[str, list[str]]]:
    """A server that, as many small ones do, reads no bodies; its address, and the lines that it was asked."""
    lines: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            lines.append(f"{self.command} {self.path}")
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: Any) -> None: ...

    for method in ("GET", "POST", "DELETE"):
        setattr(Handler, f"do_{method}", Handler.answer)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", lines
    server.shutdown()
    thread.join()
    server.server_close()


EVIL = "DELETE /evil HTTP/1.1\r\nHost: a\r\n\r\n"
GET = {"method": "GET", "path": "/org/billing", "query": "", "auth": "first", "headers": [], "body": None}
DOCTORED: dict[str, dict[str, Any]] = {
    "a body of a GET": {"body": EVIL},
    "a length of its own": {"body": EVIL, "headers": [["Content-Length", "0"]]},
    "chunks": {"body": EVIL, "headers": [["Content-Length", "0"], ["Transfer-Encoding", "chunked"]]},
    "another host": {"headers": [["Host", "127.0.0.1:1"]]},
    "another method": {"headers": [["X-HTTP-Method-Override", "DELETE"]]},
    "another method in the query": {"query": "_method=DELETE"},
    "two lines of a header": {"headers": [["Accept", "b\r\n\r\n" + EVIL]]},
    "a header that is no text": {"headers": [["Accept", "\ud800"]]},
    "a query that ends the line": {"query": f"x=1 HTTP/1.1\r\nHost: a\r\n\r\n{EVIL}"},
    "a query that is no text": {"query": "\ud800"},
    "a path that ends the line": {"path": "/org/billing HTTP/1.1\r\nX: y\r\n\r\nDELETE /x"},
    "another authority": {"path": "@127.0.0.1:1/evil"},
    "a token of no known kind": {"auth": "mine"},
}


def doctored(path: Path, *changes: dict[str, Any]) -> Path:
    rows = []
    for change in changes:
        row = GET | {"purpose": ""} | change
        rows.append(row | {"body": row["body"] and base64.b64encode(row["body"].encode()).decode()})
    path.write_text(json.dumps({"findings": [{"rule": "json", "exchanges": [row]} for row in rows]}))
    return path


@pytest.mark.parametrize("name", DOCTORED)
def test_a_doctored_report_gets_nothing_onto_the_wire(
    token: Callable[..., str], tmp_path: Path, name: str
) -> None:
    path = doctored(tmp_path / "report.json", DOCTORED[name])
    with careless() as (url, lines):
        report = conform(url=url, token=token(), replay=path)
    assert (lines, report.exit_status, report.head["requests"]) == ([], 3, 0)
    [note] = report.notes
    assert note.startswith("not repeated, for ")
    assert note.isprintable()
    json.dumps(report.to_json(), ensure_ascii=False).encode()


def test_a_body_that_is_not_read_is_no_second_request(token: Callable[..., str], tmp_path: Path) -> None:
    redeem = {"method": "POST", "path": "/org/vouchers/redeem", "body": EVIL}
    path = doctored(tmp_path / "report.json", redeem, {})
    with careless() as (url, lines):
        conform(url=url, token=token(), replay=path, allow_write=["redeem"], voucher="A")
    assert lines == ["POST /api/v1/org/vouchers/redeem", "GET /api/v1/org/billing"]


def test_an_expired_token_that_is_not_expired_is_not_repeated(
    stub: Any, token: Callable[..., str], tmp_path: Path
) -> None:
    path = doctored(tmp_path / "report.json", {"auth": "expired"})
    report = conform(stub, token=token(), replay=path, expired_token=token())
    assert "--expired-token has not been expired for a minute" in report.notes[0]
