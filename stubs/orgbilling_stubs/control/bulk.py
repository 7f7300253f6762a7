"""Work on many organizations, in steps: between two of them the server answers everybody else.

A handler that reaches every organization gives back `Steps`. `Pace` stands where a tap would: it lets the
operation run up to its handler, takes the steps with a turn of the event loop after each, and then lets the
operation write what came of them. One step does one organization whole, so nobody sees half of one.
"""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Generator, Mapping
from contextlib import nullcontext
from functools import partial
from typing import Any, TypeAlias

from orgbilling_stubs.http.connection import Receive, Send
from orgbilling_stubs.http.context import Call, Encoded, Handler, Reply, Stream
from orgbilling_stubs.http.cors import Headers
from orgbilling_stubs.http.middleware import Detour, Turn

Work: TypeAlias = Generator[None, None, Reply | Encoded]
"""Yields after each organization; returns the answer."""


class Steps(Reply):
    """An answer that is still to be worked out.

    changes: whether the work changes organizations. Such works wait for one another, in the order in which
    they were asked for: of two, every organization sees the first one first.
    """

    __slots__ = ("changes", "work")

    def __init__(self, work: Work, *, changes: bool = False) -> None:
        super().__init__(None)
        self.work = work
        self.changes = changes


class _Parked(BaseException):
    """Leads out of an operation that has reached its handler; no error, so that nothing answers it."""

    def __init__(self, steps: Steps) -> None:
        super().__init__()
        self.steps = steps


class Pace:
    """The tap of the control API: watches nothing, and serves every operation at a walk."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._line = asyncio.Lock()

    def begin(self, operation: Any, scope: Mapping[str, Any], headers: Mapping[bytes, bytes]) -> Detour:
        """Who answers: the operation, in steps."""
        return partial(self._serve, operation, scope)

    def around(self, operation: Any, handler: Handler) -> Handler:
        """The handler as it is."""
        return handler

    def record(self, operation: Any, turn: Turn, status: int, out: Headers, payload: bytes) -> None:
        """Nothing is kept of what drives the server."""

    async def _serve(
        self,
        operation: Any,
        scope: Mapping[str, Any],
        receive: Receive,
        send: Send,
        path: Mapping[str, str],
    ) -> None:
        walking = copy.copy(operation)
        walking.tap = None
        walking.handler = partial(_park, operation.handler)
        try:
            await walking.serve(scope, receive, send, path)
            return
        except _Parked as parked:
            steps = parked.steps
        async with self._queue() if steps.changes else nullcontext():
            walking.handler = await _walk(steps.work)
        walking.body = None  # it has been read
        await walking.serve(scope, receive, send, path)

    def _queue(self) -> asyncio.Lock:
        """Where works wait for one another. A lock belongs to one event loop; embedders may use several."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._loop, self._line = loop, asyncio.Lock()
        return self._line


def _park(handler: Handler, call: Call) -> Reply | Encoded | Stream:
    reply = handler(call)
    if isinstance(reply, Steps):
        raise _Parked(reply)
    return reply


async def _walk(work: Work) -> Handler:
    """Take every step; the handler that answers with what came of them, be it a refusal."""
    try:
        while True:
            next(work)
            await asyncio.sleep(0)
    except StopIteration as done:
        reply: Reply | Encoded = done.value
        return lambda call: reply
    except Exception as error:
        return partial(_fail, error)


def _fail(error: Exception, call: Call) -> Reply:
    raise error
