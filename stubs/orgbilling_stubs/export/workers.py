"""The parts of an export, written by several processes in any order; the bytes are the same as by one."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.synchronize import Event
from typing import NamedTuple

from orgbilling_stubs.export.errors import ExportError, ExportStopped
from orgbilling_stubs.export.request import ExportRequest, Part, Progress
from orgbilling_stubs.export.writers.files import ManifestEntry

WritePart = Callable[[ExportRequest, Part, Callable[[int], None]], list[ManifestEntry]]
"""Writes a part; calls back after each organization with the number of its ledger rows."""


class _Worker(NamedTuple):
    """What a worker process is started with."""

    request: ExportRequest
    write_part: WritePart
    stop: Event


class _WrittenPart(NamedTuple):
    entries: list[ManifestEntry]
    organizations: int
    ledger_rows: int


_worker: list[_Worker] = []


def cores() -> int:
    """How many processes can run at once."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run_parts(request: ExportRequest, write_part: WritePart, advance: Progress) -> list[ManifestEntry]:
    """Write all parts of the request.

    Raises what writing a part raises, and KeyboardInterrupt after the processes have removed partial files.
    """
    parts = request.parts()
    if request.jobs <= 1 or len(parts) <= 1:
        return [entry for part in parts for entry in write_part(request, part, lambda rows: advance(1, rows))]
    # A forked process would inherit threads' locks, of pyarrow for one.
    context = multiprocessing.get_context("spawn")
    worker = _Worker(request, write_part, context.Event())
    jobs = min(request.jobs, len(parts))
    executor = ProcessPoolExecutor(jobs, context, initializer=_start, initargs=(worker,))
    entries: list[ManifestEntry] = []
    try:
        for future in as_completed([executor.submit(_write, part) for part in parts]):
            written = future.result()
            entries += written.entries
            advance(written.organizations, written.ledger_rows)
    except BrokenProcessPool:
        raise ExportError("worker_lost", "a process of the export ended; was there enough memory?") from None
    finally:
        worker.stop.set()
        executor.shutdown(wait=True, cancel_futures=True)
    return entries


def _start(worker: _Worker) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent to handle.
    _worker[:] = [worker]


def _write(part: Part) -> _WrittenPart:
    [worker] = _worker
    ledger_rows: list[int] = []

    def tick(rows: int) -> None:
        if worker.stop.is_set():
            raise ExportStopped
        ledger_rows.append(rows)

    entries = worker.write_part(worker.request, part, tick)
    return _WrittenPart(entries, len(ledger_rows), sum(ledger_rows))
