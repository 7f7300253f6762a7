"""Operations on all organizations: between two organizations the server answers other requests.

A handler for all organizations is a coroutine that iterates with `one_by_one`, which lets other requests run
after each organization. A change to one organization never awaits, so no request sees half of it. A lock lets
only one operation at a time change all organizations. So two of them reach every organization in the order in
which they were sent.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import TypeVar

T = TypeVar("T")


async def one_by_one(items: Iterable[T]) -> AsyncIterator[T]:
    """The items; other requests run after each."""
    for item in items:
        yield item
        await asyncio.sleep(0)


class BulkChanges:
    """Lets operations that change all organizations wait for one another."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lock = asyncio.Lock()

    def lock(self) -> asyncio.Lock:
        """The lock that an operation holds while it changes organizations.

        A lock belongs to one event loop, and a program that embeds the server may use several.
        """
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._loop, self._lock = loop, asyncio.Lock()
        return self._lock
