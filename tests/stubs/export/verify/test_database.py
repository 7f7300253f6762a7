from __future__ import annotations

import sqlite3
import sys
import tempfile
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from orgbilling_stubs.export.columnar.columns import ConstantColumn
from orgbilling_stubs.export.errors import ExportError
from orgbilling_stubs.export.schema import BY_NAME, Column, Table
from orgbilling_stubs.export.verify import database
from orgbilling_stubs.export.writers import text_formats
from orgbilling_stubs.export.writers.sqlite import FILE

from ..conftest import ALL, small_selection

KINDS = [kind for kind in ALL if kind != "json"]
QUESTIONS = (
    "SELECT count(*), sum(amount_credits), min(created_at), max(tokens) FROM v_ledger",
    "SELECT sum(unit_price_usd), sum(day), count(*) FROM v_events",
    "SELECT sum(free_credit_granted), sum(credit_balance), min(updated_at) FROM v_billing_profiles",
    "SELECT sum(CASE WHEN created_by IS NULL THEN 1 ELSE 0 END), count(traffic_source) FROM v_ledger",
    "SELECT organization_id, company FROM v_organizations",
)


def files_of(manifest):
    found: dict[str, list[str]] = {}
    for each in manifest["files"]:
        if each["table"]:
            found.setdefault(each["table"], []).append(each["path"])
    return found


def answers(folder, kind, manifest):
    with database.opened(folder, kind, files_of(manifest)) as opened:
        return [tuple(map(str, opened.first(question)[1])) for question in QUESTIONS]


@pytest.mark.slow
def test_every_format_gives_the_same_answers(tmp_path, make):
    found = {kind: answers(tmp_path / kind, kind, make(tmp_path / kind, kind)) for kind in KINDS}
    assert [kind for kind in KINDS if found[kind] != found["sqlite"]] == []


@pytest.mark.slow
def test_without_duckdb_it_says_what_to_install(tmp_path, make, monkeypatch):
    exported = make(tmp_path)
    monkeypatch.setitem(sys.modules, "duckdb", None)
    with pytest.raises(ExportError, match=r"export verify needs duckdb, .*orgbilling\[export\]") as caught:
        answers(tmp_path, "csv", exported)
    assert caught.value.code == "extra_missing"


@pytest.mark.slow
def test_the_first_row_is_the_first_by_its_leading_columns(tmp_path, make):
    exported = make(tmp_path)
    with database.opened(tmp_path, "csv", files_of(exported)) as opened:
        names, row = opened.first("SELECT number, organization_id FROM v_ledger WHERE number > 3")
        assert names == ("number", "organization_id")
        assert row[0] == 4
        assert opened.first("SELECT number, 1 FROM v_ledger WHERE number < 0")[1] is None


GOOD = {
    "csv": "project_id,organization_id,name\np,o,n\n",
    "jsonl": '{"project_id":"p","organization_id":"o"}\n',
}
PROBLEMS = [
    ("csv", "a,b\n1\n", "columns", "column 1 is 'a', not 'project_id'"),
    ("csv", "project_id,name,organization_id\np,n,o\n", "columns", "column 2 is 'name'"),
    ("csv", "p,o,n\n", "columns", "column 1 is 'p', not 'project_id'"),
    ("csv", "", "columns", "column 1 is missing"),
    ("csv", "project_id,organization_id,name,more\n", "columns", "column 4 is 'more'"),
    ("csv", b"\xff\n", "columns", "row 1: "),
    ("csv", "project_id,organization_id,name\np,o,n\np,o\n", "cells", "Columns: 3 Found: 2"),
    ("csv", "project_id,organization_id,name\np,o,n,m\n", "cells", "Columns: 3 Found: 4"),
    ("csv", 'project_id,organization_id,name\np,o,"n\n', "cells", "Line: 2"),
    ("jsonl", "{\n", "cells", "line 2: unexpected end of data"),
    ("jsonl", "3\n", "cells", "not a JSON object: 3"),
    ("jsonl", "[1]\n", "cells", "not a JSON object: [1]"),
    ("jsonl", GOOD["jsonl"], "cells", "row 1: name: null is no text"),
]


