"""The journal: the last exchanges of each organization, bounded in number and in bytes.

Entries are buffered. With every request the recorder only appends an entry to a list; `flush` brings what
waits into the journal: it shows each entry to the readers (the coverage counts it), shortens it, and files it
under its organization. That happens when 64 entries wait, when an entry holds a large response, when somebody
follows the journal, and before anything is read.

Why: filing takes longer than recording, and a response should wait for neither. Done 64 at a time it also
keeps its code and data in the processor's caches. Example: of 100 requests, the 64th files the first 64; a
client that then asks the control API for the journal has the other 36 filed first, and sees all 100.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from threading import RLock
from typing import Any, Protocol

from orgbilling_stubs.journal.exchange import EXCERPT_BYTES, Entry, Exchange, redacted

EACH = 500
TOTAL_BYTES = 32 * 1024 * 1024
BUFFERED = 64
"""So many entries are filed at a time,"""
LARGE_BYTES = 65_536
"""unless one of them is so large that it should not wait."""


class Filed(Protocol):
    """What is in the journal: an entry that has been stripped, or an exchange."""

    @property
    def trace(self) -> str:
        """The `X-Trace-Id`."""

    @property
    def organization(self) -> str:
        """The organization of the token, or an empty string."""

    @property
    def held_bytes(self) -> int:
        """About how much memory it takes."""

    def exchange(self) -> Exchange:
        """As it can be shown."""


Follower = Callable[[Exchange], None]
Reader = Callable[[Entry], None]


class Journal:
    """The last exchanges: `each` of every organization, and of all together what fits into `total_bytes`.

    Trace ids sort in the order of the requests. explain: says why an answer is what it is (see
    `journal.explain`).
    """

    def __init__(
        self,
        each: int = EACH,
        total_bytes: int = TOTAL_BYTES,
        explain: Callable[[Exchange], dict[str, Any]] = lambda exchange: {},
    ) -> None:
        self.each = each
        self.total_bytes = total_bytes
        self.explain = explain
        self.held_bytes = 0
        self.followers: list[Follower] = []
        """Called with every new exchange, at once."""
        self.readers: list[Reader] = []
        """Called with every entry when it is filed, while it is still whole."""
        self._waiting: list[Entry] = []
        self._filing = RLock()
        self._filed: dict[str, deque[Filed]] = {}
        self._last_long: dict[str, tuple[bytes, bytes]] = {}
        """The last long response of each operation, and its beginning: polled again, it is cut once."""

    def __len__(self) -> int:
        self.flush()
        return sum(len(filed) for filed in list(self._filed.values()))

    def record(self, entry: Entry) -> None:
        """Take an exchange in. Runs with every request."""
        waiting = self._waiting
        waiting.append(entry)
        if len(waiting) >= BUFFERED or entry.size > LARGE_BYTES or self.followers:
            self.flush()

    def flush(self) -> None:
        """File what waits."""
        with self._filing:
            entries = self._waiting[:]
            del self._waiting[: len(entries)]
            for entry in entries:
                for read in self.readers:
                    read(entry)
                entry.strip(self._excerpt(entry))
                self.append(entry)

    def append(self, entry: Filed) -> None:
        """File an exchange, and forget the oldest where there are too many."""
        held_bytes = entry.held_bytes
        filed = self._filed.get(entry.organization)
        if filed is None:
            filed = self._filed[entry.organization] = deque()
        elif len(filed) >= self.each:
            held_bytes -= filed.popleft().held_bytes
        filed.append(entry)
        self.held_bytes += held_bytes
        if self.held_bytes > self.total_bytes:
            self._shrink()
        if self.followers:
            exchange = entry.exchange()
            for follower in self.followers:
                follower(exchange)

    def _excerpt(self, entry: Entry) -> bytes:
        """The beginning of a response's body."""
        payload = entry.payload
        if entry.status >= 400:  # what is refused may be a token, sent back
            return redacted(payload)
        if len(payload) <= EXCERPT_BYTES:
            return payload
        last = self._last_long.get(entry.operation)
        if last is None or last[0] is not payload:
            last = self._last_long[entry.operation] = payload, payload[:EXCERPT_BYTES]
        return last[1]

    def get(self, trace: str) -> Exchange | None:
        """The exchange with this `X-Trace-Id`, if it is still there."""
        found = next((entry for entry in self._newest() if entry.trace == trace), None)
        return None if found is None else found.exchange()

    def newest(self, organization: str | None = None) -> Iterator[Exchange]:
        """The exchanges of an organization, or all, newest first."""
        return (entry.exchange() for entry in self._newest(organization))

    def _newest(self, organization: str | None = None) -> Iterator[Filed]:
        self.flush()
        if organization is not None:
            return iter(list(self._filed.get(organization, ()))[::-1])
        return (entry for _, entry in self._all())

    def clear(self, organization: str | None = None) -> int:
        """Forget the exchanges of an organization, or all; how many they were."""
        gone = list(self._newest(organization))
        if organization is None:
            self._filed.clear()
        else:
            self._filed.pop(organization, None)
        self.held_bytes -= sum(entry.held_bytes for entry in gone)
        return len(gone)

    def _shrink(self) -> None:
        """Forget the oldest of all until a tenth is free, so that this is seldom necessary."""
        kept: list[tuple[str, Filed]] = []
        held_bytes = 0
        for organization, entry in self._all():
            held_bytes += entry.held_bytes
            if held_bytes > self.total_bytes * 9 // 10:
                held_bytes -= entry.held_bytes
                break
            kept.append((organization, entry))
        self._filed.clear()
        for organization, entry in reversed(kept):
            self._filed.setdefault(organization, deque()).append(entry)
        self.held_bytes = held_bytes

    def _all(self) -> list[tuple[str, Filed]]:
        """Everything with its organization, newest first."""
        every = [(name, entry) for name, filed in list(self._filed.items()) for entry in list(filed)]
        return sorted(every, key=lambda named: named[1].trace, reverse=True)
