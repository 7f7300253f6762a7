"""The parts of an export, written by several processes in any order; the bytes are the same as by one."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
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
        with _signals_deferred():
            futures = [executor.submit(_write, part) for part in parts]
        for future in as_completed(futures):
            written = future.result()
            entries += written.entries
            advance(written.organizations, written.ledger_rows)
    except BrokenProcessPool:
        raise ExportError("worker_lost", "a process of the export ended; was there enough memory?") from None
    finally:
        worker.stop.set()
        executor.shutdown(wait=True, cancel_futures=True)
    return entries


@contextmanager
def _signals_deferred() -> Iterator[None]:
    """Handle signals afterwards: a process that is started must be told what to do before its parent stops.

    Ctrl-C reaches the processes of a terminal together. Those that are started here do not get it; they are
    told to stop by their parent.
    """
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "pthread_sigmask"):
        yield
        return
    received: list[int] = []
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    handled = {number: handler for number, handler in handlers.items() if callable(handler)}
    for number in handled:
        signal.signal(number, lambda number, frame: received.append(number))
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
        for number, handler in handled.items():
            signal.signal(number, handler)
        if received:
            signal.raise_signal(received[0])


def _start(worker: _Worker) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _worker[:] = [worker]


def _end_with_parent() -> None:
    """End this process with its parent, which may have been killed: then nobody else would end it."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _write(part: Part) -> _WrittenPart:
    [worker] = _worker
    ledger_rows: list[int] = []

    def tick(rows: int) -> None:
        if worker.stop.is_set():
            raise ExportStopped
        ledger_rows.append(rows)

    entries = worker.write_part(worker.request, part, tick)
    return _WrittenPart(entries, len(ledger_rows), sum(ledger_rows))
