"""`python bench/export.py`: ledger rows a second, against the same table of random numbers.

The random table has the columns of the ledger, is made of numpy's random numbers and written by the same
library into as many parts by as many processes: pyarrow for Parquet, the csv module for CSV. Runs alternate,
ratios are taken within a round, and the median of the rounds is shown. On a machine that others use too, the
rows for each second of processor time say more than those on the clock. `--whole` measures all tables
once, and verifies them.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from orgbilling_stubs.billing import instants
from orgbilling_stubs.export import run, selection, workers
from orgbilling_stubs.export.columnar.columns import DictionaryColumn, UuidColumn, row_count, values
from orgbilling_stubs.export.request import ExportRequest, Part
from orgbilling_stubs.export.schema import BY_NAME, NAMES
from orgbilling_stubs.export.verify import verify
from orgbilling_stubs.export.writers import parts
from orgbilling_stubs.export.writers.files import ManifestEntry, PartialFile

AS_OF_MS = instants.parse("2026-11-22T10:00:00Z")
LEDGER = BY_NAME["ledger"]
TARGETS = {"parquet": 1_000_000, "csv": 300_000}
MEMORY_TARGET_MB = 600


def random_table(rows: int, seed: int) -> dict[str, Any]:
    """As many rows as a part has, of the ledger's columns, from numpy's generator."""
    chance = np.random.default_rng(seed)
    digits = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)
    texts = [f"text {number}" for number in range(40)]
    table: dict[str, Any] = {}
    for column in LEDGER.columns:
        if column.name == "entry_id":
            table[column.name] = UuidColumn(digits[chance.integers(0, 16, rows * 36)].tobytes())
        elif column.kind in ("text", "uuid"):
            table[column.name] = DictionaryColumn(texts, chance.integers(0, 40, rows, dtype=np.int32))
        elif column.kind == "instant":
            table[column.name] = np.sort(chance.integers(AS_OF_MS - 10**10, AS_OF_MS, rows))
        else:
            table[column.name] = chance.integers(-(10**9), 10**9, rows)
    return table


def random_part(request: ExportRequest, part: Part, tick: Callable[[int], None]) -> list[ManifestEntry]:
    """A part of random numbers, by the same library."""
    rows = request.manifest_fields["rows"] * len(part.organizations) // len(request.selection.organizations)
    table = random_table(rows, part.number or 0)
    if request.format == "csv":
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(zip(*map(values, table.values()), strict=True))
        (request.folder / f"{part.number}.csv").write_text(text.getvalue())
        return []
    with PartialFile(request.folder, parts.table_path("ledger", request.format, part.number)) as file:
        writer = parts.table_writer(request, LEDGER.name, file)
        writer.write(table)
        writer.close()
        return [file.keep("ledger", row_count(table))]


class Run(NamedTuple):
    """Seconds on the clock, seconds of all processors, and ledger rows."""

    wall_s: float
    cpu_s: float
    rows: int


def cpu_s() -> float:
    """Processor time of this process and of its children that have ended."""
    used = (resource.getrusage(what) for what in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in used)


def timed(write_part: workers.WritePart, request: ExportRequest) -> Run:
    """One run into a fresh folder."""
    rows = 0

    def advance(_: int, more: int) -> None:
        nonlocal rows
        rows += more

    with tempfile.TemporaryDirectory() as folder:
        started, used = time.perf_counter(), cpu_s()
        workers.run_parts(replace(request, folder=Path(folder)), write_part, advance)
        return Run(time.perf_counter() - started, cpu_s() - used, rows)


def compare(kind: str, organizations: int, rounds: int, jobs: int) -> dict[str, Any]:
    """Ours and the random table in turns."""
    selected = selection.SelectionOptions(AS_OF_MS, 1, orgs=organizations).selection()
    request = ExportRequest(Path(), kind, selected, ("ledger",), 100, jobs)
    rows = timed(parts.write_tables, request).rows
    plain = replace(request, manifest_fields={"rows": rows})
    pairs = [(timed(random_part, plain), timed(parts.write_tables, request)) for _ in range(rounds)]
    return {
        "format": kind,
        "rows": rows,
        "ours_rows_s": round(rows / median(ours.wall_s for _, ours in pairs)),
        "random_rows_s": round(rows / median(theirs.wall_s for theirs, _ in pairs)),
        "ratio": round(median(theirs.wall_s / ours.wall_s for theirs, ours in pairs), 3),
        "ours_rows_per_cpu_s": round(rows / median(ours.cpu_s for _, ours in pairs)),
        "cpu_ratio": round(median(theirs.cpu_s / ours.cpu_s for theirs, ours in pairs), 3),
        "target_rows_s": TARGETS[kind],
    }


def peak_mb() -> dict[str, int]:
    """Peak resident memory of this process, and of the largest of its children."""
    return {
        who: resource.getrusage(what).ru_maxrss // 1024
        for who, what in (("parent", resource.RUSAGE_SELF), ("child", resource.RUSAGE_CHILDREN))
    }


def whole(organizations: int, jobs: int) -> dict[str, Any]:
    """All tables of many organizations into Parquet, and the proof that they add up."""
    selected = selection.SelectionOptions(AS_OF_MS, 1, orgs=organizations).selection()
    about = {"format": "parquet"}
    with tempfile.TemporaryDirectory() as folder:
        request = ExportRequest(Path(folder), "parquet", selected, NAMES, 100, jobs, manifest_fields=about)
        started, used = time.perf_counter(), cpu_s()
        made = run.export(request, lambda *_: None)
        exported, exported_cpu = time.perf_counter() - started, cpu_s() - used
        memory = peak_mb()
        broken = [check.name for check in verify.verify(Path(folder)) if check.problem]
        verified = time.perf_counter() - started - exported
        verified_cpu = cpu_s() - used - exported_cpu
        size = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
        shutil.rmtree(folder)
        Path(folder).mkdir()
    return {
        "organizations": organizations,
        "rows": made["rows"]["ledger"],
        "all_rows": sum(made["rows"].values()),
        "megabytes": size >> 20,
        "export_s": round(exported, 1),
        "export_cpu_s": round(exported_cpu, 1),
        "rows_per_cpu_s": round(sum(made["rows"].values()) / exported_cpu),
        "verify_s": round(verified, 1),
        "verify_cpu_s": round(verified_cpu, 1),
        "broken": broken,
        "export_peak_mb": memory,
        "peak_mb": peak_mb(),
        "target_mb": MEMORY_TARGET_MB,
    }


def main() -> int:
    """Measure, show, and write JSON where it is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--orgs", type=int, default=400, help="organizations of a run (about 1,800 rows of the ledger each)"
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=workers.cores())
    parser.add_argument("--whole", action="store_true", help="export and verify all tables once, instead")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    chosen = parser.parse_args()
    if chosen.whole:
        found: Any = whole(chosen.orgs, chosen.jobs)
        print("\n".join(f"{name:16} {value}" for name, value in found.items()))
    else:
        found = [compare(kind, chosen.orgs, chosen.rounds, chosen.jobs) for kind in TARGETS]
        heads = ("ledger rows/s", "random rows/s", "ratio", "rows/s of CPU", "CPU ratio", "target rows/s")
        print(" " * 8, *(f"{head:>14}" for head in heads))
        for row in found:
            figures = [value for name, value in row.items() if name not in ("format", "rows")]
            print(f"{row['format']:8}", *(f"{figure:>14,}" for figure in figures))
    if chosen.json:
        versions = {"python": sys.version.split()[0], "pyarrow": pa.__version__, "numpy": np.__version__}
        chosen.json.write_text(
            json.dumps({"versions": versions, "jobs": chosen.jobs, "found": found}, indent=1)
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
