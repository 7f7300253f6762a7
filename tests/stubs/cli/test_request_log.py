from __future__ import annotations

import io
import json
from typing import Any

import pytest
from orgbilling_stubs.cli.request_log import (
    LogFormat,
    RequestLog,
    RequestLogMiddleware,
    json_line,
    members,
    text_line,
)
from orgbilling_stubs.journal.exchange import Exchange, RecordedError

TRACE = "7b6985a6053b62710000000000000002"
EXCHANGE = Exchange(
    trace=TRACE,
    began_ns=1_773_144_000_817_000_000,
    took_ns=1_234_567,
    organization="org_a",
    operation="getOrgLedger",
    method="GET",
    path="/api/v1/org/ledger",
    query=b"days=7",
    request_headers=[],
    credentials="bearer",
    principal=None,
    request_body=b"",
    status=404,
    response_headers=[],
    response_body=b"",
    response_size=0,
    error=RecordedError("contract_none", "no enterprise contract"),
    version_before=0,
    version_after=0,
    generation=0,
    now_ms=0,
    fault=None,
    answered_by="stub",
    held_bytes=0,
)


def test_a_line_of_text_says_what_was_asked_and_answered() -> None:
    assert text_line(members(EXCHANGE)) == (
        f"12:00:00.817 GET /api/v1/org/ledger?days=7 404 contract_none org_a 1.2 ms {TRACE}"
    )
    plain = EXCHANGE._replace(status=0, error=None, organization="", query=b"")
    assert text_line(members(plain)) == f"12:00:00.817 GET /api/v1/org/ledger --- 1.2 ms {TRACE}"


def test_a_line_of_json_has_the_same() -> None:
    row = json.loads(json_line(members(EXCHANGE)))
    assert row == {
        "time": "2026-03-10T12:00:00.817Z",
        "method": "GET",
        "path": "/api/v1/org/ledger?days=7",
        "operation": "getOrgLedger",
        "status": 404,
        "error": "contract_none",
        "fault": None,
        "organization": "org_a",
        "milliseconds": 1.234,
        "trace": TRACE,
    }


def test_what_a_client_sends_cannot_end_a_line_or_reach_the_terminal() -> None:
    hostile = EXCHANGE._replace(path="/a\n\x1b[31mb\u2028\u202e", query="é\r".encode())
    for line in (text_line(members(hostile)), json_line(members(hostile))):
        assert line.splitlines() == [line]
        assert all(letter.isprintable() for letter in line)
    assert json.loads(json_line(members(hostile)))["path"].startswith("/a\n\x1b[31mb")


def test_a_stream_gets_a_line_for_each_exchange() -> None:
    stream = io.StringIO()
    RequestLog(stream, LogFormat.TEXT, colored=True)(EXCHANGE)
    RequestLog(stream, LogFormat.JSON, colored=True)(EXCHANGE)
    colored, plain = stream.getvalue().splitlines()
    assert colored == f"\x1b[33m{text_line(members(EXCHANGE))}\x1b[0m"
    assert plain == json_line(members(EXCHANGE))


def test_a_reader_that_has_left_disturbs_no_request() -> None:
    stream = io.StringIO()
    stream.close()
    RequestLog(stream, LogFormat.TEXT)(EXCHANGE)


def lines(dashboard: Any, *requests: tuple[str, str, str | None]) -> list[dict[str, Any]]:
    """What a log as JSON says of requests: method, path, organization."""
    stream = io.StringIO()
    log = RequestLog(stream, LogFormat.JSON)
    dashboard.app.journal.follow(log)
    asgi = dashboard.app.asgi
    try:
        object.__setattr__(dashboard.app, "asgi", RequestLogMiddleware(asgi, log))
        for method, path, organization in requests:
            dashboard(method, path, organization)
    finally:
        object.__setattr__(dashboard.app, "asgi", asgi)
        dashboard.app.journal.followers.remove(log)
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_each_request_is_one_line_also_where_there_is_no_operation(dashboard: Any) -> None:
    rows = lines(
        dashboard,
        ("GET", "/org/billing", "org_logged"),
        ("GET", "/nothing?token=eyJhbGciOi.eyJzdWIi.c2ln", None),
        ("POST", "/org/billing", None),
        ("GET", "/_mock/v1/organizations/org_logged", None),
        ("POST", "/_mock/v1/organizations/org_logged/reset", None),
        ("GET", "/_mock/checkout/org_logged/cs_test_none", None),
        ("GET", "/_mock/nothing", None),
    )
    assert [(row["method"], row["path"], row["status"], row["error"]) for row in rows] == [
        ("GET", "/api/v1/org/billing", 200, None),
        ("GET", "/api/v1/nothing?token=[redacted]", 404, "no operation at this path"),
        ("POST", "/api/v1/org/billing", 405, "the path exists, the method does not: see Allow"),
        ("GET", "/_mock/v1/organizations/org_logged", 200, None),
        ("POST", "/_mock/v1/organizations/org_logged/reset", 200, None),
        ("GET", "/_mock/checkout/org_logged/cs_test_none", 404, None),
        ("GET", "/_mock/nothing", 404, "no operation at this path"),
    ]
    assert [row["organization"] for row in rows] == [
        "org_logged", None, None, "org_logged", "org_logged", "org_logged", None
    ]  # fmt: skip
    assert all(row["trace"] for row in rows[:5])


@pytest.mark.slow
def test_pages_that_are_read_are_not_the_business_of_the_client(dashboard: Any) -> None:
    pages = ("/_mock/", "/_mock/requests", "/_mock/docs", "/docs", "/openapi.json")
    assert lines(dashboard, *(("GET", path, None) for path in pages)) == []
