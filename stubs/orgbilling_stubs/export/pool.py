"""Blocks of organizations written by several processes, in any order, into the same files."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from orgbilling_stubs.export.errors import ExportError, Stopped
from orgbilling_stubs.export.request import Request
from orgbilling_stubs.export.selection import Person
from orgbilling_stubs.export.writers.files import Entry

Block = tuple[int | None, Sequence[Person]]
Work = Callable[[Request, Block, Callable[[int], None]], list[Entry]]
"""Writes a block; calls back after each organization with its ledger rows."""

_worker: dict[str, Any] = {}


def cores() -> int:
    """How many processes can run at once."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _start(request: Request, work: Work, stop: Any) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent to handle.
    _worker.update(request=request, work=work, stop=stop)


def _one(block: Block) -> tuple[list[Entry], int, int]:
    done = [0, 0]

    def tick(rows: int) -> None:
        if _worker["stop"].is_set():
            raise Stopped
        done[:] = done[0] + 1, done[1] + rows

    entries = _worker["work"](_worker["request"], block, tick)
    return entries, done[0], done[1]


def run(request: Request, work: Work, advance: Callable[[int, int], None]) -> list[Entry]:
    """Write all blocks of the request; `advance` is told organizations and ledger rows as they are done.

    Raises what a block raises, and KeyboardInterrupt after the processes have put away their drafts.
    """
    blocks = request.blocks()
    if request.jobs <= 1 or len(blocks) <= 1:
        return [entry for block in blocks for entry in work(request, block, lambda rows: advance(1, rows))]
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    entries: list[Entry] = []
    jobs = min(request.jobs, len(blocks))
    pool = ProcessPoolExecutor(jobs, context, initializer=_start, initargs=(request, work, stop))
    try:
        for made, organizations, rows in _finished(pool, blocks, jobs):
            entries += made
            advance(organizations, rows)
    except BrokenProcessPool:
        raise ExportError("worker-lost", "a process of the export ended; was there enough memory?") from None
    finally:
        stop.set()
        pool.shutdown(wait=True, cancel_futures=True)
    return entries


def _finished(
    pool: ProcessPoolExecutor, blocks: Sequence[Block], jobs: int
) -> Iterator[tuple[list[Entry], int, int]]:
    """Results as they come; only a few blocks are handed out ahead, so that memory stays flat."""
    waiting = iter(blocks)
    running: set[Future[tuple[list[Entry], int, int]]] = set()
    while True:
        while len(running) < 2 * jobs and (block := next(waiting, None)) is not None:
            running.add(pool.submit(_one, block))
        if not running:
            return
        done, running = wait(running, return_when=FIRST_COMPLETED)
        for future in done:
            yield future.result()
