"""What every store must do. A store joins by its address in `STORES` of tests/stubs/conftest.py."""

from collections.abc import Iterator

import pytest
from orgbilling_stubs.billing.events import Idempotency, PortalOpened, Record, TenantCreated
from orgbilling_stubs.tenants.store.address import open_store
from orgbilling_stubs.tenants.store.protocol import SERVER_LOG, ConflictError, Store


@pytest.fixture
def store(store_address: str) -> Iterator[Store]:
    opened = open_store(store_address)
    yield opened
    opened.close()


def record(sequence: int, key: str | None = None) -> Record:
    return Record(
        sequence, 10 * sequence, PortalOpened(str(sequence)), 1, Idempotency(key, "f") if key else None
    )


def test_what_is_appended_is_read_in_order(store: Store) -> None:
    store.append("org_a", [record(1), record(2, "k")])
    store.append("org_b", [record(1)])
    store.append("org_a", [record(3)])
    assert list(store.read("org_a")) == [record(1), record(2, "k"), record(3)]
    assert list(store.read("org_a", 2)) == [record(3)]
    assert list(store.read("org_c")) == []
    assert list(store.organizations()) == ["org_a", "org_b"]


def test_the_log_of_the_server_is_no_organization(store: Store) -> None:
    store.append(SERVER_LOG, [record(1)])
    store.append("org_a", [record(1)])
    assert list(store.organizations()) == ["org_a"]
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


def test_creation_events_are_the_events_that_created_the_organizations(store: Store) -> None:
    created = TenantCreated({"name": "mine"}, 3, 5, "org_b")
    store.append("org_b", [Record(1, 5, created, 1), record(2)])
    store.append("org_a", [record(1)])
    assert store.creation_events() == [("org_b", created)]


def test_the_log_outlives_the_process(lasting_store_address: str) -> None:
    first = open_store(lasting_store_address)
    first.append("org_a", [record(1)])
    first.close()
    assert list(open_store(lasting_store_address).read("org_a")) == [record(1)]


def test_another_process_is_noticed_and_cannot_take_the_same_place(lasting_store_address: str) -> None:
    ours, theirs = open_store(lasting_store_address), open_store(lasting_store_address)
    before = ours.stamp()
    theirs.append("org_a", [record(1)])
    assert ours.stamp() != before
    with pytest.raises(ConflictError):
        ours.append("org_a", [record(1)])
    assert list(ours.read("org_a")) == [record(1)]
