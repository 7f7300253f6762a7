"""What every store must do. A store joins by its address in `STORES` of tests/stubs/conftest.py."""

from collections.abc import Callable

import pytest
from orgbilling_stubs.billing.events import Idempotency, PortalOpened, Record, TenantCreated
from orgbilling_stubs.tenants.store.errors import ConflictError
from orgbilling_stubs.tenants.store.protocol import SERVER_LOG, LogAppend, LogDeletion, LogHead, Store


@pytest.fixture
def store(store_address: str, open_store: Callable[[str], Store]) -> Store:
    return open_store(store_address)


def record(sequence: int, key: str | None = None) -> Record:
    return Record(
        sequence, 10 * sequence, PortalOpened(str(sequence)), 1, Idempotency(key, "f") if key else None
    )


def test_what_is_appended_is_read_in_order(store: Store) -> None:
    generation = store.append("org_a", [record(1), record(2, "k")])
    store.append("org_b", [record(1)])
    assert store.append("org_a", [record(3)], generation) == generation
    assert list(store.read("org_a")) == [record(1), record(2, "k"), record(3)]
    assert list(store.read("org_a", 2)) == [record(3)]
    assert list(store.read("org_c")) == []
    assert store.head("org_a") == LogHead(generation, 3)
    assert store.head("org_c") is None
    assert list(store.organizations()) == ["org_a", "org_b"]
    assert store.heads() == {name: store.head(name) for name in ("org_a", "org_b")}


def test_the_log_of_the_server_is_no_organization(store: Store) -> None:
    store.append(SERVER_LOG, [record(1)])
    store.append("org_a", [record(1)])
    assert list(store.organizations()) == list(store.heads()) == ["org_a"]
    assert list(store.read(SERVER_LOG)) == [record(1)]


def test_a_place_is_taken_once_and_a_refused_append_leaves_nothing(store: Store) -> None:
    store.append("org_a", [record(1)])
    with pytest.raises(ConflictError):
        store.append("org_a", [record(1)])
    assert list(store.read("org_a")) == [record(1)]


def test_nothing_changes_the_stamp_of_a_lonely_store(store: Store) -> None:
    before = store.stamp()
    store.append("org_a", [record(1)])
    assert store.stamp() == before


def test_a_deleted_log_is_gone_and_can_begin_anew(store: Store) -> None:
    store.append("org_a", [record(1), record(2)])
    store.delete("org_a")
    store.delete("org_never")
    assert list(store.organizations()) == []
    store.append("org_a", [record(1)])
    assert list(store.read("org_a")) == [record(1)]


def test_a_log_begun_anew_has_another_generation_and_refuses_what_was_decided_on_the_former(
    store: Store,
) -> None:
    former = store.append("org_a", [record(1), record(2)])
    store.delete("org_a")
    for written in (1, 2):
        with pytest.raises(ConflictError):
            store.append("org_a", [record(written)], former)
    assert store.head("org_a") is None
    with pytest.raises(ConflictError):
        store.read("org_a", generation=former)
    generation = store.append("org_a", [record(1), record(2)])
    assert generation != former
    with pytest.raises(ConflictError):
        store.append("org_a", [record(3)], former)
    with pytest.raises(ConflictError):
        store.append("org_a", [record(3)])
    with pytest.raises(ConflictError):
        store.read("org_a", 1, former)
    assert list(store.read("org_a", 1, generation)) == [record(2)]


def test_a_generation_is_never_given_twice(
    lasting_store_address: str, open_store: Callable[[str], Store]
) -> None:
    generations = set()
    for _ in range(3):
        store = open_store(lasting_store_address)
        generations.add(store.append("org_a", [record(1)]))
        store.delete("org_a")
        store.close()
    assert len(generations) == 3


def test_creation_events_are_the_events_that_created_the_organizations(store: Store) -> None:
    created = TenantCreated({"name": "mine"}, 3, 5, "org_b")
    store.append("org_b", [Record(1, 5, created, 1), record(2)])
    store.append("org_a", [record(1)])
    assert store.creation_events() == [("org_b", created)]


def test_the_log_outlives_the_process(lasting_store_address: str, open_store: Callable[[str], Store]) -> None:
    first = open_store(lasting_store_address)
    first.append("org_a", [record(1)])
    first.close()
    assert list(open_store(lasting_store_address).read("org_a")) == [record(1)]


def test_another_process_is_noticed_and_cannot_take_the_same_place(
    lasting_store_address: str, open_store: Callable[[str], Store]
) -> None:
    ours, theirs = open_store(lasting_store_address), open_store(lasting_store_address)
    before = ours.stamp()
    theirs.append("org_a", [record(1)])
    assert ours.stamp() is None or ours.stamp() != before
    with pytest.raises(ConflictError):
        ours.append("org_a", [record(1)])
    assert list(ours.read("org_a")) == [record(1)]


def test_changes_of_several_logs_are_one_transaction(store: Store) -> None:
    former = store.append("org_a", [record(1), record(2)])
    rules = store.append(SERVER_LOG, [record(1)])
    store.write_all(
        [
            LogDeletion("org_a"),
            LogAppend("org_a", [record(1, "k")]),
            LogDeletion("org_never"),
            LogAppend("org_b", [record(1)]),
            LogAppend(SERVER_LOG, [record(2)], rules),
        ]
    )
    assert list(store.read("org_a")) == [record(1, "k")]
    head = store.head("org_a")
    assert head is not None
    assert head.generation != former
    assert list(store.read("org_b")) == [record(1)]
    assert list(store.read(SERVER_LOG)) == [record(1), record(2)]


def test_one_conflict_refuses_the_changes_of_all_logs(store: Store) -> None:
    generation = store.append("org_a", [record(1)])
    rules = store.append(SERVER_LOG, [record(1)])
    writes = store.writes
    with pytest.raises(ConflictError):
        store.write_all(
            [
                LogDeletion("org_a"),
                LogAppend("org_a", [record(1, "k"), record(2)]),
                LogAppend("org_b", [record(1)]),
                LogAppend(SERVER_LOG, [record(1)], rules),
            ]
        )
    assert store.head("org_a") == LogHead(generation, 1)
    assert list(store.read("org_a")) == [record(1)]
    assert store.head("org_b") is None
    assert store.head(SERVER_LOG) == LogHead(rules, 1)
    assert store.writes == writes
