"""What a store is: one append-only log of records for each organization."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from orgbilling_stubs.billing.events import Record, TenantCreated

SERVER_LOG = "_server"
"""The log of the server itself, which no organization can have: an id begins with a letter or a digit."""


class ConflictError(Exception):
    """Somebody else appended first: the expected sequence number is taken."""


class StoreError(Exception):
    """The store cannot be opened, read or written; the text says why in one line."""


class Store(Protocol):
    """An append-only log for each organization, with sequence numbers 1, 2, 3, …

    `SERVER_LOG` is read and written like the log of an organization, but it is not listed among them.
    """

    def read(self, organization: str, after: int = 0) -> Sequence[Record]:
        """Records with a sequence number greater than `after`, in order."""

    def append(self, organization: str, records: Sequence[Record]) -> None:
        """Append records whose sequence numbers follow the last one, all or none.

        Raises ConflictError when another writer was faster.
        """

    def delete(self, organization: str) -> None:
        """Forget an organization and its log; nothing happens when there is none."""

    def organizations(self) -> Sequence[str]:
        """Every organization that has a log, in the order of creation."""

    def creation_events(self) -> Sequence[tuple[str, TenantCreated]]:
        """Every organization with the event that created it, in the order of creation."""

    def stamp(self) -> int:
        """A number that changes when another process may have appended."""

    def close(self) -> None:
        """Release what the store holds."""
