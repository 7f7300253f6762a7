"""Which records count: the log only grows, but a rewind leads back to an earlier place in it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .events import Record, Rewound, SnapshotTaken


def effective(records: Sequence[Record]) -> list[Record]:
    """The records that make up the present state, in order; rewinds themselves are not among them.

    A log is a tree: each record continues the one that was effective when it was written.
    """
    parents: dict[int, int] = {}
    place: dict[int, int] = {0: 0}
    head = 0
    for record in records:
        if isinstance(record.event, Rewound):
            head = place[record.event.to]
        else:
            parents[record.sequence] = head
            head = record.sequence
        place[record.sequence] = head
    path = []
    while head:
        path.append(records[head - 1])
        head = parents[head]
    path.reverse()
    return path


def snapshots(records: Iterable[Record]) -> dict[str, Record]:
    """Every snapshot by name, the newest of a name, whether or not it lies on the present path."""
    return {record.event.name: record for record in records if isinstance(record.event, SnapshotTaken)}


def last_command(path: Sequence[Record]) -> int | None:
    """The sequence number of the record before the last command on the path; None when there is none."""
    if len(path) < 2:
        return None
    batch = path[-1].batch
    before = [record for record in path if record.batch != batch]
    return before[-1].sequence if before else None
