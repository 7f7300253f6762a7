from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import typer
from orgbilling_stubs.cli import coverage
from typer.testing import CliRunner

FOUND = {
    "since": "2026-11-22T11:00:00Z",
    "percent": 50.0,
    "operations": [{"name": "getA", "met": 2}, {"name": "getB", "met": 0}],
    "statuses": [{"name": "getA 200", "met": 2}],
    "values": [],
    "scenarios": [{"name": "slow", "met": 0}],
}


class Stub(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append(("GET", self.path, self.headers["X-Control-Token"]))
        self.send_response(self.server.status)
        self.end_headers()
        self.wfile.write(self.server.body)

    def do_DELETE(self):
        self.server.asked.append(("DELETE", self.path, self.headers["X-Control-Token"]))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *message):
        pass


@pytest.fixture
def server():
    with HTTPServer(("127.0.0.1", 0), Stub) as server:
        server.asked, server.status, server.body = [], 200, json.dumps(FOUND).encode()
        server.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def run(server):
    app = typer.Typer()
    app.command()(coverage.coverage)
    return lambda *arguments: CliRunner().invoke(app, ["--url", server.url, *arguments])


def test_a_table_with_the_percentage(run, server):
    result = run()
    assert result.exit_code == 0
    assert "Coverage since 2026-11-22T11:00:00Z: 50.0 %" in result.output
    assert [line.split()[:4] for line in result.output.splitlines() if line.startswith("oper")] == [
        ["operations", "1", "2", "50"]
    ]
    assert server.asked == [("GET", "/_mock/v1/coverage", None)]


def test_what_is_missing(run):
    assert "operations not met: getB" in run("--missing").output


def test_json(run):
    assert json.loads(run("--json").output)["percent"] == 50.0


@pytest.mark.parametrize(("limit", "code"), [("50", 0), ("50.1", 1), ("0", 0), ("100", 1)])
def test_a_limit_fails_the_build(run, limit, code):
    result = run("--fail-under", limit)
    assert result.exit_code == code
    assert ("is under" in result.output) is bool(code)


@pytest.mark.parametrize("limit", ["nan", "-nan", "inf", "100.1", "half"])
def test_what_is_no_limit_is_refused(run, server, limit):
    result = run(f"--fail-under={limit}", "--reset")
    assert result.exit_code == 2
    assert "--fail-under" in result.output
    assert server.asked == []


def test_kinds_can_be_chosen(run):
    assert json.loads(run("--json", "--only", "statuses").output)["percent"] == 100.0
    assert json.loads(run("--json", "--only", "operations", "--only", "scenarios").output)["percent"] == 33.3
    assert run("--only", "nothing").exit_code == 2


def test_a_reset_comes_after_the_reading(run, server):
    assert run("--reset", "--token", "t").exit_code == 0
    assert server.asked == [("GET", "/_mock/v1/coverage", "t"), ("DELETE", "/_mock/v1/coverage", "t")]


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [
        (401, b"{}", "answers 401"),
        (200, b"no json", "not JSON"),
        (200, b"[]", "a coverage report"),
    ],
)
def test_what_is_no_stub_is_told_in_one_line(run, server, status, body, message):
    server.status, server.body = status, body
    result = run()
    assert result.exit_code == 2
    assert message in result.output
    assert result.output.count("\n") == 1


def test_nobody_there(run):
    result = run("--url", "http://127.0.0.1:1")
    assert result.exit_code == 2
    assert result.output.startswith("orgbilling: ")
    assert result.output.count("\n") == 1


def test_the_bar():
    assert coverage.bar(0).count("━") == coverage.bar(100).count("━") == 20


@pytest.mark.parametrize("path", ["", "/", "/api/v1", "/api/v1/", "/_mock/v1", "/_mock/"])
def test_the_url_may_be_that_of_one_of_the_apis(run, server, path):
    assert run("--url", server.url + path).exit_code == 0
    assert [asked[1] for asked in server.asked] == ["/_mock/v1/coverage"]
