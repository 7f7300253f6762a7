"""What only PostgreSQL can do or suffer. What every store must do is in test_store.py."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import psycopg
import pytest
from orgbilling_stubs.billing.events import PortalOpened, Record, TenantCreated
from orgbilling_stubs.tenants.store import connection_pool, postgres_connections, postgres_schema
from orgbilling_stubs.tenants.store.errors import (
    ConflictError,
    LogDamageError,
    StoreError,
    StoreLockError,
)
from orgbilling_stubs.tenants.store.postgres import PostgresStore
from orgbilling_stubs.tenants.store.protocol import LogAppend, LogDeletion, LogHead
from orgbilling_stubs.tenants.store.suspension import suspendable
from postgres_server import PostgresServer


@pytest.fixture
def store(postgres_address: str) -> PostgresStore:
    return PostgresStore(postgres_address)


@pytest.fixture
def own_server() -> Iterator[PostgresServer]:
    """A server that the test may stop."""
    with closing(PostgresServer()) as server:
        yield server


def record(sequence: int) -> Record:
    event = TenantCreated({"name": "mine"}, 3, 5, "org") if sequence == 1 else PortalOpened(f"ünit{sequence}")
    return Record(sequence, 10 * sequence, event, 1)


def sql(address: str, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(address, autocommit=True) as connection:
        cursor = connection.execute(statement)  # type: ignore[call-overload]
        return cursor.fetchall() if cursor.description else []


def in_request(call: Callable[[], object]) -> object:
    """What a call returns in a request, where it suspends instead of blocking."""

    async def run() -> object:
        return call()

    return asyncio.run(suspendable(run))


def test_many_servers_may_start_on_an_empty_database_at_once(postgres_address: str) -> None:
    with ThreadPoolExecutor(6) as pool:
        stores = list(pool.map(PostgresStore, [postgres_address] * 6))
    stores[0].append("org_a", [record(1)])
    assert all(list(store.read("org_a")) == [record(1)] for store in stores)
    assert sql(postgres_address, "SELECT number FROM orgbilling.schema") == [
        (len(postgres_schema.MIGRATIONS),)
    ]


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        ("CREATE SCHEMA orgbilling", "of something else"),
        (
            "CREATE SCHEMA orgbilling; CREATE TABLE orgbilling.schema (number) AS SELECT 99",
            "newer version .schema 99",
        ),
    ],
)
def test_a_schema_of_something_else_is_refused_unchanged(
    postgres_address: str, statement: str, problem: str
) -> None:
    sql(postgres_address, statement)
    tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'orgbilling'"
    before = sql(postgres_address, tables)
    with pytest.raises(StoreError, match=problem):
        PostgresStore(postgres_address)
    assert sql(postgres_address, tables) == before


def test_another_encoding_is_refused(postgres_server: PostgresServer) -> None:
    sql(postgres_server.address(), "CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0")
    with pytest.raises(StoreError, match="encoding LATIN1"):
        PostgresStore(postgres_server.address("latin"))


@pytest.mark.parametrize(
    ("address", "problem"),
    [
        ("postgresql://127.0.0.1:1/x", "cannot connect to 127.0.0.1/x: .*refused"),
        ("postgresql://host/x?no_such_option=1", "address cannot be used: .*no_such_option"),
        ("postgresql://host:port/x", "port"),
    ],
)
def test_what_cannot_be_connected_to_is_one_line(address: str, problem: str) -> None:
    with pytest.raises(StoreError, match=problem) as raised:
        PostgresStore(address)
    assert "\n" not in str(raised.value)


def test_a_database_that_does_not_exist_and_a_user_without_rights_are_named(
    postgres_server: PostgresServer, postgres_address: str
) -> None:
    with pytest.raises(StoreError, match='"nowhere" does not exist'):
        PostgresStore(postgres_server.address("nowhere"))
    sql(postgres_address, "CREATE ROLE stranger LOGIN")
    with pytest.raises(StoreError, match="permission denied"):
        PostgresStore(postgres_address.replace("//postgresql@", "//stranger@"))


def test_calls_in_a_request_suspend_it_and_others_run_meanwhile(
    store: PostgresStore, postgres_address: str
) -> None:
    store.append("org_a", [record(1)])

    async def run() -> tuple[object, int]:
        turns = 0

        async def others() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        async def ask() -> object:
            return [store.head("org_a"), list(store.read("org_a"))]

        task = asyncio.ensure_future(others())
        found = await suspendable(ask)
        task.cancel()
        await suspendable(close)
        return found, turns

    async def close() -> None:
        store.close()

    found, turns = asyncio.run(run())
    assert found[1] == [record(1)]  # type: ignore[index]
    assert turns > 2


def test_the_end_of_a_log_is_asked_once_in_a_request_and_anew_in_the_next(
    store: PostgresStore, postgres_address: str
) -> None:
    generation = store.append("org_a", [record(1)])
    theirs = PostgresStore(postgres_address)

    def look_twice() -> list[LogHead | None]:
        first = store.head("org_a")
        with ThreadPoolExecutor(1) as pool:
            pool.submit(theirs.append, "org_a", [record(2)], generation).result()
        return [first, store.head("org_a")]

    first, again = in_request(look_twice)  # type: ignore[misc]
    assert first == again == LogHead(generation, 1)
    assert in_request(lambda: store.head("org_a")) == LogHead(generation, 2)


def test_of_requests_that_write_at_once_each_gets_its_turn_or_a_conflict(store: PostgresStore) -> None:
    generation = store.append("org_a", [record(1)])
    order: list[int] = []

    async def write(number: int) -> None:
        with store.hold("org_a"):
            head = store.head("org_a")
            assert head is not None
            store.append("org_a", [record(head.sequence + 1)], generation)
            order.append(number)

    async def run() -> None:
        await asyncio.gather(*(suspendable(lambda number=number: write(number)) for number in range(20)))

    asyncio.run(run())
    assert order == list(range(20))
    assert store.head("org_a") == LogHead(generation, 21)


@pytest.mark.slow_beyond(3)
@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE orgbilling.record SET at_ms = at_ms + 1 WHERE sequence = 2",
        "UPDATE orgbilling.record SET event = replace(event, '2', '7') WHERE sequence = 2",
        "DELETE FROM orgbilling.record WHERE sequence = 2",
        "DELETE FROM orgbilling.record WHERE sequence = 3",
        "UPDATE orgbilling.log SET sequence = 2",
        "UPDATE orgbilling.log SET checksum = ''",
    ],
)
def test_damage_is_an_error_of_its_log_alone(
    store: PostgresStore, postgres_address: str, damage: str
) -> None:
    store.append("org_a", [record(1), record(2), record(3)])
    sql(postgres_address, damage)
    store.append("org_b", [record(1)])
    with pytest.raises(LogDamageError):
        store.read("org_a")
    assert list(store.read("org_b")) == [record(1)]
    store.delete("org_a")
    assert list(store.organizations()) == ["org_b"]


@pytest.mark.slow
def test_a_restart_of_the_database_is_survived_by_reads_and_loses_nothing(own_server: PostgresServer) -> None:
    store = PostgresStore(own_server.new_database())
    generation = store.append("org_a", [record(1)])
    for sequence, end in ((2, own_server.stop), (3, own_server.kill)):
        end()
        own_server.start()
        assert store.head("org_a") == LogHead(generation, sequence - 1)
        store.append("org_a", [record(sequence)], generation)
    assert list(store.read("org_a")) == [record(1), record(2), record(3)]


@pytest.mark.slow
def test_a_database_that_is_away_is_an_error_until_it_is_back(own_server: PostgresServer) -> None:
    store = PostgresStore(own_server.new_database())
    generation = store.append("org_a", [record(1)])
    own_server.kill()
    for _ in range(2):
        with pytest.raises(StoreError) as raised:
            store.head("org_a")
        assert raised.value.code == "database_unreachable"
        assert raised.value.retry_after_s
    own_server.start()
    for pool in store._connections._pools.values():
        pool._paused_until_s = 0
    assert store.head("org_a") == LogHead(generation, 1)


@pytest.mark.slow
def test_a_commit_whose_answer_is_lost_is_an_error_of_its_own(
    own_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = PostgresStore(own_server.new_database())
    generation = store.append("org_a", [record(1)])
    store.head("org_a")
    monkeypatch.setattr(postgres_connections, "ANSWER_TIMEOUT_S", 0.2)
    own_server.pause()
    try:
        with pytest.raises(StoreError) as raised:
            store.append("org_a", [record(2)], generation)
    finally:
        own_server.resume()
    assert raised.value.code == "database_outcome_unknown"
    monkeypatch.undo()
    # It was sent, so the database carried it out when it went on; whoever repeats it gets a conflict.
    head = store.head("org_a")
    assert head is not None
    assert list(store.read("org_a")) == [record(1), record(2)][: head.sequence]


def test_a_pool_that_is_exhausted_says_so(postgres_address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_pool, "WAIT_S", 0.2)
    store = PostgresStore(postgres_address, most_connections=1)
    generation = store.append("org_a", [record(1)])
    with psycopg.connect(postgres_address) as other:
        other.execute("SELECT 1 FROM orgbilling.log FOR UPDATE")
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(store.append, "org_a", [record(2)], generation)
            while not sql(postgres_address, "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"):
                pass
            with pytest.raises(StoreError) as raised:
                store.head("org_b")
            other.rollback()
            assert waiting.result() == generation
    assert raised.value.code == "database_pool_exhausted"


def test_a_row_that_another_program_locks_and_a_slow_statement_are_errors(
    postgres_address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_connections, "LOCK_TIMEOUT_S", 0.1)
    store = PostgresStore(postgres_address)
    generation = store.append("org_a", [record(1)])
    with psycopg.connect(postgres_address) as other:
        other.execute("SELECT 1 FROM orgbilling.log FOR UPDATE")
        with pytest.raises(StoreLockError):
            store.append("org_a", [record(2)], generation)
    monkeypatch.setattr(postgres_connections, "LOCK_TIMEOUT_S", 60)
    monkeypatch.setattr(postgres_connections, "STATEMENT_TIMEOUT_S", 0.1)
    hasty = PostgresStore(postgres_address)
    with psycopg.connect(postgres_address) as other:
        other.execute("SELECT 1 FROM orgbilling.log FOR UPDATE")
        with pytest.raises(StoreError) as raised:
            hasty.append("org_a", [record(2)], generation)
    assert raised.value.code == "database_timeout"
    assert list(store.read("org_a")) == [record(1)]


def test_a_database_that_may_only_be_read_answers_reads(store: PostgresStore, postgres_address: str) -> None:
    generation = store.append("org_a", [record(1)])
    name = postgres_address.rpartition("/")[2]
    sql(postgres_address, f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    reading = PostgresStore(postgres_address)
    assert list(reading.read("org_a")) == [record(1)]
    with pytest.raises(StoreError) as raised:
        reading.append("org_a", [record(2)], generation)
    assert raised.value.code == "database_read_only"
    assert store.append("org_a", [record(2)], generation) == generation


def test_two_transactions_that_wait_for_each_other_are_a_conflict_at_most(
    postgres_address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # On a busy machine a transaction holds its locks for long: that is another error, and not this test's.
    monkeypatch.setattr(postgres_connections, "LOCK_TIMEOUT_S", 60)
    monkeypatch.setattr(postgres_connections, "STATEMENT_TIMEOUT_S", 60)
    store, theirs = PostgresStore(postgres_address), PostgresStore(postgres_address)
    for one in ("org_a", "org_b"):
        store.append(one, [record(1)])

    def swap(which: PostgresStore, names: list[str]) -> bool:
        changes = [change for name in names for change in (LogDeletion(name), LogAppend(name, [record(1)]))]
        try:
            which.write_all(changes)
        except ConflictError:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        for _ in range(20):
            one = pool.submit(swap, store, ["org_a", "org_b"])
            other = pool.submit(swap, theirs, ["org_b", "org_a"])
            # Both have ended before the next two begin: else those of three rounds meet, and two may lose.
            assert any([one.result(), other.result()])
    assert set(store.organizations()) == {"org_a", "org_b"}


def test_a_log_that_was_deleted_and_begun_anew_takes_no_appends_of_the_former(store: PostgresStore) -> None:
    former = store.append("org_a", [record(1)])
    store.write_all([LogDeletion("org_a"), LogAppend("org_a", [record(1)])])
    with pytest.raises(ConflictError):
        store.append("org_a", [record(2)], former)
