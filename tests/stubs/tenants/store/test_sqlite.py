import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from orgbilling_stubs.billing.events import Idempotency, PortalOpened, Record, TenantCreated
from orgbilling_stubs.tenants.store import sqlite_file
from orgbilling_stubs.tenants.store.errors import (
    ConflictError,
    LogDamageError,
    StoreError,
    StoreLockError,
)
from orgbilling_stubs.tenants.store.sqlite import SqliteStore
from orgbilling_stubs.tenants.store.sqlite_file import FORMAT, SCHEMA


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.db"


def record(sequence: int) -> Record:
    event = TenantCreated({"name": "mine"}, 3, 5, "org") if sequence == 1 else PortalOpened(f"ünit{sequence}")
    return Record(sequence, 10 * sequence, event, 1, Idempotency("k", "f") if sequence == 2 else None)


def sql(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as db, db:
        for statement in statements:
            db.execute(statement)


def schema(path: Path) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as db:
        return db.execute("SELECT * FROM sqlite_schema").fetchall()


FOREIGN = {
    "a table": ["CREATE TABLE mine (a)"],
    "a view of our name": ["CREATE VIEW record AS SELECT 1 AS sequence"],
    "a table of our name": ["CREATE TABLE record (a)"],
    "a table of our name and a number": ["CREATE TABLE record (a)", f"PRAGMA user_version={FORMAT}"],
    "only a number": ["PRAGMA user_version=1"],
    "the mark of another program": ["PRAGMA application_id=7"],
    "another table beside ours": [
        *SCHEMA.split(";")[:-1],
        f"PRAGMA user_version={FORMAT}",
        f"PRAGMA application_id={sqlite_file.APPLICATION_ID}",
        "CREATE TABLE mine (a)",
    ],
}


@pytest.mark.parametrize("statements", FOREIGN.values(), ids=FOREIGN)
def test_databases_of_something_else_are_refused_unchanged(path: Path, statements: list[str]) -> None:
    sql(path, *statements)
    before = schema(path)
    with pytest.raises(StoreError, match="something else"):
        SqliteStore(path)
    assert schema(path) == before
    assert not path.with_name("a.db-wal").exists()


def test_many_processes_may_create_a_database_at_once(tmp_path: Path) -> None:
    for number in range(5):
        path = tmp_path / f"{number}.db"
        with ThreadPoolExecutor(8) as pool:
            stores = list(pool.map(SqliteStore, [path] * 8))
        stores[0].append("org_a", [record(1)])
        assert all(store.read("org_a") == [record(1)] for store in stores)


def test_what_is_no_database_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("this is not a database, it is a letter to a friend" * 99)
    for name in ("text.db", "no/such/folder.db", "."):
        with pytest.raises(StoreError, match="cannot use") as raised:
            SqliteStore(tmp_path / name)
        assert "\n" not in str(raised.value)


@pytest.mark.parametrize("name", ["x" * 300, "loop"])
def test_a_name_that_no_file_can_have_is_refused_in_one_line(tmp_path: Path, name: str) -> None:
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(StoreError, match=r"cannot use .*: (file name too long|too many levels)"):
        SqliteStore(tmp_path / name)


@pytest.mark.parametrize("name", [":memory:", "file:a.db?mode=memory"])
def test_a_name_that_sqlite_has_for_something_else_is_that_of_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    for records in ([], [record(1)]):  # the second one opens what the first one wrote
        with closing(SqliteStore(Path(name))) as store:
            assert store.read("org_a") == records
            if not records:
                store.append("org_a", [record(1)])
    assert (tmp_path / name).is_file()


def test_a_folder_that_is_missing_or_read_only_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(StoreError, match=r"there is no folder .*such"):
        SqliteStore(tmp_path / "such" / "a.db")

    def refuse(*arguments: object, **options: object) -> None:
        raise sqlite3.OperationalError("unable to open database file")

    monkeypatch.setattr(sqlite_file.sqlite3, "connect", refuse)  # the tests may be run by root
    monkeypatch.setattr(sqlite_file.os, "access", lambda path, mode: path != tmp_path)
    with pytest.raises(StoreError, match=f"{tmp_path} cannot be written to"):
        SqliteStore(tmp_path / "a.db")


def test_an_empty_file_becomes_a_database(path: Path) -> None:
    path.touch()
    SqliteStore(path).append("org_a", [record(1)])
    assert SqliteStore(path).read("org_a") == [record(1)]


@pytest.mark.parametrize("version", [1, 2, FORMAT + 1, 99])
def test_an_older_and_a_newer_format_are_named(path: Path, version: int) -> None:
    if version < FORMAT:
        sql(path, "CREATE TABLE record (organization TEXT, sequence INTEGER)")  # they had no mark
    else:
        SqliteStore(path).close()
    sql(path, f"PRAGMA user_version={version}")
    with pytest.raises(StoreError, match=f"format {version}; this one reads format {FORMAT}"):
        SqliteStore(path)


def test_power_may_fail_after_an_append(path: Path) -> None:
    """FULL (2): the write-ahead log is on the disk when a commit returns. Our tests turn it off again."""
    with closing(sqlite_file.open_database(path)) as db:
        assert db.execute("PRAGMA synchronous").fetchone() == (2,)
        assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)


