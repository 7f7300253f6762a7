"""What a store is: one append-only log of records for each organisation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ..domain.events import Record, TenantCreated


class Conflict(Exception):  # noqa: N818 -- an answer that the writer retries on
    """Somebody else appended first: the expected sequence number is taken."""


class StoreError(Exception):
    """The store cannot be opened, read or written; the text says why in one line."""


class Store(Protocol):
    """An append-only log for each organisation, with sequence numbers 1, 2, 3, …"""

    def read(self, organisation: str, after: int = 0) -> Sequence[Record]:
        """Records with a sequence number greater than `after`, in order."""

    def append(self, organisation: str, records: Sequence[Record]) -> None:
        """Append records whose sequence numbers follow the last one, all or none.

        Raises Conflict when another writer was faster.
        """

    def delete(self, organisation: str) -> None:
        """Forget an organisation and its log; nothing happens when there is none."""

    def organisations(self) -> Sequence[str]:
        """Every organisation that has a log, in the order of creation."""

    def births(self) -> Sequence[tuple[str, TenantCreated]]:
        """Every organisation with the event that created it, in the order of creation."""

    def stamp(self) -> int:
        """A number that changes when another process may have appended."""

    def close(self) -> None:
        """Release what the store holds."""
