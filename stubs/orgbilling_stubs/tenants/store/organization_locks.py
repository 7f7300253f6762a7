"""Locks by organization, for calls of one process that can be suspended (see `suspension`).

While a request waits for the database, other requests run. None of them may use the same tenant halfway:
they wait until the one that holds the lock of the organization has released it, each in its turn.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event, Lock

from greenlet import getcurrent, greenlet

from orgbilling_stubs.tenants.store.errors import StoreLockError
from orgbilling_stubs.tenants.store.suspension import start_of_call, wait_for

THREAD_WAIT_S = 10.0
"""How long a thread without an event loop waits for a lock."""


@dataclass(slots=True)
class _HeldLock:
    """A lock that somebody holds. times: how often the owner has taken it."""

    owner: greenlet
    times: int = 1
    waiting: deque[tuple[greenlet, Callable[[], object]]] = field(default_factory=deque)
    """Who waits, in order, and what wakes them."""


class OrganizationLocks:
    """A lock for each name; whoever holds one may take it again."""

    def __init__(self) -> None:
        self._mutex = Lock()
        self._held: dict[str, _HeldLock] = {}

    @contextmanager
    def hold(self, *names: str) -> Iterator[None]:
        """Hold the locks of names; raises StoreLockError when a thread waits too long."""
        taken: list[str] = []
        try:
            for name in sorted(set(names)):  # one order for everybody: no two can wait for each other
                self._take(name)
                taken.append(name)
            yield
        finally:
            for name in taken:
                self._release(name)

    def _take(self, name: str) -> None:
        caller = getcurrent()
        with self._mutex:
            lock = self._held.get(name)
            if lock is None:
                self._held[name] = _HeldLock(caller)
                return
            if lock.owner is caller:
                lock.times += 1
                return
            wake, wait = _future_wait() if start_of_call() is not None else _thread_wait(name)
            lock.waiting.append((caller, wake))
        try:
            wait()
        except BaseException:
            self._give_up(name, lock)
            raise

    def _release(self, name: str) -> None:
        with self._mutex:
            lock = self._held[name]
            lock.times -= 1
            if lock.times:
                return
            if not lock.waiting:
                del self._held[name]
                return
            lock.owner, wake = lock.waiting.popleft()
            lock.times = 1
        wake()

    def _give_up(self, name: str, lock: _HeldLock) -> None:
        """Leave the line, or release what was handed over just now."""
        caller = getcurrent()
        with self._mutex:
            handed_over = lock.owner is caller
            if not handed_over:
                lock.waiting = deque(entry for entry in lock.waiting if entry[0] is not caller)
        if handed_over:
            self._release(name)


def _future_wait() -> tuple[Callable[[], object], Callable[[], None]]:
    """What wakes a suspendable call, and what waits for it."""
    loop = asyncio.get_running_loop()
    woken: asyncio.Future[None] = loop.create_future()

    def wake() -> None:
        if not woken.done():
            woken.set_result(None)

    async def wait() -> None:
        await woken

    return lambda: loop.call_soon_threadsafe(wake), lambda: wait_for(wait())


def _thread_wait(name: str) -> tuple[Callable[[], object], Callable[[], None]]:
    """What wakes a thread, and what waits for it."""
    woken = Event()

    def wait() -> None:
        if not woken.wait(THREAD_WAIT_S):
            raise StoreLockError(f"{name} is in use by another request for {THREAD_WAIT_S:g} s")

    return woken.set, wait