DAMAGE = {
    "a bit of an event": "UPDATE record SET event = replace(event, 'nit2', 'nit3') WHERE sequence = 2",
    "no JSON": "UPDATE record SET event = '{' WHERE sequence = 2",
    "another event": 'UPDATE record SET event = \'{"kind": "Future"}\' WHERE sequence = 3',
    "an instant": "UPDATE record SET at_ms = at_ms + 1 WHERE sequence = 3",
    "a batch": "UPDATE record SET batch = 2 WHERE sequence = 1",
    "a key": "UPDATE record SET idempotency_key = NULL, fingerprint = NULL WHERE sequence = 2",
    "a fingerprint": "UPDATE record SET fingerprint = 'g' WHERE sequence = 2",
    "a sequence number": "UPDATE record SET sequence = 7 WHERE sequence = 2",
    "the last sequence number": "UPDATE record SET sequence = 7 WHERE sequence = 3",
    "a generation": "UPDATE record SET generation = 99 WHERE sequence = 2",
    "an organization": "UPDATE record SET organization = 'org_c' WHERE sequence = 2",
    "a checksum": "UPDATE record SET checksum = zeroblob(16) WHERE sequence = 2",
    "the last checksum": "UPDATE record SET checksum = zeroblob(16) WHERE sequence = 3",
    "a missing record": "DELETE FROM record WHERE sequence = 2",
    "a missing beginning": "DELETE FROM record WHERE sequence = 1",
    "a missing end": "DELETE FROM record WHERE sequence = 3",
    "no records": "DELETE FROM record",
    "a doubled record": "INSERT INTO record SELECT organization, generation, 4, at_ms, event, batch,"
    " idempotency_key, fingerprint, checksum FROM record WHERE sequence = 3",
    "two exchanged records": "UPDATE record SET sequence = -sequence WHERE sequence IN (2, 3);"
    "UPDATE record SET sequence = 5 + sequence WHERE sequence < 0",
    "a missing head": "DELETE FROM log",
    "the sequence of the head": "UPDATE log SET sequence = 2",
    "the checksum of the head": "UPDATE log SET checksum = zeroblob(16)",
    "the generation of the head": "UPDATE log SET generation = 99",
    "the organization of the head": "UPDATE log SET organization = 'org_c'",
}


def damaged(path: Path, statement: str) -> SqliteStore:
    """A store with two logs of three records each, one of which is damaged: that of org_a."""
    store = SqliteStore(path)
    store.append("org_a", [record(1), record(2), record(3)])
    store.close()
    sql(path, *statement.split(";"))
    store = SqliteStore(path)
    store.append("org_b", [record(1), record(2), record(3)])
    return store


