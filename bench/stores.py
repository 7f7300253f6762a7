"""`make bench ARGS="--stores"`: the stub with its data in memory, SQLite and PostgreSQL.

Beside it runs the raw application. Each store has a database of its own, and a server as `orgbilling serve`
starts it; PostgreSQL also two workers. All are up at once, and runs alternate, so that a busy machine slows
all of them. The database shares the machine's cores with the server and the generator: on two cores that is
what limits the rate, so the processor time of an answer (the server's; the database's beside it) says more.
"""

from __future__ import annotations

import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from measuring import RAW, cpu_seconds, load, running, serving
from servers import CLOCK

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from postgres_server import PostgresServer

KINDS = ("billing", "usage summary", "ledger 30 days", "redeem")
STORES = ("memory", "SQLite", "PostgreSQL", "PostgreSQL, 2 workers")
TARGETS = {"GET": 0.25, "redeem": 0.1}
"""What PostgreSQL with one worker should reach, as a ratio to the raw application."""
WORKERS_TARGET = 1.7
"""How many times the reads of one worker two should serve."""


class Run(NamedTuple):
    """Of one run: answers per second as a ratio to raw, and microseconds of processor for each answer."""

    ratio: float
    per_second: float
    cpu_us: float
    database_cpu_us: float


def options(store: str, folder: Path, database: PostgresServer) -> list[str]:
    """The options of `orgbilling serve` for a store, with a new database."""
    if store == "memory":
        return []
    if store == "SQLite":
        return ["--db", f"sqlite:///{folder / 'bench.db'}"]
    workers = ["--workers", "2"] if store.endswith("workers") else []
    return ["--db", database.new_database(), *workers]


def measure_stores(rounds: int, seconds: float) -> dict[str, Any]:
    """Everything that is shown, as JSON can hold it."""
    found: dict[tuple[str, str], list[Run]] = {(store, kind): [] for store in STORES for kind in KINDS}
    database = PostgresServer({"fsync": "on"})
    with ExitStack() as stack:
        stack.callback(database.close)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        bodies = folder / "bodies.json"
        bodies.write_text("{}", "utf-8")
        raw = stack.enter_context(serving(RAW, bodies))
        servers = {
            store: stack.enter_context(
                running(["serve", "--clock", CLOCK, *options(store, folder, database)])
            )
            for store in STORES
        }
        for number in range(rounds):
            for kind in KINDS:
                base, _ = load(*raw, "hello", seconds, "")
                for store, server in servers.items():
                    before = cpu_seconds(database.pid)
                    measured, cpu_us = load(*server, kind, seconds, f"r{number}x")
                    used_us = (cpu_seconds(database.pid) - before) / measured.answers * 1e6
                    ratio = measured.per_second / base.per_second
                    found[store, kind].append(Run(ratio, measured.per_second, cpu_us, used_us))
    return {
        "rounds": rounds,
        "requests": [
            {
                "store": store,
                "request": kind,
                "target": TARGETS.get(kind, TARGETS["GET"]) if store == "PostgreSQL" else None,
                **{name: round(median(getattr(run, name) for run in runs), 3) for name in Run._fields},
            }
            for (store, kind), runs in found.items()
        ],
        "workers": {
            kind: round(
                median(
                    two.per_second / one.per_second
                    for one, two in zip(found[STORES[2], kind], found[STORES[3], kind], strict=True)
                ),
                2,
            )
            for kind in KINDS
        },
        "workers_target": WORKERS_TARGET,
    }


def show_stores(found: dict[str, Any]) -> None:
    """Print the table."""
    from rich.console import Console
    from rich.table import Table

    console = Console()
    table = Table(title=f"{found['rounds']} rounds", title_justify="left")
    for name in (
        "Store",
        "Request",
        "Per second",
        "Ratio to raw",
        "Target",
        "CPU µs each",
        "of the database",
    ):
        table.add_column(name, justify="left" if name in ("Store", "Request") else "right")
    for line in found["requests"]:
        target = "" if line["target"] is None else str(line["target"])
        numbers = f"{line['per_second']:,.0f}", f"{line['ratio']:.3f}", target
        cpu = f"{line['cpu_us']:.0f}", f"{line['database_cpu_us']:.0f}"
        table.add_row(line["store"], line["request"], *numbers, *cpu)
    console.print(table)
    times = ", ".join(f"{kind} {ratio}" for kind, ratio in found["workers"].items())
    console.print(f"Two workers as a multiple of one: {times} (target {found['workers_target']} for reads)")
