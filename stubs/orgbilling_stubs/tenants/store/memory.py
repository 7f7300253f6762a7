"""The log in memory: gone with the process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from itertools import count
from threading import RLock

from orgbilling_stubs.billing.events import Record, TenantCreated
from orgbilling_stubs.tenants.store.errors import ConflictError
from orgbilling_stubs.tenants.store.protocol import SERVER_LOG, LogAppend, LogChange, LogHead


class MemoryStore:
    """Logs in a dictionary, each with its generation."""

    def __init__(self) -> None:
        self._logs: dict[str, tuple[int, list[Record]]] = {}
        self._generations = count(1)
        self.writes = 0
        self._lock = RLock()

    def head(self, organization: str) -> LogHead | None:
        """Where a log ends."""
        log = self._logs.get(organization)
        return None if log is None else LogHead(log[0], len(log[1]))

    def read(self, organization: str, after: int = 0, generation: int | None = None) -> Sequence[Record]:
        """Records after a sequence number; raises ConflictError for a log of another generation."""
        present, records = self._logs.get(organization, (None, []))
        if generation not in (None, present):
            raise ConflictError(f"{organization}: the log is not of generation {generation}")
        return records[after:]

    def append(self, organization: str, records: Sequence[Record], generation: int | None = None) -> int:
        """Append records; raises ConflictError when their place is taken."""
        present, log = self._logs.get(organization, (None, []))
        if generation != present or records[0].sequence != len(log) + 1:
            raise ConflictError(f"{organization}: sequence {records[0].sequence} is taken")
        if present is None:
            present = next(self._generations)
            self._logs[organization] = present, list(records)
        else:
            log.extend(records)
        self.writes += 1
        return present

    def delete(self, organization: str) -> None:
        """Forget an organization."""
        self._logs.pop(organization, None)
        self.writes += 1

    def write_all(self, changes: Sequence[LogChange]) -> Sequence[int]:
        """Carry out all changes, or none; raises ConflictError."""
        names = {change.organization for change in changes}
        before, writes = {name: self._logs[name] for name in names if name in self._logs}, self.writes
        for name, (generation, records) in before.items():
            self._logs[name] = generation, list(records)
        try:
            return [self._change(change) for change in changes]
        except ConflictError:
            for name in names:
                self._logs.pop(name, None)
            self._logs.update(before)
            self.writes = writes
            raise

    def _change(self, change: LogChange) -> int:
        """Carry out a change; what `write_all` returns for it."""
        if isinstance(change, LogAppend):
            return self.append(change.organization, change.records, change.generation)
        return int(self._logs.pop(change.organization, None) is not None)

    def heads(self) -> Mapping[str, LogHead]:
        """Where every log ends."""
        logs = self._logs.items()
        return {name: LogHead(generation, len(log)) for name, (generation, log) in logs if name != SERVER_LOG}

    def organizations(self) -> Sequence[str]:
        """Every organization with a log."""
        return [name for name in self._logs if name != SERVER_LOG]

    def creation_events(self) -> Sequence[tuple[str, TenantCreated]]:
        """Every organization with the event that created it."""
        births = ((organization, log[0].event) for organization, (_, log) in self._logs.items())
        return [(organization, event) for organization, event in births if isinstance(event, TenantCreated)]

    def is_locked(self) -> bool:
        """Never: nobody else writes here."""
        return False

    def stamp(self) -> int:
        """Always the same: nobody else writes here."""
        return 0

    def hold(self, *organizations: str) -> AbstractContextManager[object]:
        """Keep other threads away from all logs."""
        return self._lock

    def exchanges(self) -> None:
        """Nothing: nobody else sees this store."""

    def close(self) -> None:
        """Nothing to release."""
