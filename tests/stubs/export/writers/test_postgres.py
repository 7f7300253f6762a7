from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from orgbilling_fixtures import personas
from orgbilling_stubs.export import selection
from orgbilling_stubs.export.errors import ExportError
from orgbilling_stubs.export.organization_tables import OrganizationTables
from orgbilling_stubs.export.request import ExportRequest
from orgbilling_stubs.export.schema import BY_NAME, NAMES
from orgbilling_stubs.export.writers import postgres
from orgbilling_stubs.export.writers.postgres import DatabaseTarget

from ..conftest import AS_OF_MS, small_selection

HOSTILE = selection.select(selection.by_persona(["hostile_texts", "standard"]), 1, AS_OF_MS, 20)


def fill(target: DatabaseTarget | str, selected: selection.Selection = HOSTILE, tables: Any = NAMES) -> Any:
    target = DatabaseTarget(target) if isinstance(target, str) else target
    request = ExportRequest(Path(), "postgres", selected, tables, part_size=2)
    return postgres.fill(request, target, lambda *_: None)


def rows(address: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(address, client_encoding="UTF8") as connection:
        return connection.execute(query.encode()).fetchall()


def expected_texts() -> set[str]:
    tables = OrganizationTables(HOSTILE)
    return {
        name
        for organization in HOSTILE.organizations
        for name in tables.tables(organization, ("projects",))["projects"]["name"]
    }


@pytest.fixture
def psql(postgres_server) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run psql as a user would, on a terminal whose locale has no Unicode."""

    def run(address: str, folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "LC_ALL": "C", "PGCLIENTENCODING": "LATIN1"}
        command = [postgres_server.program("psql"), "-X", "--quiet", *options, "--dbname", address]
        return subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=300
        )

    return run


def test_tables_are_created_and_filled_with_hostile_texts(postgres_address):
    done: list[tuple[int, int]] = []
    request = ExportRequest(Path(), "postgres", HOSTILE, NAMES)
    counted = postgres.fill(request, DatabaseTarget(postgres_address), lambda *more: done.append(more))
    assert [organizations for organizations, _ in done] == [1, 1]
    for name in NAMES:
        assert rows(postgres_address, f"SELECT count(*) FROM {name}") == [(counted[name],)]
    assert {name for (name,) in rows(postgres_address, "SELECT name FROM projects")} == expected_texts()
    balances = "SELECT organization_id, credit_balance FROM billing_profiles ORDER BY 1"
    sums = "SELECT organization_id, sum(amount_credits) FROM ledger GROUP BY 1 ORDER BY 1"
    assert rows(postgres_address, balances) == rows(postgres_address, sums)


def test_tables_and_columns_say_what_they_mean(postgres_address):
    fill(postgres_address)
    [(table, column)] = rows(
        postgres_address, "SELECT obj_description('ledger'::regclass), col_description('ledger'::regclass, 8)"
    )
    assert table == f"{BY_NAME['ledger'].meaning}. Key: organization_id, number"
    assert column == BY_NAME["ledger"].columns[7].meaning


@pytest.mark.slow
def test_tables_that_are_there_are_kept_unless_asked(postgres_address):
    fill(postgres_address)
    with pytest.raises(ExportError, match=r"^organizations exists in schema public; --replace") as caught:
        fill(postgres_address)
    assert caught.value.code == "not_empty"
    counted = fill(DatabaseTarget(postgres_address, existing="replace"), small_selection(3))
    assert rows(postgres_address, "SELECT count(*) FROM organizations") == [(3,)]
    assert rows(postgres_address, "SELECT count(*) FROM ledger") == [(counted["ledger"],)]


def test_rows_are_appended(postgres_address):
    """To tables that are there, and to new ones; a row that is there already is an error."""
    target = DatabaseTarget(postgres_address, existing="append")
    fill(target, tables=("organizations", "ledger"))
    fill(target, small_selection(3))
    assert rows(postgres_address, "SELECT count(*) FROM organizations") == [(5,)]
    with pytest.raises(ExportError, match="duplicate key") as caught:
        fill(target)
    assert caught.value.code == "database_error"
    assert "\n" not in str(caught.value)
    assert rows(postgres_address, "SELECT count(*) FROM organizations") == [(5,)]


def test_a_schema_of_its_own_is_made(postgres_address):
    fill(postgres_address)
    fill(DatabaseTarget(postgres_address, 'De"mo'), small_selection(1))
    assert rows(postgres_address, 'SELECT count(*) FROM "De""mo".organizations') == [(1,)]
    with pytest.raises(ExportError, match='exists in schema De"mo'):
        fill(DatabaseTarget(postgres_address, 'De"mo'))


def test_what_depends_on_a_table_is_not_dropped_with_it(postgres_address):
    fill(postgres_address)
    with psycopg.connect(postgres_address) as connection:
        connection.execute("CREATE VIEW mine AS SELECT * FROM ledger")
    with pytest.raises(
        ExportError, match="because other objects depend on them: view mine depends on table ledger"
    ):
        fill(DatabaseTarget(postgres_address, existing="replace"))
    assert rows(postgres_address, "SELECT count(*) > 0 FROM mine") == [(True,)]


@pytest.mark.slow_beyond(1)
@pytest.mark.parametrize(
    ("encoding", "problem"), [("SQL_ASCII", "encoding SQL_ASCII, which"), ("LATIN1", 'in encoding "LATIN1"')]
)
def test_a_database_that_cannot_hold_the_texts_is_one_line(
    postgres_server, make, tmp_path, psql, encoding, problem
):
    address = postgres_server.new_database(encoding)
    with pytest.raises(ExportError, match=problem) as caught:
        fill(address)
    assert "\n" not in str(caught.value)
    assert rows(address, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == [(0,)]
    make(tmp_path, "postgres", selection=HOSTILE)
    loaded = psql(address, tmp_path, "--single-transaction", "--file", "load.sql")
    assert loaded.returncode == 3
    assert loaded.stderr.count("\n") == 1
    assert problem in loaded.stderr
    assert rows(address, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == [(0,)]


@pytest.mark.slow_beyond(1)
@pytest.mark.parametrize("part_size", [1, 100])
def test_psql_loads_the_files_whatever_its_encoding(postgres_address, make, tmp_path, psql, part_size):
    exported = make(tmp_path, "postgres", selection=HOSTILE, part_size=part_size)
    loaded = psql(postgres_address, tmp_path, "--file", "load.sql")
    assert (loaded.returncode, loaded.stderr) == (0, "")
    for name, count in exported["rows"].items():
        assert rows(postgres_address, f"SELECT count(*) FROM {name}") == [(count,)]
    assert {name for (name,) in rows(postgres_address, "SELECT name FROM projects")} == expected_texts()
    again = psql(postgres_address, tmp_path, "--file", "load.sql")
    assert again.returncode == 3
    assert again.stderr.endswith('relation "organizations" already exists\n')


def test_a_database_that_is_not_there_is_one_line():
    with pytest.raises(ExportError, match=r"^connection") as caught:
        fill("postgresql://nobody@127.0.0.1:1/none?connect_timeout=2")
    assert "\n" not in str(caught.value)


def test_a_search_path_without_a_schema_is_one_line(postgres_address):
    with pytest.raises(ExportError, match="no schema to create tables in; --schema NAME"):
        fill(f"{postgres_address}?options=-csearch_path%3Dnowhere")


def test_the_hostile_persona_has_the_texts_that_matter():
    """A quote, a newline, a tab, a backslash, a formula, an emoji; what looks like null or a number."""
    assert personas.load("hostile_texts").texts == "hostile"
    texts = "".join(expected_texts())
    assert all(sign in texts for sign in ('"', "'", "\n", "\t", "\\", "=HYPERLINK", "👩", "null", "-1e999"))
