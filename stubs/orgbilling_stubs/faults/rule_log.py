"""The log of standing fault rules, part of the server's own log: the rules survive a restart."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext

from orgbilling_stubs.billing.events import Event, FaultRulesCleared, Record
from orgbilling_stubs.tenants import clock
from orgbilling_stubs.tenants.store.errors import LogDamageError
from orgbilling_stubs.tenants.store.protocol import SERVER_LOG, LogAppend, Store


class RuleLog:
    """Reads and appends events of fault rules. Without a store it is always empty."""

    def __init__(self, store: Store | None = None, wall_ms: Callable[[], int] = clock.wall_ms) -> None:
        self._store = store
        self._wall_ms = wall_ms
        self._last = 0
        """Sequence number of the last event that was read or appended."""
        self._generation: int | None = None
        self._stamp: int | None = -1
        self.shared = store is not None
        """Whether other processes may append to the log."""

    def changed(self) -> bool:
        """Whether another process may have appended since the last call."""
        if self._store is None:
            return False
        stamp = self._store.stamp()
        changed, self._stamp = stamp is None or stamp != self._stamp, stamp
        return changed

    def hold(self) -> AbstractContextManager[object]:
        """Keep other requests away from the log, and from what follows from it, in a `with` statement."""
        return nullcontext() if self._store is None else self._store.hold(SERVER_LOG)

    def new_events(self) -> Sequence[Event]:
        """The events that were appended since the last call; at the first call, all of them."""
        if self._store is None:
            return []
        events: list[Event] = []
        head = self._store.head(SERVER_LOG)
        generation = None if head is None else head.generation
        if self._generation not in (None, generation):  # the log was damaged, and replaced
            events.append(FaultRulesCleared())
            self._last = 0
        self._generation = generation
        if head is not None and head.sequence > self._last:
            records = self._store.read(SERVER_LOG, self._last, generation)
            self._last += len(records)
            events += [record.event for record in records]
        return events

    def replace_damaged(self) -> None:
        """Delete the log if it is damaged; the next event begins a new one."""
        if self._store is not None:
            try:
                self._store.read(SERVER_LOG)
            except LogDamageError:
                self._store.delete(SERVER_LOG)

    def append(self, event: Event) -> None:
        """Append an event; raises ConflictError when there are events that were not read yet."""
        for _, records, generation in self.appends([event]):
            assert self._store is not None
            self._generation = self._store.append(SERVER_LOG, records, generation)
            self._last = records[-1].sequence

    def appends(self, events: Sequence[Event]) -> Sequence[LogAppend]:
        """The change that appends events, for a transaction with other logs; none without a store or events.

        When it has been carried out, `new_events` gives these events.
        """
        if self._store is None or not events:
            return []
        first, at_ms = self._last + 1, self._wall_ms()
        records = [Record(number, at_ms, event, first) for number, event in enumerate(events, first)]
        return [LogAppend(SERVER_LOG, records, self._generation)]
