"""Operations on all organizations: between two of them the server answers everybody else.

A handler that reaches every organization is a coroutine. It walks with `one_by_one`, which gives the event
loop a turn after each organization; what is done to one organization is done without a wait, so nobody sees
half of it. Operations that change organizations take turns, in the order in which they came: of two, every
organization sees the first one first.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import TypeVar

T = TypeVar("T")


async def one_by_one(items: Iterable[T]) -> AsyncIterator[T]:
    """The items; the event loop has a turn after each."""
    for item in items:
        yield item
        await asyncio.sleep(0)


class BulkChanges:
    """Where operations that change all organizations wait for one another."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lock = asyncio.Lock()

    def lock(self) -> asyncio.Lock:
        """To be held by the operation that changes organizations now.

        A lock belongs to one event loop; a program that embeds the server may use several.
        """
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._loop, self._lock = loop, asyncio.Lock()
        return self._lock
