"""`orgbilling serve --workers`: processes on one port and one database."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.stubs.cli.test_serve import COMMAND, serving, token

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system: --workers says so"),
]
PATIENCE_S = 60.0


def workers_of(process: subprocess.Popen[str]) -> set[int]:
    command = ["ps", "-o", "pid=", "--ppid", str(process.pid)]
    return {int(pid) for pid in subprocess.run(command, capture_output=True, text=True).stdout.split()}


def eventually(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return False


def is_gone(pid: int) -> bool:
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True).stdout
    return not state.strip() or state.startswith("Z")


@pytest.fixture(params=["sqlite", "postgres"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgres":
        return str(request.getfixturevalue("postgres_address"))
    return f"sqlite:///{tmp_path}/a.db"


def answering_workers(base: str) -> set[str]:
    """The beginnings of the trace ids of some answers: each worker has its own."""
    traces = set()
    for _ in range(30):
        answer = httpx.get(f"{base}/org/billing", headers=token(), timeout=30)
        assert answer.status_code == 200
        traces.add(answer.headers["x-trace-id"][:16])
    return traces


def test_workers_share_port_and_world_and_the_dead_are_replaced(address: str) -> None:
    with serving("--db", address, "--workers", "2", "--quiet") as (process, base):
        assert eventually(lambda: len(answering_workers(base)) == 2)
        headers = token()
        codes = [
            httpx.post(
                f"{base}/org/vouchers/redeem", json={"code": "TEST-CREDIT-5-x"}, headers=headers, timeout=30
            ).status_code
            for _ in range(6)
        ]
        assert codes == [200] + [409] * 5
        before = workers_of(process)
        victim = max(before)
        os.kill(victim, signal.SIGKILL)
        assert eventually(lambda: victim not in workers_of(process) and len(workers_of(process)) == 2)
        assert eventually(lambda: len(answering_workers(base)) == 2)
        workers = workers_of(process)
        process.send_signal(signal.SIGTERM)
        said = process.stdout.read() if process.stdout else ""
        assert process.wait(PATIENCE_S) == 0
    assert "was ended by signal 9: another one takes its place" in said
    assert all(is_gone(pid) for pid in workers)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_no_worker_is_left_behind_when_the_parent_goes(number: signal.Signals, tmp_path: Path) -> None:
    with serving("--db", f"sqlite:///{tmp_path}/a.db", "--workers", "2", "--quiet") as (process, base):
        assert eventually(lambda: len(answering_workers(base)) == 2)
        workers = workers_of(process)
        process.send_signal(number)
        process.wait(PATIENCE_S)
        assert eventually(lambda: all(is_gone(pid) for pid in workers))


def test_what_cannot_be_served_is_said_once(tmp_path: Path) -> None:
    (tmp_path / "a.db").write_text("a letter to a friend" * 999)
    command = [*COMMAND, "serve", "--port", "0", "--workers", "3", "--db", f"sqlite:///{tmp_path}/a.db"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S)
    assert ended.returncode == 2
    assert ended.stderr.count("\n") == 1
    assert "not a database" in ended.stderr


def test_the_live_list_shows_requests_whichever_worker_answers(address: str) -> None:
    with serving("--db", address, "--workers", "2", "--quiet") as (_, base):
        control = f"{base.removesuffix('/api/v1')}/_mock"
        assert eventually(lambda: len(answering_workers(base)) == 2)
        headers, timeout = token("org_live"), httpx.Timeout(PATIENCE_S)
        query = {"organization": "org_live", "intervalMs": 100}
        with httpx.stream("GET", f"{control}/stream", params=query, timeout=timeout) as stream:
            lines = stream.iter_lines()
            assert next(lines).startswith(":")
            asked = [
                httpx.get(f"{base}/org/billing", headers=headers, timeout=timeout).headers["x-trace-id"]
                for _ in range(12)
            ]
            told = 0
            while told < len(asked):
                found = re.search(r'"count":(\d+)', next(lines))
                told += int(found[1]) if found else 0
                if found:
                    # What was told of is in the page, whichever worker it is asked of.
                    newest = json.loads(found.string.removeprefix("data: "))["newest"]
                    for _ in range(4):
                        page = httpx.get(f"{control}/requests?org=org_live", timeout=timeout).text
                        assert newest in page
        assert len({trace[:16] for trace in asked}) == 2
        listed = httpx.get(f"{control}/v1/journal?organization=org_live", timeout=timeout).json()
        assert [row["trace"] for row in listed["exchanges"]] == asked[::-1]