@pytest.mark.slow_beyond(2)
@pytest.mark.parametrize(("kind", "text", "part", "message"), PROBLEMS)
def test_a_file_that_is_no_table_is_named_and_the_others_can_be_asked(tmp_path, kind, text, part, message):
    path = tmp_path / f"projects.{kind}"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    (tmp_path / f"organizations.{kind}").write_text(
        ",".join(BY_NAME["organizations"].names) + "\n" if kind == "csv" else ""
    )
    files = {name: [f"{name}.{kind}"] for name in ("organizations", "projects")}
    with database.opened(tmp_path, kind, files) as opened:
        assert opened.problems.keys() == {"projects"}
        assert opened.problems["projects"].part == part
        assert opened.problems["projects"].message.startswith(f"{path}: ")
        assert message in opened.problems["projects"].message
        assert opened.first("SELECT count(*) FROM v_organizations")[1] == (0,)


@pytest.mark.slow_beyond(1)
@pytest.mark.parametrize("kind", ["sqlite", "duckdb", "parquet"])
def test_columns_of_a_database_are_compared_too(tmp_path, make, monkeypatch, kind):
    exported = make(tmp_path, kind, tables=("projects",), part_size=100)
    monkeypatch.setitem(database.BY_NAME, "projects", BY_NAME["projects"]._replace(columns=()))
    with database.opened(tmp_path, kind, files_of(exported)) as opened:
        assert opened.problems["projects"].part == "columns"
        assert "column 1 is 'project_id': the table has no more" in opened.problems["projects"].message


@pytest.mark.slow_beyond(3)
@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        ("ledger", "amount_usd_micros", "abc"),
        ("ledger", "amount_credits_micros", "NaN"),
        ("ledger", "amount_credits_micros", "1.5"),
        ("ledger", "created_at", "2025-02-31T10:00:00.000Z"),
        ("ledger", "tokens", "many"),
        ("events", "day", "2025-02-31"),
        ("organizations", "repriced", 2),
    ],
)
def test_a_cell_of_sqlite_that_is_not_of_its_columns_kind_is_named_with_its_row(
    tmp_path, make, table, column, value
):
    exported = make(tmp_path, "sqlite", selection=small_selection(1, 20))
    with closing(sqlite3.connect(tmp_path / FILE)) as connection:
        connection.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = 1", (value,))
        connection.commit()
    with database.opened(tmp_path, "sqlite", files_of(exported)) as opened:
        assert opened.problems.keys() == {table}
        assert (
            f"{table}, row 1: {column.removesuffix('_micros')}: {str(value)!r} is no "
            in opened.problems[table].message
        )


def ask(folder, kind, name):
    with database.opened(folder, kind, {"projects": [name]}) as opened:
        opened.first("SELECT * FROM v_projects")


@pytest.mark.parametrize("kind", ["sqlite", "duckdb"])
def test_a_database_that_is_none_is_an_error(tmp_path, kind):
    (tmp_path / f"orgbilling.{kind}").write_bytes(b"no database" * 1000)
    with pytest.raises(ExportError) as caught:
        ask(tmp_path, kind, f"orgbilling.{kind}")
    assert caught.value.code == "unreadable"


MADE = Table(
    "projects",
    "",
    tuple(
        Column(kind, kind, False, "") for kind in ("text", "int", "bool", "money", "price", "instant", "date")
    ),
    ("text",),
    (),
)
GOOD_ROW = {
    "text": "a",
    "int": "-5",
    "bool": "true",
    "money": "-1.250000",
    "price": "0.000000001",
    "instant": "2026-02-28T23:59:59.999Z",
    "date": "2024-02-29",
}


def read(folder, monkeypatch, kind, lines, table=MADE):
    """The view of a table with these lines, or why there is none."""
    monkeypatch.setitem(database.BY_NAME, "projects", table)
    path = folder / f"projects.{kind}"
    path.write_bytes("".join(f"{line}\n" for line in lines).encode())
    with database.opened(folder, kind, {"projects": [path.name]}) as opened:
        if opened.problems:
            return opened.problems["projects"].message.removeprefix(f"{path}: ")
        return opened.first("SELECT * FROM v_projects")[1]


