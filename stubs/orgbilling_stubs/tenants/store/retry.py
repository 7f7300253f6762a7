"""Tries again what a lock or a faster writer stands in the way of, without stopping the event loop.

No call of a store waits. So a request is answered without a task, unless it has to wait: then what it does
with the store, which has changed nothing yet, is done again when the lock is gone. Example: another program
writes to the database for 30 ms. A redemption raises StoreLockError; `retried` lets other requests run, looks
every 2 ms whether the lock is gone, carries the redemption out, and returns what it gives. Of several
requests that wait, only the first one looks. So a hundred cost no more than one, and each gets its turn.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar
from weakref import WeakKeyDictionary

from orgbilling_stubs.tenants.clock import wall_ms
from orgbilling_stubs.tenants.store.errors import (
    OUTCOME_UNKNOWN,
    ConflictError,
    StoreError,
    StoreLockError,
)
from orgbilling_stubs.tenants.store.protocol import Store

LOG = logging.getLogger("orgbilling")
T = TypeVar("T")

WAIT_S = 2.0
"""How long a request waits for the database at most, before it is answered with the error."""
REPORT_EVERY_MS = 60_000
"""The log of the server names an error once in this time."""

_POLL_S = 0.002
_MOST_REPORTS = 1_000

_reported_ms: dict[str, int] = {}
"""When each error was last written to the log of the server, by its text."""

_turns: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()
"""Held by the request that looks whether a lock is gone, in each event loop."""


async def retried(
    store: Store, attempt: Callable[[], T | Awaitable[T]], error: StoreError | None = None
) -> T:
    """What `attempt` returns; it is called again while it raises StoreLockError or ConflictError.

    An attempt that has written something is not repeated: its error is raised, and where that would say that
    nothing has happened, it is `database_outcome_unknown`. error: what an attempt raised before. Raises the
    last error after `WAIT_S`, and any other StoreError at once.
    """
    loop = asyncio.get_running_loop()
    deadline_s = loop.time() + WAIT_S
    while True:
        writes = store.writes
        if error is None:
            try:
                result = attempt()
                return await result if isinstance(result, Awaitable) else result
            except StoreError as raised:
                error = raised
        has_written = store.writes != writes
        if has_written and error.status in (409, 503):  # they would say that nothing has happened
            error = StoreError(str(error), OUTCOME_UNKNOWN)
        retryable = isinstance(error, (StoreLockError, ConflictError)) and not has_written
        if not retryable or loop.time() >= deadline_s:
            report(error)
            raise error
        error = None
        await _until_unlocked(store, deadline_s)


async def _until_unlocked(store: Store, deadline_s: float) -> None:
    """Wait, behind those that wait already, until no lock is in the way or the deadline is over."""
    loop = asyncio.get_running_loop()
    async with _turns.setdefault(loop, asyncio.Lock()):
        await asyncio.sleep(_POLL_S)
        while store.is_locked() and loop.time() < deadline_s:
            await asyncio.sleep(_POLL_S)


def report(error: StoreError) -> None:
    """Write a line about an error to the log of the server, unless the same was written a moment ago."""
    line, now_ms = f"{error.code}: {error}", wall_ms()
    if now_ms - _reported_ms.get(line, -REPORT_EVERY_MS) < REPORT_EVERY_MS:
        return
    if len(_reported_ms) >= _MOST_REPORTS:
        _reported_ms.clear()
    _reported_ms[line] = now_ms
    LOG.warning("%s", line)
