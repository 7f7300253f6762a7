"""What the benchmarks have in common: servers in processes of their own, and load on them."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from load import KINDS, Load
from servers import ORGANIZATION

HERE = Path(__file__).parent
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


def resident_mb(pid: int) -> float:
    """Resident memory of a process."""
    shown = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=True)
    return int(shown.stdout) / 1024


def cpu_seconds(pid: int) -> float | None:
    """Processor time that a process has used, where the system tells."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    except OSError:
        return None
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


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
    command = [
        sys.executable,
        str(HERE / "load.py"),
        str(port),
        kind,
        str(seconds),
        str(connections),
        token(kind),
        run,
        str(pause_s),
    ]
    before = cpu_seconds(pid) or 0.0
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{kind}: {done.stderr}")
    rate, answers, p50_ms, p99_ms = map(float, done.stdout.split())
    used = (cpu_seconds(pid) or 0.0) - before
    return Load(rate, int(answers), p50_ms, p99_ms), used / answers * 1e6
