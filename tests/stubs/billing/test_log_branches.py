from orgbilling_stubs.billing.events import (
    CommandRefused,
    Event,
    PortalOpened,
    Record,
    Rewound,
    SnapshotTaken,
)
from orgbilling_stubs.billing.log_branches import (
    active_branch,
    before_last_command,
    removal_of,
    snapshots_by_name,
)


def log(*events: Event | tuple[Event, int]) -> list[Record]:
    """Records numbered from 1; a pair names the batch."""
    records = []
    for number, item in enumerate(events, 1):
        event, batch = item if isinstance(item, tuple) else (item, number)
        records.append(Record(number, number, event, batch))
    return records


def numbers(*events: Event | tuple[Event, int]) -> list[int]:
    return [record.sequence for record in active_branch(log(*events))]


A = PortalOpened("a")


def test_without_rewinds_every_record_counts() -> None:
    assert numbers(A, A, A) == [1, 2, 3]


def test_a_rewind_hides_what_came_after_and_the_log_goes_on_from_there() -> None:
    assert numbers(A, A, A, Rewound(1), A) == [1, 5]


def test_a_place_on_an_abandoned_branch_can_be_gone_back_to() -> None:
    assert numbers(A, A, A, Rewound(1), A, Rewound(3)) == [1, 2, 3]
    assert numbers(A, A, Rewound(1), A, Rewound(3)) == [1]


def test_zero_is_before_everything() -> None:
    assert numbers(A, A, Rewound(0), A) == [4]


def test_snapshots_are_found_wherever_they_lie() -> None:
    found = snapshots_by_name(log(A, SnapshotTaken("x"), Rewound(1), SnapshotTaken("y"), SnapshotTaken("x")))
    assert {name: record.sequence for name, record in found.items()} == {"x": 5, "y": 4}


def test_the_last_command_is_taken_back_as_a_whole() -> None:
    assert before_last_command(log(A, A, (A, 3), (A, 3))) == 2
    assert before_last_command(log(A)) is None


def test_a_command_that_rewound_is_taken_back_too() -> None:
    """A at 1, a rewind command at 3 and 4: what was before it was the log up to 2."""
    rewound = log(A, A, (Rewound(1), 3), (A, 3))
    assert before_last_command(rewound) == 2
    assert [record.sequence for record in active_branch(log(A, A, (Rewound(1), 3), (A, 3), Rewound(2)))] == [
        1,
        2,
    ]


def test_a_snapshot_is_no_command() -> None:
    assert before_last_command(log(A, A, SnapshotTaken("x"), SnapshotTaken("y"))) == 1
    assert before_last_command(log(A, A, SnapshotTaken("x"), A, Rewound(3))) == 1
    assert before_last_command(log(A, A, Rewound(1), SnapshotTaken("x"))) is None


def test_a_refusal_is_no_command() -> None:
    assert before_last_command(log(A, A, CommandRefused("voucher_unknown"))) == 1


def test_taking_back_twice_goes_further_back() -> None:
    assert before_last_command(log(A, A, A, Rewound(2))) == 1
    assert before_last_command(log(A, A, Rewound(1))) is None


def test_the_rewind_that_removed_a_record_is_known() -> None:
    records = log(A, A, A, Rewound(1), A, Rewound(3), A, Rewound(0), A)
    removals = {sequence: removal_of(records, sequence) for sequence in (1, 3, 5, 9)}
    numbers_of = {key: record and record.sequence for key, record in removals.items()}
    assert numbers_of == {1: 8, 3: 8, 5: 6, 9: None}
    assert removal_of(log(A, A, Rewound(1), Rewound(2)), 2) is None
