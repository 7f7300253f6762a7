"""`make bench`: ours against a raw ASGI application and stock Connexion, in alternating runs.

Ratios are taken within a round, so that a busy machine slows both sides; the median of the rounds is shown.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from measuring import (
    CONNECTIONS,
    HERE,
    ORGANIZATIONS,
    RAW,
    fetch,
    free_port,
    generator,
    load,
    resident_mb,
    running,
    serving,
    wait_for,
)
from servers import CLOCK, ORGANIZATION, SERVERS
from stores import measure_stores, show_stores

OURS = "orgbilling"
RUNS = [
    (RAW, "hello"),
    (OURS, "billing"),
    (OURS, "usage summary"),
    (OURS, "model pricing"),
    (OURS, "agreements"),
    (OURS, "redeem"),
    (OURS, "ledger 30 days"),
    (OURS, "ledger 365 days"),
    ("Connexion", "billing"),
    ("Connexion", "redeem"),
    ("Connexion", "ledger 30 days"),
    ("Connexion, validating", "billing"),
    ("Connexion, validating", "redeem"),
    ("Connexion, validating", "ledger 30 days"),
]
TARGETS = {
    (OURS, "billing"): 1.0,
    (OURS, "usage summary"): 1.0,
    (OURS, "model pricing"): 1.0,
    (OURS, "agreements"): 1.0,
    (OURS, "ledger 30 days"): 1.0,
    (OURS, "redeem"): 0.7,
}
START_TARGET_S = 0.6
MEMORY_TARGET_MB = 70
BESIDE_TARGET_MS = 1.0
"""What `orgbilling beside` may add to half of the answers."""
BESIDE_PAUSES_S = (0.0, 0.02)
"""Between two requests of the one connection: none, and so long that other processes have the caches."""
CONNECTIONS_OF_LATENCY = 32
LATENCY_RUNS = [(RAW, "hello"), (OURS, "billing"), (OURS, "ledger 30 days"), (OURS, "redeem")]
LATENCY_TARGET = 2.0
"""At so many connections 99 of 100 answers come within so many times what the raw application takes."""
CONSOLE_TARGET = 0.95
"""What an open console must leave of the requests per second."""


def start_once() -> tuple[float, float]:
    """Seconds from `orgbilling serve` to the first 200, and the resident memory then, in MB."""
    port = free_port()
    command = [sys.executable, "-m", "orgbilling_stubs.cli", "serve", "--port", str(port), "--quiet"]
    started = time.perf_counter()
    process = subprocess.Popen([*command, "--clock", CLOCK], stdout=subprocess.DEVNULL)
    try:
        wait_for(port, "billing", process)
        return time.perf_counter() - started, resident_mb(process.pid)
    finally:
        process.terminate()
        process.wait(10)


def measure(rounds: int, seconds: float) -> dict[str, Any]:
    """Everything that is shown, as JSON can hold it."""
    starts = [start_once() for _ in range(max(3, rounds))]
    rates: dict[tuple[str, str], list[tuple[float, float]]] = {run: [] for run in RUNS}
    slowest: dict[tuple[str, str], list[float]] = {run: [] for run in LATENCY_RUNS}
    with tempfile.TemporaryDirectory() as folder:
        bodies = Path(folder) / "bodies.json"
        bodies.write_text("{}", "utf-8")
        with serving(OURS, bodies) as (port, pid):
            kinds = {
                "getOrgBilling": "billing",
                "redeemOrgVoucher": "redeem",
                "getOrgLedger": "ledger 30 days",
            }
            found = {name: fetch(port, kind) for name, kind in kinds.items()}
            bodies.write_text(json.dumps(found), "utf-8")
            rows = {
                "ledger 30 days": len(found["getOrgLedger"]),
                "ledger 365 days": len(fetch(port, "ledger 365 days")),
            }
            others = [name for name in SERVERS if name != OURS]
            with (
                serving(others[0], bodies) as a,
                serving(others[1], bodies) as b,
                serving(others[2], bodies) as c,
            ):
                up = {OURS: (port, pid), others[0]: a, others[1]: b, others[2]: c}
                for number in range(rounds):
                    for name, kind in RUNS:
                        measured, cpu_us = load(*up[name], kind, seconds, f"r{number}x")
                        rates[name, kind].append((measured.per_second, cpu_us))
                    for name, kind in LATENCY_RUNS:
                        many = CONNECTIONS_OF_LATENCY
                        measured, _ = load(*up[name], kind, seconds, f"r{number}y", many)
                        slowest[name, kind].append(measured.p99_ms)
                memory = resident_mb(pid)
    return {**report(rates, starts, rows, memory), "latencies": latencies(slowest)}


def latencies(slowest: dict[tuple[str, str], list[float]]) -> list[dict[str, Any]]:
    """In which time 99 of 100 answers come, and how many times that of the raw application it is."""
    base = slowest[RAW, "hello"]
    return [
        {
            "server": name,
            "request": kind,
            "p99_ms": round(median(found), 2),
            "ratio": round(median(one / raw for one, raw in zip(found, base, strict=True)), 2),
        }
        for (name, kind), found in slowest.items()
    ]


def measure_beside(rounds: int, seconds: float) -> dict[str, Any]:
    """What `orgbilling beside` adds to the time of an answer on loopback.

    A round is a run that asks the server itself, one that asks through `beside`, and one that asks the server
    again: what the second has more than the mean of the others is added, and how far the others are from each
    other is the noise of this machine. One connection; without a pause between its requests, and with one.
    """
    runs = [(kind, pause_s) for kind in ("billing", "ledger 30 days") for pause_s in BESIDE_PAUSES_S]
    rows: dict[tuple[str, float], list[dict[str, float]]] = {run: [] for run in runs}
    with tempfile.TemporaryDirectory() as folder:
        bodies = Path(folder) / "bodies.json"
        bodies.write_text("{}", "utf-8")
        with serving(OURS, bodies) as real, ExitStack() as stack:
            # Each run has a server of its own, which judges no answers of the other ones.
            beside = {
                run: stack.enter_context(running(["beside", f"http://127.0.0.1:{real[0]}"])) for run in runs
            }
            for number in range(rounds):
                for kind, pause_s in runs:
                    found = [
                        load(*server, kind, seconds, f"r{number}", 1, pause_s)
                        for server in (real, beside[kind, pause_s], real)
                    ]
                    (before, cpu_before), (through, cpu_through), (after, cpu_after) = found
                    direct = (before.p50_ms + after.p50_ms) / 2
                    rows[kind, pause_s].append(
                        {
                            "direct_p50_ms": direct,
                            "beside_p50_ms": through.p50_ms,
                            "added_p50_ms": through.p50_ms - direct,
                            "noise_ms": abs(after.p50_ms - before.p50_ms),
                            "direct_cpu_ms": (cpu_before + cpu_after) / 2e3,
                            "beside_cpu_ms": cpu_through / 1e3,
                        }
                    )
    return {
        f"{kind}, {pause_s * 1e3:g} ms between requests": {
            **{name: round(median(row[name] for row in found), 3) for name in found[0]},
            "least_added_p50_ms": round(min(row["added_p50_ms"] for row in found), 3),
            "target_ms": BESIDE_TARGET_MS,
            "rounds": rounds,
        }
        for (kind, pause_s), found in rows.items()
    }


def show_beside(found: dict[str, Any]) -> None:
    """Print what is added, one line for each kind of request."""
    for kind, line in found.items():
        print(
            f"{kind}: half of the answers within {line['direct_p50_ms']:.2f} ms, through beside "
            f"{line['beside_p50_ms']:.2f} ms; {line['added_p50_ms']:.2f} ms added, at least "
            f"{line['least_added_p50_ms']:.2f} (equal runs differ by {line['noise_ms']:.2f} ms; target "
            f"{line['target_ms']}); processor time of an answer {line['direct_cpu_ms']:.2f} ms, and "
            f"{line['beside_cpu_ms']:.2f} in beside, where it is judged, too; {line['rounds']} rounds"
        )


@contextmanager
def open_console(port: int, organization: str) -> Iterator[None]:
    """An open page of requests, as a browser keeps it."""
    command = [sys.executable, str(HERE / "console.py"), str(port), organization]
    process = subprocess.Popen(command)
    time.sleep(0.5)  # it imports and connects
    try:
        yield
        if process.poll() is not None:
            sys.exit("the console did not stay open")
    finally:
        process.terminate()
        process.wait(10)


def measure_console(rounds: int, seconds: float) -> dict[str, Any]:
    """What an open console costs the API.

    A round is a run without a console, one with it, and one without it again. What the second leaves of the
    mean of the others is the ratio; how far the third is from the first is the noise of this machine. Both
    are taken on the clock, and in processor time of the server, which other processes disturb less.
    """
    kinds = ("billing", "redeem")
    ratios: dict[str, list[tuple[float, float]]] = {kind: [] for kind in kinds}
    noise: dict[str, list[tuple[float, float]]] = {kind: [] for kind in kinds}
    with tempfile.TemporaryDirectory() as folder:
        bodies = Path(folder) / "bodies.json"
        bodies.write_text("{}", "utf-8")
        with serving(OURS, bodies) as (port, pid):
            for number in range(rounds):
                for kind in kinds:
                    run_before, cpu_before = load(port, pid, kind, seconds, f"r{number}a")
                    with open_console(port, ORGANIZATIONS.get(kind, ORGANIZATION)):
                        run_open, cpu_open = load(port, pid, kind, seconds, f"r{number}b")
                    run_after, cpu_after = load(port, pid, kind, seconds, f"r{number}c")
                    rate_before, rate_after = run_before.per_second, run_after.per_second
                    rate = 2 * run_open.per_second / (rate_before + rate_after)
                    ratios[kind].append((rate, (cpu_before + cpu_after) / 2 / cpu_open))
                    noise[kind].append((abs(rate_after / rate_before - 1), abs(cpu_before / cpu_after - 1)))
    return {
        kind: {
            "ratio": round(median(clock for clock, _ in ratios[kind]), 3),
            "noise": round(median(clock for clock, _ in noise[kind]), 3),
            "cpu_ratio": round(median(cpu for _, cpu in ratios[kind]), 3),
            "cpu_noise": round(median(cpu for _, cpu in noise[kind]), 3),
            "target": CONSOLE_TARGET,
            "rounds": rounds,
        }
        for kind in kinds
    }


def show_console(found: dict[str, Any]) -> None:
    """Print what a console leaves of the speed, one line for each kind of request."""
    for kind, line in found.items():
        print(
            f"{kind}: with an open console {line['ratio']:.3f} of the speed (equal runs differ by "
            f"{line['noise']:.1%}), in processor time {line['cpu_ratio']:.3f} (by {line['cpu_noise']:.1%}); "
            f"target {line['target']}, {line['rounds']} rounds"
        )


def report(
    rates: dict[tuple[str, str], list[tuple[float, float]]],
    starts: list[tuple[float, float]],
    rows: dict[str, int],
    memory: float,
) -> dict[str, Any]:
    """Medians, and ratios to the raw application of the same round."""
    base = rates[RAW, "hello"]
    lines = [
        {
            "server": name,
            "request": kind,
            "rows": rows.get(kind),
            "per_second": round(median(rate for rate, _ in found)),
            "cpu_us": round(median(cpu for _, cpu in found), 1),
            "ratio": round(median(one / raw for (one, _), (raw, _) in zip(found, base, strict=True)), 3),
            "target": TARGETS.get((name, kind)),
        }
        for (name, kind), found in rates.items()
    ]
    return {
        "python": sys.version.split()[0],
        "rounds": len(base),
        "connections": CONNECTIONS,
        "generator": generator(),
        "requests": lines,
        "start_to_first_200_s": round(median(each[0] for each in starts), 3),
        "start_target_s": START_TARGET_S,
        "resident_mb_after_start": round(median(each[1] for each in starts), 1),
        "resident_mb_after_load": round(memory, 1),
        "resident_target_mb": MEMORY_TARGET_MB,
    }


def show(found: dict[str, Any]) -> None:
    """Print the table."""
    from rich.console import Console
    from rich.table import Table

    console = Console()
    title = f"Python {found['python']}, {found['rounds']} rounds, "
    title += f"{CONNECTIONS} connections of {found['generator']}"
    table = Table(title=title, title_justify="left")
    for name in ("Server", "Request", "Rows", "Per second", "Ratio to raw", "Target", "CPU µs each"):
        table.add_column(name, justify="left" if name in ("Server", "Request") else "right")
    for line in found["requests"]:
        cells = (
            line["rows"],
            f"{line['per_second']:,}",
            f"{line['ratio']:.2f}",
            line["target"],
            line["cpu_us"],
        )
        table.add_row(line["server"], line["request"], *("" if cell is None else str(cell) for cell in cells))
    console.print(table)
    slowest = [
        f"{line['server']} {line['request']} {line['p99_ms']} ms ({line['ratio']} of raw)"
        for line in found["latencies"]
    ]
    console.print(
        f"99 of 100 answers at {CONNECTIONS_OF_LATENCY} connections come within: {', '.join(slowest)}; "
        f"target {LATENCY_TARGET}"
    )
    console.print(f"Start to first 200: {found['start_to_first_200_s']} s (target {START_TARGET_S})")
    console.print(
        f"Resident memory: {found['resident_mb_after_start']} MB after start, "
        f"{found['resident_mb_after_load']} MB after load (target {MEMORY_TARGET_MB})"
    )


def main() -> None:
    """Read the options, measure, show."""
    options = argparse.ArgumentParser(prog="make bench", description=__doc__)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--seconds", type=float, default=2.0, help="per run")
    options.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options.add_argument("--console", action="store_true", help="measure what an open console costs")
    options.add_argument("--beside", action="store_true", help="measure what orgbilling beside adds")
    options.add_argument("--stores", action="store_true", help="measure SQLite and PostgreSQL beside memory")
    chosen = options.parse_args()
    measured, shown = (measure_console, show_console) if chosen.console else (measure, show)
    if chosen.beside:
        measured, shown = measure_beside, show_beside
    if chosen.stores:
        measured, shown = measure_stores, show_stores
    found = measured(chosen.rounds, chosen.seconds)
    if chosen.json:
        print(json.dumps(found, indent=2))
    else:
        shown(found)


if __name__ == "__main__":
    main()
