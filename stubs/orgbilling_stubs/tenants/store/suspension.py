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
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Generator
from itertools import count
from types import coroutine
from typing import TypeVar, cast

from greenlet import getcurrent, greenlet

T = TypeVar("T")

_turns = count(1)


class _SuspendableCall(greenlet):
    """A call that can be suspended.

    began: the turn (see `next_turn`) in which it began. writes: how many changes it has made to a store.
    """

    began: int
    writes = 0


def next_turn() -> int:
    """A number greater than all before: tells what began before what in this process."""
    return next(_turns)


def turn_of_call() -> int | None:
    """The turn in which the present suspendable call began; None outside of one."""
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
    return cast(T, _drive(awaited))


async def suspendable(call: Callable[[], Awaitable[T]]) -> T:
    """What the awaitable that a function gives returns; function and awaitable may call `wait_for`.

    It begins in a task, also where the caller was started without one (`http.run_to_completion`): database
    drivers need a task.
    """
    if turn_of_call() is not None:
        return await call()
    await asyncio.sleep(0)

    async def run() -> T:
        return await call()

    return cast(T, await _suspendable(run()))


@coroutine
def _suspendable(call: Coroutine[object, object, object]) -> Generator[object, object, object]:
    """Run a coroutine in a greenlet, and await in its place what it waits for."""
    running = _SuspendableCall(lambda: _drive(call))
    running.began = next_turn()
    running.gr_context = getcurrent().gr_context
    awaited = running.switch()
    while not running.dead:
        try:
            given = yield awaited
        except BaseException as error:
            running.parent = getcurrent()
            awaited = running.throw(error)
        else:
            running.parent = getcurrent()
            awaited = running.switch(given)
    return awaited


def _drive(running: Coroutine[object, object, object]) -> object:
    """Run a coroutine in the present greenlet; what it awaits is awaited by the task of the greenlet."""
    proceed: Callable[[], object] = lambda: running.send(None)  # noqa: E731 -- it is replaced in the loop
    while True:
        try:
            awaited = proceed()
        except StopIteration as done:
            return done.value
        parent = getcurrent().parent
        assert parent is not None
        try:
            given = parent.switch(awaited)
        except BaseException as error:
            proceed = _throwing(running, error)
        else:
            proceed = _sending(running, given)


def _sending(running: Coroutine[object, object, object], given: object) -> Callable[[], object]:
    return lambda: running.send(given)


def _throwing(running: Coroutine[object, object, object], error: BaseException) -> Callable[[], object]:
    return lambda: running.throw(error)
