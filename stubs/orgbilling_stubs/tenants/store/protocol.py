"""What a store is: one append-only log of records for each organization."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol

from orgbilling_stubs.billing.events import Record, TenantCreated
from orgbilling_stubs.tenants.store.exchange_table import ExchangeTable

SERVER_LOG = "_server"
"""The log of the server itself, which no organization can have: an id begins with a letter or a digit."""


class LogHead(NamedTuple):
    """Where a log ends.

    generation: tells a log from all logs of the same name that were deleted before; never given twice.
    sequence: number of the last record.
    """

    generation: int
    sequence: int


class LogDeletion(NamedTuple):
    """A log is deleted; nothing happens when there is none."""

    organization: str


class LogAppend(NamedTuple):
    """Records are appended to a log of a generation; with None, they begin one."""

    organization: str
    records: Sequence[Record]
    generation: int | None = None


LogChange = LogDeletion | LogAppend


class Store(Protocol):
    """An append-only log for each organization, with sequence numbers 1, 2, 3, …

    A log that is deleted and begun anew has another generation. Example: server A reads the log of org_a,
    generation 4, up to record 7. Server B deletes org_a and creates it again: generation 9. When A appends
    record 8 to generation 4, it gets a ConflictError, even if the new log happens to have 7 records.

    `SERVER_LOG` is read and written like the log of an organization, but it is not listed among them.

    No call stops the event loop to wait for another process. What is locked in a file raises StoreLockError
    at once, and has changed nothing; whoever can wait calls again (see `tenants.store.retry`). A database on
    another machine suspends the request that calls (see `tenants.store.suspension`).
    """

    @property
    def writes(self) -> int:
        """How many changes were written through this object; in a request: by it."""

    def head(self, organization: str) -> LogHead | None:
        """Where the log of an organization ends; None when there is none. It reads no record."""

    def read(self, organization: str, after: int = 0, generation: int | None = None) -> Sequence[Record]:
        """Records with a sequence number greater than `after`, in order.

        generation: the one that the log must have. Raises ConflictError when it has another, or is gone.
        """

    def append(self, organization: str, records: Sequence[Record], generation: int | None = None) -> int:
        """Append records whose sequence numbers follow the last one, all or none; the log's generation.

        generation: that of the log which the records were decided upon; None begins a log.
        Raises ConflictError when another writer was faster: it has appended, or begun or deleted the log.
        """

    def delete(self, organization: str) -> None:
        """Forget an organization and its log; nothing happens when there is none."""

    def write_all(self, changes: Sequence[LogChange]) -> Sequence[int]:
        """Carry out changes of several logs, in their order, in one transaction: all of them, or none.

        Returns for each append the generation of its log, for each deletion 1, or 0 when there was no log.

        Example: a deletion and an append of org_a put a new log in place of the former one. A process that is
        killed in between leaves the former one. Raises ConflictError as `append` does.
        """

    def heads(self) -> Mapping[str, LogHead]:
        """Where the log of every organization ends, in the order of creation. It reads no record."""

    def organizations(self) -> Sequence[str]:
        """Every organization that has a log, in the order of creation."""

    def creation_events(self) -> Sequence[tuple[str, TenantCreated]]:
        """Every organization with the event that created it, in the order of creation."""

    def is_locked(self) -> bool:
        """Whether another process holds a lock that stands in the way of a write now."""

    def stamp(self) -> int | None:
        """A number that changes when another process may have written. Asked with every request: cheap.

        None: the store has no such number, so the head of a log is compared before each use.
        """

    def hold(self, *organizations: str) -> AbstractContextManager[object]:
        """Keep other requests and threads of this process away from logs, in a `with` statement.

        Whoever holds logs may hold them once more.
        """

    def exchanges(self) -> ExchangeTable | None:
        """The table in which processes tell each other what they have answered; raises StoreError.

        None: no other process sees the store.
        """

    def close(self) -> None:
        """Release what the store holds."""
