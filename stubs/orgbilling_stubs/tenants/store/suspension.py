"""Lets plain functions wait for a database while the event loop goes on.

The service and everything above it are plain functions: they load a tenant, decide, and append. With memory
and SQLite they never wait. A database on another machine has to be awaited, so each request for it runs in a
greenlet of its own (https://greenlet.readthedocs.io): where a plain function needs the database, `wait_for`
suspends the greenlet, the task awaits in its place, and the function goes on with the result. SQLAlchemy does
the same for its asyncio support.

    task                     greenlet of the request
    await suspendable(f) ──▶ f() … store.head("org_a")
    await <query>        ◀── wait_for(query)
    (other requests run)
                         ──▶ LogHead(4, 7) … return reply

The side of the task is `_run_in_greenlet`, that of the greenlet is `_run_coroutine`. They give control to
each other with `switch`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Generator
from functools import partial
from itertools import count
from types import coroutine
from typing import TypeVar, cast

from greenlet import getcurrent, greenlet

T = TypeVar("T")

_logical_times = count(1)


class _SuspendableCall(greenlet):
    """A call that can be suspended.

    began: the logical time at which it began. writes: how many changes it has made to a store.
    """

    began: int
    writes = 0


def next_logical_time() -> int:
    """A number greater than all before: tells what began before what in this process."""
    return next(_logical_times)


def start_of_call() -> int | None:
    """The logical time at which the present suspendable call began; None outside of one."""
    current = getcurrent()
    return current.began if isinstance(current, _SuspendableCall) else None


def writes_of_call() -> int | None:
    """How many changes the present suspendable call has made; None outside of one."""
    current = getcurrent()
    return current.writes if isinstance(current, _SuspendableCall) else None


def count_write() -> None:
    """Count a change that the present suspendable call has made."""
    current = getcurrent()
    if isinstance(current, _SuspendableCall):
        current.writes += 1


def wait_for(awaited: Coroutine[object, object, T]) -> T:
    """Await a coroutine from within a suspendable call, which is suspended meanwhile."""
    return cast(T, _run_coroutine(awaited))


async def suspendable(call: Callable[[], Awaitable[T]]) -> T:
    """Call a function, await the awaitable that it returns, and return its result.

    Both run in one greenlet, so both may use `wait_for`. It begins in a task, also where the caller was
    started without one (`http.run_to_completion`): database drivers need a task.
    """
    if start_of_call() is not None:
        return await call()
    await asyncio.sleep(0)

    async def run() -> T:
        return await call()

    return cast(T, await _run_in_greenlet(run()))


@coroutine
def _run_in_greenlet(call: Coroutine[object, object, object]) -> Generator[object, object, object]:
    """Run a coroutine in a greenlet of its own; runs in the task.

    Yields to the event loop whatever the greenlet waits for, and gives the greenlet the result or exception.
    """
    running = _SuspendableCall(lambda: _run_coroutine(call))
    running.began = next_logical_time()
    running.gr_context = getcurrent().gr_context
    awaited = running.switch()
    while not running.dead:
        try:
            result = yield awaited
        except BaseException as error:
            running.parent = getcurrent()
            awaited = running.throw(error)
        else:
            running.parent = getcurrent()
            awaited = running.switch(result)
    return awaited  # the last switch returned what the coroutine did


def _run_coroutine(running: Coroutine[object, object, object]) -> object:
    """Run a coroutine to its end; runs in the greenlet, and gives the task whatever is to be awaited."""
    resume: Callable[[], object] = partial(running.send, None)
    while True:
        try:
            awaited = resume()
        except StopIteration as done:
            return done.value
        task = getcurrent().parent
        assert task is not None
        try:
            result = task.switch(awaited)
        except BaseException as error:
            resume = partial(running.throw, error)
        else:
            resume = partial(running.send, result)
