"""The journal: the last exchanges of each organization, bounded in number and in bytes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from itertools import chain
from operator import attrgetter
from typing import Any

from orgbilling_stubs.journal.exchange import Exchange

PER_ORGANIZATION = 500
TOTAL_BYTES = 32 * 1024 * 1024


Follower = Callable[[Exchange], None]


class Journal:
    """The last exchanges: `per_organization` of each, and of all together what fits into `total_bytes`.

    Trace ids sort in the order of the requests. explain: says why an answer is what it is (see
    `journal.explain`).
    """

    def __init__(
        self,
        per_organization: int = PER_ORGANIZATION,
        total_bytes: int = TOTAL_BYTES,
        explain: Callable[[Exchange], dict[str, Any]] = lambda exchange: {},
    ) -> None:
        self.per_organization = per_organization
        self.total_bytes = total_bytes
        self.explain = explain
        self.held_bytes = 0
        self.followers: list[Follower] = []
        """Called with every new exchange, at once."""
        self.change_followers: list[Callable[[], None]] = []
        """Called after every command that is no exchange (`note_change`)."""
        self._exchanges: dict[str, deque[Exchange]] = {}
        """By organization, the oldest first."""

    def __len__(self) -> int:
        return sum(map(len, self._exchanges.values()))

    def append(self, exchange: Exchange) -> None:
        """Add an exchange, and forget the oldest where there are too many. Runs with every request."""
        held_bytes = exchange.held_bytes
        exchanges = self._exchanges.get(exchange.organization)
        if exchanges is None:
            exchanges = self._exchanges[exchange.organization] = deque()
        elif len(exchanges) >= self.per_organization:
            held_bytes -= exchanges.popleft().held_bytes
        exchanges.append(exchange)
        self.held_bytes += held_bytes
        if self.held_bytes > self.total_bytes:
            self._shrink()
        for follower in self.followers:
            follower(exchange)

    def note_change(self) -> None:
        """Tell followers that a command of the control API or of a hosted page has been carried out.

        It may have changed what they show, although no exchange tells of it.
        """
        for follower in self.change_followers:
            follower()

    def get(self, trace: str) -> Exchange | None:
        """The exchange with this `X-Trace-Id`, if it is still there."""
        return next((exchange for exchange in self.newest() if exchange.trace == trace), None)

    def newest(self, organization: str | None = None) -> Iterator[Exchange]:
        """The exchanges of an organization, or all, newest first."""
        if organization is not None:
            return iter(list(self._exchanges.get(organization, ()))[::-1])
        # Copies, because a thread that reads an embedded server's journal must not see it grow meanwhile.
        copies = [list(kept) for kept in list(self._exchanges.values())]
        return iter(sorted(chain.from_iterable(copies), key=attrgetter("trace"), reverse=True))

    def clear(self, organization: str | None = None) -> int:
        """Forget the exchanges of an organization, or all; how many they were."""
        forgotten = list(self.newest(organization))
        if organization is None:
            self._exchanges.clear()
        else:
            self._exchanges.pop(organization, None)
        self.held_bytes -= sum(exchange.held_bytes for exchange in forgotten)
        return len(forgotten)

    def _shrink(self) -> None:
        """Forget the oldest of all until a tenth is free, so that this is seldom necessary."""
        kept: list[Exchange] = []
        held_bytes = 0
        for exchange in self.newest():
            if held_bytes + exchange.held_bytes > self.total_bytes * 9 // 10:
                break
            held_bytes += exchange.held_bytes
            kept.append(exchange)
        self._exchanges.clear()
        for exchange in reversed(kept):
            self._exchanges.setdefault(exchange.organization, deque()).append(exchange)
        self.held_bytes = held_bytes
