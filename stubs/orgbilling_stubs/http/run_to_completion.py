"""Runs a coroutine to completion without a task, where nothing has to wait.

The request pipeline is asynchronous, but most requests never wait: the body is here already, the handler
computes, and the response is ready. A task for each of them would cost more than the answer. So the chain is
started by hand, by `start`; when it returns without having waited, the response is there, and no task was
made. Example: GET /org/billing runs from its first step to its response within one call of
`coroutine.send(None)`. The same request with `Prefer: delay=250` reaches `asyncio.sleep` on the way: `send`
returns what it waits for, and `resume` awaits the rest of it inside a task.
"""

from __future__ import annotations

from collections.abc import Coroutine, Generator
from functools import partial
from types import coroutine
from typing import Any, Generic, NamedTuple, TypeVar

T = TypeVar("T")


class Suspended(NamedTuple, Generic[T]):
    """A coroutine that was started, and has to wait: for the future in `awaited`, or, where that is None, for
    the next iteration of the event loop.
    """

    running: Coroutine[Any, Any, T]
    awaited: Any


def start(started: Coroutine[Any, Any, T]) -> T | Suspended[T]:
    """Run a coroutine until it returns or has to wait for the first time, without a task.

    Outside of a task `asyncio.timeout` and `asyncio.current_task` do not work: nothing in the pipeline may
    use them before it has waited for something.
    """
    try:
        awaited = started.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    return Suspended(started, awaited)


@coroutine
def resume(suspended: Suspended[T]) -> Generator[Any, Any, T]:
    """Await the rest of a coroutine that `start` has run up to its first wait; from within a task."""
    running, awaited = suspended
    while True:
        try:
            result_awaited = yield awaited
        except BaseException as error:
            step = partial(running.throw, error)
        else:
            step = partial(running.send, result_awaited)
        try:
            awaited = step()
        except StopIteration as done:
            result: T = done.value
            return result
