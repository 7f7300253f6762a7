"""The log in memory: gone with the process."""

from __future__ import annotations

from collections.abc import Sequence

from orgbilling_stubs.billing.events import Record, TenantCreated
from orgbilling_stubs.tenants.store.protocol import SERVER_LOG, ConflictError


class MemoryStore:
    """Logs in a dictionary."""

    def __init__(self) -> None:
        self._logs: dict[str, list[Record]] = {}

    def read(self, organization: str, after: int = 0) -> Sequence[Record]:
        """Records after a sequence number."""
        return self._logs.get(organization, [])[after:]

    def append(self, organization: str, records: Sequence[Record]) -> None:
        """Append records; raises Conflict when their place is taken."""
        log = self._logs.get(organization)
        taken = len(log) if log is not None else 0
        if records[0].sequence != taken + 1:
            raise ConflictError(f"{organization}: sequence {records[0].sequence} is taken")
        if log is None:
            self._logs[organization] = list(records)
        else:
            log.extend(records)

    def delete(self, organization: str) -> None:
        """Forget an organization."""
        self._logs.pop(organization, None)

    def organizations(self) -> Sequence[str]:
        """Every organization with a log."""
        return [name for name in self._logs if name != SERVER_LOG]

    def creation_events(self) -> Sequence[tuple[str, TenantCreated]]:
        """Every organization with the event that created it."""
        births = ((organization, log[0].event) for organization, log in self._logs.items())
        return [(organization, event) for organization, event in births if isinstance(event, TenantCreated)]

    def stamp(self) -> int:
        """Always the same: nobody else writes here."""
        return 0

    def close(self) -> None:
        """Nothing to release."""
