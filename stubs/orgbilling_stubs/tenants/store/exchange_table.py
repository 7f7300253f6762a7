"""What the processes of one store tell each other of the requests that they have answered.

A store that several processes serve has a table beside its logs. Each process appends what it has answered,
and reads what the others have (`journal.sharing`). What is in the table may be lost, and the oldest of it is
forgotten.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

PER_ORGANIZATION = 500
"""How many exchanges of each organization are kept."""
TOTAL_BYTES = 32 * 1024 * 1024
"""How much of all organizations is kept."""
AGE_MS = 24 * 3_600 * 1_000
"""How long anything is kept."""
PRUNE_EVERY = 5_000
"""After how many appended rows a process removes what is too much or too old."""
PRUNE_EVERY_BYTES = TOTAL_BYTES // 4
"""After how many appended bytes it does so."""

EXCHANGE, CLEARING, CHANGE = "exchange", "clearing", "change"
"""Kinds of rows: an exchange; that the exchanges of one organization, or all, were cleared; that something
was changed without an exchange."""


class ExchangeRow(NamedTuple):
    """A row to append. organization: None for all. at_ms: real time. content: of an exchange, encoded."""

    kind: str
    organization: str | None
    at_ms: int
    content: bytes


class StoredExchangeRow(NamedTuple):
    """A row as it is read. number: its place; rows become visible in the order of their numbers.

    instance: the process that appended it.
    """

    number: int
    instance: int
    kind: str
    organization: str | None
    content: bytes


class ExchangeTable(Protocol):
    """The rows of all processes, and one text for counts that they add up together.

    Every call raises StoreError when the database cannot be used, or the table is closed.
    """

    instance: int
    """The number of this process, which no other process of the store has had."""
    before_close: list[Callable[[], None]]
    """Called before the table is closed."""

    def append(self, rows: Sequence[ExchangeRow]) -> None:
        """Append rows, all or none. It may wait.

        A clearing removes the exchanges of its organization, or of all, that are no later than it.
        """

    def read(self, after: int, most: int) -> Sequence[StoredExchangeRow]:
        """At most so many rows with a greater number than `after`, in order. It waits for no lock."""

    def counts(self) -> bytes:
        """The counts; empty at the beginning."""

    def change_counts(self, change: Callable[[bytes], bytes]) -> None:
        """Put what `change` makes of the counts in their place, while no other process does. It may wait."""

    def close(self) -> None:
        """Release what the table holds."""
