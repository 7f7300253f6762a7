"""What the benchmarks have in common: servers in processes of their own, and load on them."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from load import KINDS, Load
from servers import ORGANIZATION

HERE = Path(__file__).parent
RAW = "raw ASGI"
"""The server that all others are compared with (see `servers`)."""
CONNECTIONS = 8
ORGANIZATIONS = {"redeem": f"{ORGANIZATION}_redeem"}


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def token(kind: str) -> str:
    """A session token; redemptions have an organization of their own, so that no ledger grows with them."""
    from orgbilling_stubs.auth import key_file
    from orgbilling_stubs.auth.tokens import ClerkSession, mint_token
    from orgbilling_stubs.tenants.clock import wall_ms

    return mint_token(
        key_file.load_signing_key(),
        ClerkSession(ORGANIZATIONS.get(kind, ORGANIZATION), ttl_s=6 * 3600),
        wall_ms(),
    )


def fetch(port: int, kind: str) -> Any:
    """The body of one answer; raises `OSError` while nobody listens."""
    data = b'{"code":"TEST-CREDIT-5-probe"}' if kind == "redeem" else None
    headers = {"Authorization": f"Bearer {token(kind)}", "Content-Type": "application/json"}
    asked = urllib.request.Request(f"http://127.0.0.1:{port}{KINDS[kind]}", data=data, headers=headers)
    with urllib.request.urlopen(asked, timeout=10) as answer:
        content = answer.read()
    return json.loads(content) if kind != "hello" else content


def wait_for(port: int, kind: str, process: subprocess.Popen[bytes]) -> None:
    """Return when the first 200 has come."""
    while True:
        try:
            fetch(port, kind)
            return
        except urllib.error.HTTPError:
            raise
        except OSError:
            if process.poll() is not None:
                sys.exit("a server did not start")
            time.sleep(0.005)


@contextmanager
def serving(name: str, bodies: Path) -> Iterator[tuple[int, int]]:
    """One of the servers: its port and process id."""
    port = free_port()
    command = [sys.executable, str(HERE / "servers.py"), name, str(port), str(bodies)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        wait_for(port, "hello" if name == RAW else "billing", process)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait(10)


@contextmanager
def running(arguments: list[str]) -> Iterator[tuple[int, int]]:
    """`orgbilling` with a command that serves the API: its port and process id."""
    port = free_port()
    command = [sys.executable, "-m", "orgbilling_stubs.cli", *arguments, "--port", str(port), "--quiet"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        wait_for(port, "billing", process)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait(30)


def resident_mb(pid: int) -> float:
    """Resident memory of a process."""
    shown = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=True)
    return int(shown.stdout) / 1024


def processes(pid: int) -> list[int]:
    """A process and all below it, where the system tells."""
    try:
        below = Path(f"/proc/{pid}/task/{pid}/children").read_text("utf-8").split()
    except OSError:
        return [pid]
    return [pid, *(each for child in below for each in processes(int(child)))]


def cpu_seconds(pid: int) -> float:
    """Processor time that a process and those below it have used; 0 where the system does not tell."""
    used = 0
    for each in processes(pid):
        try:
            fields = Path(f"/proc/{each}/stat").read_text("utf-8").rpartition(")")[2].split()
        except OSError:
            continue
        used += int(fields[11]) + int(fields[12])
    return used / os.sysconf("SC_CLK_TCK")


def generator() -> str:
    """What makes the load: wrk, where it is installed, or the generator beside this file."""
    return "wrk" if shutil.which("wrk") else "load.py"


def _command(port: int, kind: str, seconds: float, run: str, connections: int, pause_s: float) -> list[str]:
    """The command that makes the load and prints what it has measured in its last line."""
    if pause_s or generator() != "wrk":
        numbers = [str(port), kind, str(seconds), str(connections), token(kind), run, str(pause_s)]
        return [sys.executable, str(HERE / "load.py"), *numbers]
    options = [
        "--threads",
        "1",
        "--connections",
        str(connections),
        "--duration",
        f"{max(1, round(seconds))}s",
    ]
    address = f"http://127.0.0.1:{port}{KINDS[kind]}"
    arguments = [token(kind), *([run] if kind == "redeem" else [])]
    return ["wrk", *options, "--script", str(HERE / "load.lua"), address, "--", *arguments]


def load(
    port: int,
    pid: int,
    kind: str,
    seconds: float,
    run: str,
    connections: int = CONNECTIONS,
    pause_s: float = 0.0,
) -> tuple[Load, float]:
    """What load from another process measures, and the server's microseconds of processor for each answer."""
    before = cpu_seconds(pid)
    command = _command(port, kind, seconds, run, connections, pause_s)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{kind}: {done.stderr}")
    rate, answers, p50_ms, p99_ms, failed = map(float, done.stdout.splitlines()[-1].split())
    if failed:
        sys.exit(f"{kind}: {failed:,.0f} of {answers:,.0f} answers were no 200")
    used = cpu_seconds(pid) - before
    return Load(rate, int(answers), p50_ms, p99_ms), used / answers * 1e6
