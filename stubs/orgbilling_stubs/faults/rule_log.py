"""The log of standing fault rules, part of the server's own log: the rules survive a restart."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from orgbilling_stubs.billing.events import Event, Record
from orgbilling_stubs.tenants import clock
from orgbilling_stubs.tenants.store.protocol import SERVER_LOG, Store


class RuleLog:
    """Reads and appends events of fault rules. Without a store it is always empty."""

    def __init__(self, store: Store | None = None, wall_ms: Callable[[], int] = clock.wall_ms) -> None:
        self._store = store
        self._wall_ms = wall_ms
        self._last = 0
        """Sequence number of the last event that was read or appended."""
        self._stamp = -1
        self.shared = store is not None
        """Whether other processes may append to the log."""

    def changed(self) -> bool:
        """Whether another process may have appended since the last call."""
        if self._store is None:
            return False
        stamp = self._store.stamp()
        changed, self._stamp = stamp != self._stamp, stamp
        return changed

    def new_events(self) -> Sequence[Event]:
        """The events that were appended since the last call; at the first call, all of them."""
        if self._store is None:
            return []
        records = self._store.read(SERVER_LOG, self._last)
        if records:
            self._last = records[-1].sequence
        return [record.event for record in records]

    def append(self, event: Event) -> None:
        """Append an event; raises ConflictError when there are events that were not read yet."""
        if self._store is not None:
            sequence = self._last + 1
            self._store.append(SERVER_LOG, [Record(sequence, self._wall_ms(), event, sequence)])
            self._last = sequence