@pytest.mark.slow_beyond(10)
@pytest.mark.parametrize("statement", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_log_is_named_and_nothing_else_suffers(path: Path, statement: str) -> None:
    store = damaged(path, statement)
    with pytest.raises(LogDamageError, match="org_a is damaged") as raised:
        store.read("org_a")
    assert "\n" not in str(raised.value)
    with pytest.raises((LogDamageError, ConflictError)):
        store.append("org_a", [record(1)])
    assert store.read("org_b") == [record(1), record(2), record(3)]
    assert "org_b" in store.organizations()
    assert "org_b" in dict(store.creation_events())
    store.delete("org_a")
    for moved in set(store.organizations()) - {"org_b"}:
        with pytest.raises(LogDamageError):
            store.read(moved)
        store.delete(moved)
    assert store.head("org_a") is None
    store.append("org_a", [record(1)])
    assert store.read("org_a") == [record(1)]


@pytest.mark.parametrize("kind", ["the last checksum", "the checksum of the head", "a missing end"])
def test_nothing_is_appended_to_a_damaged_end(path: Path, kind: str) -> None:
    store = damaged(path, DAMAGE[kind])
    head = store.head("org_a")
    assert head is not None
    with pytest.raises(LogDamageError):
        store.append("org_a", [record(4)], head.generation)


@pytest.mark.slow
def test_flipped_bytes_of_the_file_never_change_an_answer(path: Path) -> None:
    """Each flips one bit in a page of records. The log is read as written, or the damage is named."""
    store = SqliteStore(path)
    store.append("org_a", [record(number) for number in range(1, 30)])
    store.close()
    image = path.read_bytes()
    written, named = store_read(path), 0
    for place in range(len(image) // 2, len(image), 37):
        flipped = bytearray(image)
        flipped[place] ^= 1 << place % 8
        path.write_bytes(flipped)
        try:
            assert store_read(path) == written
        except StoreError:
            named += 1
    assert named > 10


def store_read(path: Path) -> list[Record]:
    store = SqliteStore(path)
    try:
        return list(store.read("org_a"))
    finally:
        store.close()


def test_a_lock_is_an_error_at_once_and_nothing_was_written(path: Path) -> None:
    store = SqliteStore(path)
    generation = store.append("org_a", [record(1)])
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        writes: list[Callable[[], object]] = [
            lambda: store.append("org_a", [record(2)], generation),
            lambda: store.delete("org_a"),
        ]
        for write in writes:
            with pytest.raises(StoreLockError, match="locked by another program"):
                write()
        assert store.read("org_a") == [record(1)]
        other.execute("ROLLBACK")
    store.append("org_a", [record(2)], generation)


def test_a_file_that_stays_locked_is_one_line_at_the_start(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_file, "OPEN_TIMEOUT_S", 0.05)
    SqliteStore(path).close()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreError, match="locked by another program"):
            SqliteStore(path)


def test_a_full_disk_keeps_what_was_acknowledged_and_nothing_more(path: Path) -> None:
    store = SqliteStore(path)
    generation = store.append("org_a", [record(1)])
    pages = store._db.execute("PRAGMA page_count").fetchone()[0]
    store._db.execute(f"PRAGMA max_page_count={pages}")
    large = Record(2, 20, PortalOpened("x" * 100_000), 1)
    with pytest.raises(StoreError) as raised:
        store.append("org_a", [large], generation)
    assert raised.value.code == "database_full"
    store._db.execute("PRAGMA max_page_count=100000")
    assert store.read("org_a") == [record(1)]
    store.append("org_a", [record(2)], generation)


def test_a_database_that_cannot_be_written_is_still_read(path: Path) -> None:
    store = SqliteStore(path)
    store.append("org_a", [record(1)])
    store._db.execute("PRAGMA query_only=1")  # what SQLite answers for a file system that is read-only
    with pytest.raises(StoreError) as raised:
        store.delete("org_a")
    assert raised.value.code == "database_read_only"
    assert store.read("org_a") == [record(1)]


@pytest.mark.parametrize("name", ["a.db", "a.db-wal"])
@pytest.mark.parametrize("replaced", [False, True])
def test_a_file_that_is_deleted_or_replaced_underneath_acknowledges_nothing(
    path: Path, name: str, replaced: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = SqliteStore(path)
    generation = store.append("org_a", [record(1)])
    file, aside = path.with_name(name), path.with_name("aside")
    file.rename(aside)
    if replaced:
        file.touch()
    with pytest.raises(StoreError) as raised:
        store.append("org_a", [record(2)], generation)
    assert raised.value.code == "database_missing"
    monkeypatch.setattr("orgbilling_stubs.tenants.store.sqlite.LOOK_EVERY_MS", -1)
    with pytest.raises(StoreError, match="put it back"):
        store.stamp()
    aside.rename(file)
    store.stamp()


def test_a_check_of_a_large_file_ends(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The check is given up at its deadline, and the file is used."""
    SqliteStore(path).append("org_a", [Record(1, 1, PortalOpened("x" * 20_000), 1)])
    sql(
        path,
        "WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)"
        " INSERT INTO record SELECT 'org_b', 1, i, 1, 'x', 1, NULL, NULL, x'00' FROM n",
    )
    monkeypatch.setattr(sqlite_file, "QUICK_CHECK_MS", -1)
    assert len(SqliteStore(path).read("org_a")) == 1
