"""The log in memory: gone with the process."""

from __future__ import annotations

from collections.abc import Sequence

from ..domain.events import Record, TenantCreated
from .log import Conflict


class MemoryStore:
    """Logs in a dictionary."""

    def __init__(self) -> None:
        self._logs: dict[str, list[Record]] = {}

    def read(self, organisation: str, after: int = 0) -> Sequence[Record]:
        """Records after a sequence number."""
        return self._logs.get(organisation, [])[after:]

    def append(self, organisation: str, records: Sequence[Record]) -> None:
        """Append records; raises Conflict when their place is taken."""
        log = self._logs.get(organisation)
        taken = len(log) if log is not None else 0
        if records[0].sequence != taken + 1:
            raise Conflict(f"{organisation}: sequence {records[0].sequence} is taken")
        if log is None:
            self._logs[organisation] = list(records)
        else:
            log.extend(records)

    def delete(self, organisation: str) -> None:
        """Forget an organisation."""
        self._logs.pop(organisation, None)

    def organisations(self) -> Sequence[str]:
        """Every organisation with a log."""
        return list(self._logs)

    def births(self) -> Sequence[tuple[str, TenantCreated]]:
        """Every organisation with the event that created it."""
        births = ((organisation, log[0].event) for organisation, log in self._logs.items())
        return [(organisation, event) for organisation, event in births if isinstance(event, TenantCreated)]

    def stamp(self) -> int:
        """Always the same: nobody else writes here."""
        return 0

    def close(self) -> None:
        """Nothing to release."""
