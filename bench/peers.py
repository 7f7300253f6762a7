"""`make bench-peers`: ours beside Prism and Mockoon, which serve the same API description.

Each server is asked for the same operations by the same load generator, in runs that alternate; medians are
shown. Then Schemathesis looks at each with the same seed: a finding is an answer that the description does
not allow, or a request that should have been refused. Prism and Mockoon answer with examples, without state,
and verify no token; ours does what the README says, with everything on.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import NamedTuple

from load import Load
from measuring import HERE, free_port, load, resident_mb, token, wait_for
from servers import CLOCK

OURS = "orgbilling"
KINDS = ("billing", "ledger 30 days", "redeem")
DOCUMENTATION = HERE.parent / "docs"
BEGIN, END = "<!-- measured: peers -->", "<!-- end -->"
CHART = "benchmark-peers.svg"
EXAMPLES = 20
"""Requests that Schemathesis generates for each operation, in its phase of fuzzing."""


class Peer(NamedTuple):
    """A server: how it is started, and what serves it."""

    command: Sequence[str]
    release: str


class Figures(NamedTuple):
    """What was measured of a server.

    cpu_us: microseconds of processor for each answer. findings: of Schemathesis; None when it was not run.
    """

    start_s: float
    start_mb: float
    load_mb: float
    runs: Mapping[str, Load]
    cpu_us: Mapping[str, float]
    findings: int | None


def description(folder: Path) -> Mapping[str, Path]:
    """The API description for peers, by OpenAPI version, with the server's path in front of every path.

    Prism ignores the path of a server, and Mockoon reads OpenAPI 3.0.
    """
    from orgbilling_openapi import description as descriptions
    from orgbilling_openapi.version_conversion import to_openapi_30

    files = {}
    for name, document in {"3.1": descriptions.load(), "3.0": to_openapi_30(descriptions.load())}.items():
        base = document["servers"][0]["url"]
        paths = {base + path: item for path, item in document["paths"].items()}
        files[name] = folder / f"description-{name}.json"
        files[name].write_text(json.dumps({**document, "servers": [], "paths": paths}), "utf-8")
    return files


def peers(files: Mapping[str, Path], port: int) -> Mapping[str, Peer]:
    """The servers by name. None of them prints its requests."""
    folder = HERE / "peers"
    releases = json.loads((folder / "package.json").read_text("utf-8"))["dependencies"]
    programs = folder / "node_modules" / ".bin"
    ours = [sys.executable, "-m", "orgbilling_stubs.cli", "serve", "--quiet", "--clock", CLOCK]
    prism = [str(programs / "prism"), "mock", "--verboseLevel", "error", "--host", "127.0.0.1"]
    mockoon = [str(programs / "mockoon-cli"), "start", "--disable-log-to-file", "--disable-admin-api"]
    return {
        OURS: Peer([*ours, "--port", str(port)], version("orgbilling")),
        "Prism": Peer([*prism, "--port", str(port), str(files["3.1"])], releases["@stoplight/prism-cli"]),
        "Mockoon": Peer(
            [*mockoon, "--port", str(port), "--data", str(files["3.0"])], releases["@mockoon/cli"]
        ),
    }


@contextmanager
def started(peer: Peer, port: int) -> Iterator[tuple[int, float]]:
    """A server that has sent its first 200: its process id, and the seconds until then."""
    began = time.perf_counter()
    process = subprocess.Popen(peer.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(port, "billing", process)
        yield process.pid, time.perf_counter() - began
    finally:
        process.terminate()
        process.wait(20)


def findings(port: int, document: Path, folder: Path) -> int:
    """How many unique failures Schemathesis finds."""
    report = folder / "schemathesis.json"
    command = [
        str(Path(sys.executable).with_name("schemathesis")),
        "run",
        str(document),
        f"--url=http://127.0.0.1:{port}",
        f"--header=Authorization: Bearer {token('billing')}",
        f"--max-examples={EXAMPLES}",
        "--seed=1",
        "--phases=examples,coverage,fuzzing",
        "--generation-database=none",
        "--continue-on-failure",
        "--report=json",
        f"--report-json-path={report}",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):
        sys.exit(f"schemathesis: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return int(json.loads(report.read_text("utf-8"))["test_cases"]["unique_failures"])


def measure(rounds: int, seconds: float, *, fuzzed: bool) -> tuple[Mapping[str, Figures], Mapping[str, str]]:
    """The figures of each server, and their releases."""
    port = free_port()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = description(folder)
        servers = peers(files, port)
        starts: dict[str, list[tuple[float, float, float]]] = {name: [] for name in servers}
        runs: dict[tuple[str, str], list[tuple[Load, float]]] = {
            (name, kind): [] for name in servers for kind in KINDS
        }
        for number in range(rounds):
            for name, peer in servers.items():
                with started(peer, port) as (pid, start_s):
                    start_mb = resident_mb(pid)
                    for kind in KINDS:
                        runs[name, kind].append(load(port, pid, kind, seconds, f"r{number}x"))
                    starts[name].append((start_s, start_mb, resident_mb(pid)))
        found: dict[str, int | None] = dict.fromkeys(servers)
        for name, peer in servers.items() if fuzzed else ():
            with started(peer, port):
                found[name] = findings(port, files["3.1"], folder)
    figures = {
        name: Figures(
            *(median(column) for column in zip(*starts[name], strict=True)),
            {kind: medians([run for run, _ in runs[name, kind]]) for kind in KINDS},
            {kind: median(cpu_us for _, cpu_us in runs[name, kind]) for kind in KINDS},
            found[name],
        )
        for name in servers
    }
    return figures, {name: peer.release for name, peer in servers.items()}


def medians(runs: Sequence[Load]) -> Load:
    """The median of each figure."""
    return Load(*(median(column) for column in zip(*runs, strict=True)))


def machine(releases: Mapping[str, str], rounds: int, seconds: float) -> str:
    """What was measured where, and when."""
    node = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    servers = ", ".join(f"{name} {release}" for name, release in releases.items())
    processor = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    today = datetime.datetime.now(datetime.UTC)
    return (
        f"{today:%-d %B %Y}: {servers}, Python {platform.python_version()}, Node {node.lstrip('v')}, "
        f"Schemathesis {version('schemathesis')}; {processor}, {len(os.sched_getaffinity(0))} cores, "
        f"{platform.system()}, load average {os.getloadavg()[2]:.0f}; medians of {rounds} runs of "
        f"{seconds:g} s, which alternate."
    )


def markdown(figures: Mapping[str, Figures]) -> str:
    """The table of docs/benchmarks.md."""
    rows = [
        ("start to the first 200", [f"{each.start_s:.2f} s" for each in figures.values()]),
        ("memory after the start", [f"{each.start_mb:.0f} MB" for each in figures.values()]),
        ("memory after the load", [f"{each.load_mb:.0f} MB" for each in figures.values()]),
    ]
    for kind in KINDS:
        runs = [each.runs[kind] for each in figures.values()]
        rows.append((f"{kind}: per second", [f"{run.per_second:,.0f}" for run in runs]))
        cells = [f"{each.cpu_us[kind]:,.0f} µs" for each in figures.values()]
        rows.append((f"{kind}: processor for each", cells))
        rows.append((f"{kind}: p50, p99", [f"{run.p50_ms:.1f}, {run.p99_ms:.1f} ms" for run in runs]))
    found = [each.findings for each in figures.values()]
    if None not in found:
        rows.append(("findings of Schemathesis", [str(number) for number in found]))
    lines = [
        f"| | {' | '.join(figures)} |",
        f"| --- |{' --- |' * len(figures)}",
        *(f"| {name} | {' | '.join(cells)} |" for name, cells in rows),
    ]
    return "\n".join(lines)


def write(figures: Mapping[str, Figures], about: str) -> None:
    """Put table and chart into the documentation."""
    from orgbilling_stubs.export.report.charts import bar_chart

    shares = [
        (f"{name}: {kind}", each.runs[kind].per_second) for kind in KINDS for name, each in figures.items()
    ]
    (DOCUMENTATION / CHART).write_text(bar_chart(shares, ",.0f"), "utf-8")
    page = DOCUMENTATION / "benchmarks.md"
    before, _, rest = page.read_text("utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    page.write_text(f"{before}{BEGIN}\n\n{about}\n\n{markdown(figures)}\n\n{END}{after}", "utf-8")


def main() -> None:
    """Read the options, measure, show."""
    options = argparse.ArgumentParser(prog="make bench-peers", description=__doc__)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--seconds", type=float, default=2.0, help="per run")
    options.add_argument("--without-schemathesis", action="store_true", help="leave the findings out")
    options.add_argument("--write", action="store_true", help="renew table and chart in docs/benchmarks.md")
    chosen = options.parse_args()
    figures, releases = measure(chosen.rounds, chosen.seconds, fuzzed=not chosen.without_schemathesis)
    about = machine(releases, chosen.rounds, chosen.seconds)
    print(f"{about}\n\n{markdown(figures)}")
    if chosen.write:
        write(figures, about)


if __name__ == "__main__":
    main()
