"""`orgbilling serve` as a process: what it prints, how it answers, how it ends."""

from __future__ import annotations

import json
import logging
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from orgbilling_fixtures import personas
from orgbilling_stubs.auth import key_file
from orgbilling_stubs.auth.tokens import ClerkSession, mint_token
from orgbilling_stubs.cli.serve import _log_to_stderr
from orgbilling_stubs.tenants.clock import wall_ms

HTTP_REFERENCE = '{"openapi": "3.1.0", "paths": {"/x": {"$ref": "http://127.0.0.1:9/x"}}}'
COMMAND = [sys.executable, "-m", "orgbilling_stubs.cli"]


@contextmanager
def serving(
    *options: str, command: Sequence[str] = (*COMMAND, "serve", "--port", "0")
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    process = subprocess.Popen(
        [*command, *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"COLUMNS": "100"},
    )
    assert process.stdout is not None
    try:
        for line in process.stdout:
            found = re.search(r"(http://[^\s]+/api/v1)", line)
            if found:
                yield process, found[1]
                break
        else:
            pytest.fail("the server said nothing")
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def token(organization: str = "org_standard") -> dict[str, str]:
    session_token = mint_token(key_file.load_signing_key(), ClerkSession(organization), wall_ms())
    return {"Authorization": f"Bearer {session_token}"}


@pytest.mark.slow
def test_it_says_where_it_listens_and_who_is_there_and_ends_cleanly() -> None:
    with serving() as (process, base):
        assert httpx.get(f"{base}/org/billing", headers=token()).status_code == 200
        process.send_signal(signal.SIGINT)
        assert process.stdout is not None
        said = process.stdout.read()
        assert process.wait(timeout=20) == 0
    assert f"{len(personas.names())} personas: orgbilling personas" in said
    assert f"Console          {base.removesuffix('api/v1')}_mock/" in said
    assert f"curl -s {base}/org/billing" in said
    assert len(said.splitlines()) <= 13  # two lines were read before
    assert "Traceback" not in said


STUCK = """
import sys
from orgbilling_stubs.api import serializers
from orgbilling_stubs.cli.main import run
def profile(tenant):
    while True:
        pass
serializers.profile = profile
sys.argv = ["orgbilling", "serve", "--port", "0"]
run()
"""


@pytest.mark.slow
def test_a_request_without_end_does_not_keep_the_server() -> None:
    with serving(command=[sys.executable, "-c", STUCK]) as (process, base):
        with pytest.raises(httpx.ReadTimeout):
            httpx.get(f"{base}/org/billing", headers=token(), timeout=1)
        process.send_signal(signal.SIGTERM)
        start = time.monotonic()
        process.wait(timeout=20)
        assert time.monotonic() - start < 8


@pytest.mark.slow
@pytest.mark.parametrize("document", ["{", "x: &x [*x]", HTTP_REFERENCE])
def test_a_published_document_that_cannot_be_served_is_one_clear_line(tmp_path: Path, document: str) -> None:
    published = tmp_path / "published.json"
    published.write_text(document)
    command = [*COMMAND, "serve", "--port", "0", "--published", str(published)]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 2
    assert result.stderr.startswith(f"orgbilling: --published: {published}")
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.slow
def test_a_taken_port_is_one_clear_line() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = subprocess.run([*COMMAND, "serve", "--port", str(port)], capture_output=True, text=True)
    assert result.returncode == 2
    assert (
        result.stderr
        == f"orgbilling: port {port} is taken; choose another with --port, or --port 0 for a free one\n"
    )


@pytest.mark.slow
def test_localhost_is_served_at_both_loopback_addresses() -> None:
    with serving("--quiet") as (_, base):
        port = httpx.URL(base).port
        for host in ("127.0.0.1", "[::1]", "localhost"):
            assert httpx.get(f"http://{host}:{port}/healthz").status_code == 200


@pytest.mark.slow
def test_a_port_that_is_taken_at_one_loopback_address_is_one_clear_line() -> None:
    with socket.socket(socket.AF_INET6) as taken:
        taken.bind(("::1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = subprocess.run([*COMMAND, "serve", "--port", str(port)], capture_output=True, text=True)
    assert result.returncode == 2
    assert result.stderr.startswith(f"orgbilling: port {port} is taken on ::1; ")


@pytest.mark.slow
def test_a_shell_that_allows_few_open_files_does_not_bound_the_connections() -> None:
    command = " ".join([*COMMAND, "serve", "--port", "0"])
    with serving(command=["sh", "-c", f"ulimit -Sn 100; exec {command}"]) as (_, base):
        url = httpx.URL(base)
        connections = [socket.create_connection((url.host, url.port)) for _ in range(200)]
        try:
            assert httpx.get(f"{base}/org/billing", headers=token()).status_code == 200
        finally:
            for connection in connections:
                connection.close()


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        ["--clock", "tomorrow"],
        ["--persona", "nobody"],
        ["--db", "mysql://x"],
        ["--host", "0.0.0.0"],
        ["--host", "203.0.113.1"],
    ],
)
def test_what_cannot_be_served_is_one_clear_line(options: list[str]) -> None:
    result = subprocess.run([*COMMAND, "serve", "--port", "0", *options], capture_output=True, text=True)
    assert result.returncode == 2
    assert len(result.stderr.splitlines()) == 1
    assert result.stderr.startswith("orgbilling: ")


@pytest.mark.slow
def test_a_seed_that_no_bundle_could_hold_is_refused() -> None:
    result = subprocess.run(
        [*COMMAND, "serve", "--port", "0", "--seed", "-1"], capture_output=True, text=True
    )
    assert result.returncode == 2
    assert "--seed" in result.stderr


@pytest.mark.slow
def test_kill_loses_no_redemption_and_doubles_none(tmp_path: Path) -> None:
    """kill -9 in the middle of a thousand redemptions: what was answered 200 is there, once."""
    database = f"sqlite:///{tmp_path}/world.db"
    options = ("--db", database, "--clock", "2026-03-10T12:00:00Z")
    answered = []
    for round_number in range(4):
        with serving(*options) as (process, base), httpx.Client(headers=token()) as client:
            try:
                for number in range(250):
                    code = f"TEST-CREDIT-1-{round_number}-{number}"
                    if client.post(f"{base}/org/vouchers/redeem", json={"code": code}).status_code == 200:
                        answered.append(code)
                    if number == 200 + round_number:
                        process.send_signal(signal.SIGKILL)
            except httpx.TransportError:
                pass
    with serving(*options) as (_, base):
        rows = httpx.get(f"{base}/org/ledger?days=1", headers=token()).json()
        posted = [
            row["description"].removeprefix("Voucher ") for row in rows if row["entryType"] == "voucher"
        ]
        assert len(answered) > 800
        assert set(answered) <= set(posted)
        assert len(posted) == len(set(posted))
        again = httpx.post(f"{base}/org/vouchers/redeem", json={"code": answered[0]}, headers=token())
        assert again.status_code == 409


@pytest.fixture
def root_logger() -> Iterator[logging.Logger]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield root
    root.handlers, root.level = handlers, level


@pytest.mark.usefixtures("root_logger")
def test_a_token_never_reaches_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    _log_to_stderr()
    log = logging.getLogger("orgbilling")
    log.info("quiet")
    try:
        raise ValueError("Bearer eyJhbGciOi.eyJzdWIi.c2ln")
    except ValueError:
        log.exception("crashed with eyJhbGciOi.eyJzdWIi.c2ln")
    printed = capsys.readouterr().err
    assert "crashed with [redacted]" in printed
    assert "Traceback" in printed
    assert "eyJ" not in printed
    assert "quiet" not in printed


@pytest.mark.slow
def test_each_request_is_a_line_of_json_without_its_token() -> None:
    with serving("--log", "json", "--scenario", "stripe_down") as (process, base):
        headers = token()
        httpx.get(f"{base}/org/ledger?days=7&x=%0Asplit", headers=headers)
        httpx.post(f"{base}/org/billing/checkout", headers=headers, json={"amount": 500, "currency": "usd"})
        process.send_signal(signal.SIGINT)
        assert process.stdout is not None
        said = process.stdout.read()
    lines = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    assert [(line["method"], line["status"], line["organization"]) for line in lines] == [
        ("GET", 200, "org_standard"),
        ("POST", 502, "org_standard"),
    ]
    assert lines[0]["path"] == "/api/v1/org/ledger?days=7&x=%0Asplit"
    assert headers["Authorization"].split()[1] not in said


@pytest.mark.slow
def test_a_log_of_json_has_standard_output_for_itself_and_the_banner_names_the_public_address() -> None:
    options = ["--log", "json", "--public-url", "https://billing.example/stub"]
    command = [*COMMAND, "serve", "--port", "0", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        banner = next(line for line in process.stderr if "Org Billing API" in line)
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=30)[0] == ""
    assert "https://billing.example/stub/api/v1" in banner


@pytest.mark.slow
def test_an_unknown_scenario_is_one_clear_line() -> None:
    command = [*COMMAND, "serve", "--port", "0", "--scenario", "low_balanc"]
    result = subprocess.run(command, capture_output=True, text=True)
    expected = "orgbilling: --scenario: 'low_balanc' is not a scenario; did you mean \"low-balance\"?\n"
    assert (result.returncode, result.stderr) == (2, expected)


@pytest.mark.slow
def test_without_a_terminal_no_request_is_logged() -> None:
    with serving() as (process, base):
        httpx.get(f"{base}/org/billing", headers=token())
        process.send_signal(signal.SIGINT)
        assert process.stdout is not None
        assert " /api/v1/org/billing 200" not in process.stdout.read()
