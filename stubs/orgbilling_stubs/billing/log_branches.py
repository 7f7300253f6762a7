"""The branches of a log: it only grows, but a rewind goes back to an earlier place in it.

A log is a tree. Each record continues the one that was the newest of the active branch when it was written,
and `Rewound(to)` makes the branch that ends with record `to` the active one. Example: after the records 1, 2
and 3, record 4 is Rewound(to=1), and record 5 an event. The active branch is 1, 5. The branch 1, 2, 3 is
still there, so the rewind itself can be undone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from orgbilling_stubs.billing.events import CommandRefused, Record, Rewound, SnapshotDeleted, SnapshotTaken


def active_branch(records: Sequence[Record]) -> list[Record]:
    """The records that make up the present state, in order; rewinds themselves are not among them.

    `heads` has, for each record, the newest record of the branch that was active after it.
    """
    if not any(type(record.event) is Rewound for record in records):
        return list(records)  # as most logs are
    parents: dict[int, int] = {}
    heads: dict[int, int] = {0: 0}
    head = 0
    for record in records:
        if isinstance(record.event, Rewound):
            head = heads[record.event.to]
        else:
            parents[record.sequence] = head
            head = record.sequence
        heads[record.sequence] = head
    path = []
    while head:
        path.append(records[head - 1])
        head = parents[head]
    path.reverse()
    return path


def removal_of(records: Sequence[Record], sequence: int) -> Record | None:
    """The rewind that took a record out of the active branch; None when it counts."""
    heads: dict[int, int] = {0: 0}
    holding = {0: False}
    """Whether the branch that ends with a record holds the one in question."""
    head, removal = 0, None
    for record in records:
        if isinstance(record.event, Rewound):
            held, head = holding[head], heads[record.event.to]
            if held and not holding[head]:
                removal = record
        else:
            holding[record.sequence] = holding[head] or record.sequence == sequence
            head = record.sequence
        heads[record.sequence] = head
    return None if holding[head] else removal


def snapshots_by_name(records: Iterable[Record]) -> dict[str, Record]:
    """Every snapshot by name, the newest of a name, whether or not it lies on the active branch.

    Those that were deleted since are left out, also where the deletion lies on another branch.
    """
    snapshots: dict[str, Record] = {}
    for record in records:
        if isinstance(record.event, SnapshotTaken):
            snapshots[record.event.name] = record
        elif isinstance(record.event, SnapshotDeleted):
            snapshots.pop(record.event.name, None)
    return snapshots


def before_last_command(records: Sequence[Record]) -> int | None:
    """The sequence number before the last command that was not undone; None when there is no such command.

    A batch that is nothing but a rewind undid a command: the search goes on at the record it went back to. A
    snapshot, its deletion and a refusal are no commands, because undoing them would change nothing.
    """
    sequence = len(records)
    while sequence:
        last = records[sequence - 1]
        if isinstance(last.event, Rewound):
            sequence = last.event.to
        elif isinstance(last.event, (SnapshotTaken, SnapshotDeleted, CommandRefused)):
            sequence -= 1
        else:
            return last.batch - 1 or None
    return None