def csv_row(**cells):
    return [",".join(GOOD_ROW), ",".join((GOOD_ROW | cells).values())]


def test_every_kind_becomes_an_integer(tmp_path, monkeypatch):
    expected = ("a", -5, 1, -1_250_000, 1, 1_772_323_199_999, 19_782)
    assert read(tmp_path, monkeypatch, "csv", csv_row()) == expected
    assert read(tmp_path, monkeypatch, "postgres", ["\t".join(GOOD_ROW.values())]) == expected


@pytest.mark.parametrize(("written", "micros"), [("7", 7_000_000), ("-0.5", -500_000)])
def test_decimals_may_have_fewer_places(tmp_path, monkeypatch, written, micros):
    assert read(tmp_path, monkeypatch, "csv", csv_row(money=written))[3] == micros


@pytest.mark.slow_beyond(2)
@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("int", "1.5"),
        ("int", "99999999999999999999"),
        ("bool", "1"),
        ("bool", "True"),
        ("money", "abc"),
        ("money", "NaN"),
        ("money", "1e3"),
        ("money", "1.1234567"),
        ("instant", "2025-02-31T10:00:00.000Z"),
        ("instant", "2025-02-28T24:00:00.000Z"),
        ("instant", "2025-02-28 10:00:00"),
        ("date", "2025-02-29"),
        ("date", "20250228"),
    ],
)
def test_a_cell_that_is_not_of_its_columns_kind_is_named_with_its_row(tmp_path, monkeypatch, kind, value):
    lines = [*csv_row(), csv_row(**{kind: value})[1]]
    assert read(tmp_path, monkeypatch, "csv", lines) == f"row 3: {kind}: {value!r} is no {kind}"


def test_an_empty_cell_is_null_only_where_null_may_be(tmp_path, monkeypatch):
    assert read(tmp_path, monkeypatch, "csv", csv_row(price="")) == "row 2: price: null is no price"
    nullable = (Column("a", "money", True, ""), Column("b", "text", False, ""))
    table = Table("projects", "", nullable, ("b",), ())
    assert read(tmp_path, monkeypatch, "csv", ["a,b", ',""'], table) == (None, "")


@pytest.mark.slow_beyond(2)
@pytest.mark.parametrize("value", ["NaN", "1.5", "true", "null", "[]"])
def test_json_numbers_that_are_not_whole_are_named(tmp_path, monkeypatch, value):
    members = {name: f'"{cell}"' for name, cell in GOOD_ROW.items()} | {"int": value}
    line = "{" + ",".join(f'"{name}":{member}' for name, member in members.items()) + "}"
    assert " is no int" in read(tmp_path, monkeypatch, "jsonl", [line])


@pytest.mark.slow
@settings(max_examples=20, deadline=None)
@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30), min_size=1))
def test_copy_reads_back_as_written(texts):
    projects = BY_NAME["projects"]
    rows = {
        "project_id": [*map(str, range(len(texts)))],
        "organization_id": ConstantColumn("o", len(texts)),
        "name": texts,
    }
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "projects.copy").write_bytes(
            text_formats.rows_as_text(text_formats.COPY, projects, rows).encode()
        )
        with database.opened(Path(folder), "postgres", {"projects": ["projects.copy"]}) as opened:
            query = "SELECT list(name ORDER BY CAST(project_id AS INT)) FROM v_projects"
            assert opened.first(query)[1] == (texts,)


@pytest.mark.slow
def test_duckdb_draws_no_progress_bar(tmp_path, make):
    exported = make(tmp_path, part_size=100)
    files = {entry["table"]: [entry["path"]] for entry in exported["files"] if entry["table"] is not None}
    with database.opened(tmp_path, "csv", files) as opened:
        _, row = opened.first("SELECT current_setting('enable_progress_bar') AS setting")
    assert row == (False,)
