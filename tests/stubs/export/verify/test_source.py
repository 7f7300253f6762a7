from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
from orgbilling_stubs.export.errors import ExportError
from orgbilling_stubs.export.schema import BY_NAME
from orgbilling_stubs.export.verify import source
from orgbilling_stubs.export.writers.sqlite import FILE

from ..conftest import ALL, small_cast

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
    with source.opened(folder, kind, files_of(manifest)) as opened:
        return [tuple(map(str, opened.ask(question)[1])) for question in QUESTIONS]


@pytest.mark.slow
def test_every_format_gives_the_same_answers(tmp_path, make):
    found = {kind: answers(tmp_path / kind, kind, make(tmp_path / kind, kind)) for kind in KINDS}
    assert [kind for kind in KINDS if found[kind] != found["sqlite"]] == []


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_without_duckdb_sqlite_gives_the_same_answers(tmp_path, make, monkeypatch, kind):
    made = make(tmp_path, kind)
    with_duckdb = answers(tmp_path, kind, made)
    monkeypatch.setattr(source, "has", lambda module: False)
    assert answers(tmp_path, kind, made) == with_duckdb


@pytest.mark.slow
def test_the_first_row_is_the_first_by_its_leading_columns(tmp_path, make):
    made = make(tmp_path)
    with source.opened(tmp_path, "csv", files_of(made)) as opened:
        names, row = opened.ask("SELECT number, organization_id FROM v_ledger WHERE number > 3")
        assert names == ("number", "organization_id")
        assert row[0] == 4
        assert opened.ask("SELECT number, 1 FROM v_ledger WHERE number < 0")[1] is None


GOOD = {
    "csv": "project_id,organization_id,name\np,o,n\n",
    "jsonl": '{"project_id":"p","organization_id":"o"}\n',
}
FLAWS = [
    ("csv", "a,b\n1\n", "columns", "column 1 is 'a', not 'project_id'"),
    ("csv", "project_id,name,organization_id\np,n,o\n", "columns", "column 2 is 'name'"),
    ("csv", "p,o,n\n", "columns", "column 1 is 'p', not 'project_id'"),
    ("csv", "", "columns", "column 1 is missing"),
    ("csv", "project_id,organization_id,name,more\n", "columns", "column 4 is 'more'"),
    ("csv", "project_id,organization_id,name\np,o,n\np,o\n", "cells", "row 3: 2 values for 3 columns"),
    ("csv", 'project_id,organization_id,name\np,o,"n\n', "cells", "row 2: unexpected end of data"),
    ("jsonl", "{\n", "cells", "row 1: "),
    ("jsonl", GOOD["jsonl"], "cells", "row 1: no 'name'"),
]


@pytest.mark.parametrize("engine", ["duckdb", "sqlite"])
@pytest.mark.parametrize(("kind", "text", "what", "problem"), FLAWS)
def test_a_file_that_is_no_table_is_named_and_the_others_can_be_asked(
    tmp_path, monkeypatch, kind, text, what, problem, engine
):
    monkeypatch.setattr(source, "has", lambda module: engine == "duckdb")
    path = tmp_path / f"projects.{kind}"
    path.write_text(text)
    (tmp_path / f"organizations.{kind}").write_text(
        ",".join(BY_NAME["organizations"].names) + "\n" if kind == "csv" else ""
    )
    files = {name: [f"{name}.{kind}"] for name in ("organizations", "projects")}
    with source.opened(tmp_path, kind, files) as opened:
        assert opened.flaws.keys() == {"projects"}
        assert opened.flaws["projects"].what == what
        assert opened.flaws["projects"].problem.startswith(f"{path}: ")
        assert problem in opened.flaws["projects"].problem
        assert opened.ask("SELECT count(*) FROM v_organizations")[1] == (0,)


@pytest.mark.parametrize("kind", ["sqlite", "duckdb", "parquet"])
def test_columns_of_a_database_are_compared_too(tmp_path, make, monkeypatch, kind):
    made = make(tmp_path, kind, tables=("projects",), block=100)
    monkeypatch.setitem(source.BY_NAME, "projects", BY_NAME["projects"]._replace(columns=()))
    with source.opened(tmp_path, kind, files_of(made)) as opened:
        assert opened.flaws["projects"].what == "columns"
        assert "column 1 is 'project_id': the table has no more" in opened.flaws["projects"].problem


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        ("ledger", "amount_usd", "abc"),
        ("ledger", "amount_credits", "NaN"),
        ("ledger", "amount_credits", "1.5"),
        ("ledger", "created_at", "2025-02-31T10:00:00.000Z"),
        ("ledger", "tokens", "many"),
        ("events", "day", "2025-02-31"),
        ("events", "unit_price_usd", "1.000000"),
        ("organizations", "repriced", 2),
    ],
)
def test_what_sqlite_would_read_as_something_else_is_named_with_its_row(tmp_path, make, table, column, value):
    made = make(tmp_path, "sqlite", cast=small_cast(1, 20))
    with closing(sqlite3.connect(tmp_path / FILE)) as database:
        database.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = 1", (value,))
        database.commit()
    with source.opened(tmp_path, "sqlite", files_of(made)) as opened:
        assert opened.flaws.keys() == {table}
        assert f"{table}, row 1: {column}: {value!r} is no " in opened.flaws[table].problem


def ask(folder, kind, name):
    with source.opened(folder, kind, {"projects": [name]}) as opened:
        opened.ask("SELECT * FROM v_projects")


@pytest.mark.parametrize("kind", ["sqlite", "duckdb"])
def test_a_database_that_is_none_is_refused(tmp_path, kind):
    (tmp_path / f"orgbilling.{kind}").write_bytes(b"no database" * 1000)
    with pytest.raises(ExportError) as caught:
        ask(tmp_path, kind, f"orgbilling.{kind}")
    assert caught.value.name == "unreadable"
