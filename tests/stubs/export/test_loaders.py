"""Exports loaded by the programs that people have, as they call them, with texts that break careless ones.

Each loads the personas `hostile_texts` and `extreme_numbers` and a population, or some of them.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pytest
import yaml
from orgbilling_stubs.export import selection
from orgbilling_stubs.export.organization_tables import OrganizationTables
from orgbilling_stubs.export.schema import BY_NAME, NAMES, TABLES
from orgbilling_stubs.export.selection import SelectionOptions

from .conftest import AS_OF_MS

HOSTILE = selection.select(
    selection.by_persona(["hostile_texts", "extreme_numbers", "nulls", "vouchers"]), 1, AS_OF_MS, 20
)
POPULATION = SelectionOptions(AS_OF_MS, 5, orgs=12, days=500)


@pytest.fixture(scope="module")
def rows() -> dict[str, dict[str, list[Any]]]:
    """The hostile rows of each table: column name to raw values."""
    tables: dict[str, dict[str, list[Any]]] = {}
    source = OrganizationTables(HOSTILE)
    for organization in HOSTILE.organizations:
        for name, columns in source.tables(organization).items():
            for column, values in columns.items():
                tables.setdefault(name, {}).setdefault(column, []).extend(
                    values.tolist() if hasattr(values, "tolist") else values
                )
    return tables


def program(name: str, package: str) -> str:
    """A program that the system has; without it the test says what to install, and is skipped."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"no {name} on PATH (apt-get install {package})")
    return found


def amounts(rows: dict[str, list[Any]], column: str = "amount_usd") -> list[Decimal]:
    return [Decimal(micros).scaleb(-6) for micros in rows[column]]


def test_the_texts_are_hostile(rows):
    texts = rows["projects"]["name"] + rows["service_agreements"]["description"]
    assert all(
        sign in "".join(texts) for sign in ('"', "\n", "\r\n", "\t", "\\", "=HYPERLINK", "\u2028", "\ufeff")
    )
    assert {"null", "true", "-1e999"} <= {*texts}
    assert max(map(abs, amounts(rows["ledger"]))) > 10**9


@pytest.mark.slow_beyond(1)
@pytest.mark.parametrize("bom", [False, True])
def test_pandas_reads_csv(tmp_path, make, rows, bom):
    make(tmp_path, selection=HOSTILE, part_size=100, bom=bom)
    for name, columns in rows.items():
        texts = {column.name: str for column in BY_NAME[name].columns}
        # What looks like null is a text: only nothing at all is null.
        frame = pd.read_csv(tmp_path / f"{name}.csv", dtype=texts, keep_default_na=False)
        assert [*frame.columns] == [*columns]
        for column in BY_NAME[name].columns:
            if column.kind == "text":
                assert frame[column.name].tolist() == [
                    "" if text is None else text for text in columns[column.name]
                ]
    guessed = pd.read_csv(tmp_path / "ledger.csv")
    assert str(guessed["amount_usd"].dtype) == "float64"
    assert [
        Decimal(amount) for amount in pd.read_csv(tmp_path / "ledger.csv", dtype=str)["amount_usd"]
    ] == amounts(rows["ledger"])


@pytest.mark.slow
def test_pandas_reads_json_lines_and_parquet(tmp_path, make, rows):
    make(tmp_path / "jsonl", "jsonl", selection=HOSTILE, part_size=100)
    frame = pd.read_json(tmp_path / "jsonl" / "projects.jsonl", lines=True, dtype=False)
    assert sorted(frame["name"]) == sorted(rows["projects"]["name"])
    ledger = pd.read_json(tmp_path / "jsonl" / "ledger.jsonl", lines=True)
    assert str(ledger["amount_usd"].dtype) == "float64"
    make(tmp_path / "parquet", "parquet", selection=HOSTILE, part_size=100)
    ledger = pd.read_parquet(tmp_path / "parquet" / "ledger.parquet")
    assert ledger["amount_usd"].tolist() == amounts(rows["ledger"])
    assert str(ledger["created_at"].dtype) == "datetime64[ms, UTC]"


POLARS = {"int": pl.Int64, "money": pl.Float64, "price": pl.Float64, "bool": pl.Boolean}


@pytest.mark.slow
@pytest.mark.parametrize("chosen", ["hostile", "population"])
def test_polars_and_duckdb_type_json_lines_without_hints(tmp_path, make, chosen):
    """Each column that has a value anywhere has its type; the others have none."""
    selected = HOSTILE if chosen == "hostile" else POPULATION.selection()
    exported = make(tmp_path, "jsonl", selection=selected, part_size=100)
    for table in TABLES:
        path = tmp_path / f"{table.name}.jsonl"
        if not exported["rows"][table.name]:
            continue
        frame = pl.read_ndjson(path)
        assert frame.height == exported["rows"][table.name]
        lines = [json.loads(line) for line in path.read_text("utf-8").split("\n")[:-1]]
        described = duckdb.sql(f"DESCRIBE SELECT * FROM read_json_auto('{path}')").fetchall()
        types = {name: type for name, type, *_ in described}
        for column in table.columns:
            given = any(line[column.name] is not None for line in lines)
            expected = POLARS.get(column.kind, pl.String) if given else pl.Null
            assert frame.schema[column.name] == expected, (table.name, column.name)
            if given:
                assert types[column.name] in DUCKDB[column.kind], (table.name, column.name)
            assert frame[column.name].to_list() == [line[column.name] for line in lines]


DUCKDB = {
    "text": {"VARCHAR", "UUID", "DATE"},  # a month or a UUID may look like more than text
    "uuid": {"UUID"},
    "int": {"BIGINT"},
    "money": {"DOUBLE"},
    "price": {"DOUBLE"},
    "instant": {"TIMESTAMP WITH TIME ZONE", "TIMESTAMP"},
    "date": {"DATE"},
    "bool": {"BOOLEAN"},
}
"""The types that DuckDB may find in JSON Lines, by the kind of a column."""


def test_polars_reads_exact_amounts_where_they_are_text(tmp_path, make, rows):
    make(tmp_path, "jsonl", selection=HOSTILE, part_size=100, money="text")
    frame = pl.read_ndjson(tmp_path / "ledger.jsonl")
    assert frame.schema["amount_usd"] == pl.String
    exact = frame.select(pl.col("amount_usd").cast(pl.Decimal(20, 6)))["amount_usd"]
    assert sorted(exact) == sorted(amounts(rows["ledger"]))


@pytest.mark.slow
@pytest.mark.parametrize("bom", [False, True])
def test_polars_reads_csv_and_parquet(tmp_path, make, rows, bom):
    make(tmp_path / "csv", selection=HOSTILE, part_size=100, bom=bom)
    frame = pl.read_csv(tmp_path / "csv" / "projects.csv")
    assert frame.columns == [*BY_NAME["projects"].names]
    assert frame["name"].to_list() == rows["projects"]["name"]
    ledger = pl.read_csv(tmp_path / "csv" / "ledger.csv", schema_overrides={"amount_usd": pl.Decimal(20, 6)})
    assert ledger["amount_usd"].to_list() == amounts(rows["ledger"])
    make(tmp_path / "parquet", "parquet", selection=HOSTILE, part_size=100)
    ledger = pl.read_parquet(tmp_path / "parquet" / "ledger.parquet")
    assert ledger["amount_usd"].to_list() == amounts(rows["ledger"])
    assert ledger.schema["created_at"] == pl.Datetime("ms", "UTC")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("format", "more"),
    [
        ("csv", {}),
        ("csv", {"bom": True}),
        ("csv", {"part_size": 1}),
        ("jsonl", {"money": "text"}),
        ("jsonl", {"part_size": 1, "money": "text"}),
        ("jsonl", {"selection": POPULATION}),
        ("parquet", {"part_size": 1, "partition_by": "month"}),
    ],
    ids=str,
)
def test_the_views_of_duckdb_have_exact_types_and_all_rows(tmp_path, make, monkeypatch, rows, format, more):
    selected = more.get("selection", HOSTILE)
    options = {
        "part_size": 100,
        **more,
        "selection": HOSTILE if selected is HOSTILE else selected.selection(),
    }
    exported = make(tmp_path, format, **options)
    monkeypatch.chdir(tmp_path)
    with duckdb.connect(str(tmp_path / "views.duckdb")) as connection:
        connection.execute(Path("views.sql").read_text("utf-8"))
        for table in TABLES:
            assert connection.execute(f"SELECT count(*) FROM {table.name}").fetchone() == (
                exported["rows"][table.name],
            )
        types = dict(connection.execute("SELECT column_name, column_type FROM (DESCRIBE ledger)").fetchall())
        assert (types["amount_usd"], types["created_at"], types["number"]) == (
            "DECIMAL(20,6)",
            "TIMESTAMP WITH TIME ZONE",
            "BIGINT",
        )
        if selected is HOSTILE:
            names = connection.execute("SELECT name FROM projects").fetchall()
            assert sorted(name for (name,) in names) == sorted(rows["projects"]["name"])
            [(total, least)] = connection.execute(
                "SELECT sum(amount_usd), min(amount_usd) FROM ledger"
            ).fetchall()
            assert (total, least) == (sum(amounts(rows["ledger"])), min(amounts(rows["ledger"])))
            empty = "SELECT count(*) FROM ledger WHERE description IS NULL"
            assert connection.execute(empty).fetchone() == (0,)
        comments = dict(
            connection.execute(
                "SELECT column_name, comment FROM duckdb_columns() WHERE table_name = 'ledger'"
            ).fetchall()
        )
        assert comments == {column.name: column.meaning for column in BY_NAME["ledger"].columns}


def test_a_dirty_export_has_no_views(tmp_path, make):
    make(tmp_path, dirty=0.1)
    assert not (tmp_path / "views.sql").exists()


@pytest.mark.slow
def test_sqlite3_reads_the_database(tmp_path, make, rows):
    sqlite3 = program("sqlite3", "sqlite3")
    make(tmp_path, "sqlite", selection=HOSTILE)
    command = [sqlite3, "-batch", "-json", str(tmp_path / "orgbilling.sqlite")]
    found = subprocess.run(
        [*command, "SELECT name FROM projects"], capture_output=True, text=True, check=True, timeout=120
    )
    assert sorted(row["name"] for row in json.loads(found.stdout)) == sorted(rows["projects"]["name"])
    summed = subprocess.run(
        [*command, "SELECT sum(amount_usd_micros) AS sum FROM ledger"],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert json.loads(summed.stdout) == [{"sum": sum(rows["ledger"]["amount_usd"])}]


@pytest.mark.slow_beyond(1)
@pytest.mark.parametrize("money", ["number", "text"])
def test_jq_reads_json_lines(tmp_path, make, rows, money):
    jq = program("jq", "jq")
    make(tmp_path, "jsonl", selection=HOSTILE, part_size=100, money=money)
    found = subprocess.run(
        [jq, "-c", "[.name]", str(tmp_path / "projects.jsonl")],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert [json.loads(line)[0] for line in found.stdout.split("\n")[:-1]] == rows["projects"]["name"]
    typed = subprocess.run(
        [jq, "-r", ".amount_usd | type", str(tmp_path / "ledger.jsonl")],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert {*typed.stdout.split()} == {"number" if money == "number" else "string"}


@pytest.mark.slow
@pytest.mark.parametrize("bom", [False, True])
def test_libreoffice_reads_csv(tmp_path, make, rows, bom):
    """Without a window it has to be told the encoding, even with the byte order mark, which it then skips."""
    soffice = program("soffice", "libreoffice-calc-nogui")
    make(tmp_path / "in", selection=HOSTILE, part_size=100, tables=("projects",), bom=bom)
    # Separator, quote, character set (76 is UTF-8), first row; as quoted, so that no text becomes a number.
    form = "44,34,76,1,,0,true"
    command = [
        soffice,
        f"-env:UserInstallation=file://{tmp_path}/profile",
        "--headless",
        f"--infilter=CSV:{form}",
        "--convert-to",
        f"csv:Text - txt - csv (StarCalc):{form}",
        "--outdir",
        str(tmp_path / "out"),
        str(tmp_path / "in" / "projects.csv"),
    ]
    environment = os.environ | {"HOME": str(tmp_path)}
    subprocess.run(command, env=environment, capture_output=True, check=True, timeout=500)
    with (tmp_path / "out" / "projects.csv").open(encoding="utf-8-sig", newline="") as file:
        found = [*csv.DictReader(file)]
    assert [*found[0]] == [*BY_NAME["projects"].names]
    names = [row["name"] for row in found]
    # A spreadsheet has its own line ends, numbers, truth values and formulas; all other texts stay.
    expected = rows["projects"]["name"]
    typed = {"true", "-1e999"}
    own = [number for number, text in enumerate(expected) if "\n" in text or text[:1] == "=" or text in typed]
    assert len(names) == len(expected) > 3 * len(own) > 0
    assert [(number, name) for number, name in enumerate(names) if number not in own] == [
        (number, text) for number, text in enumerate(expected) if number not in own
    ]


@pytest.mark.slow
def test_sources_of_dbt_name_every_column_key_and_reference(tmp_path, make):
    make(tmp_path)
    [source] = yaml.safe_load((tmp_path / "sources.yml").read_text("utf-8"))["sources"]
    assert source["name"] == "orgbilling"
    assert [table["name"] for table in source["tables"]] == [*NAMES]
    for found in source["tables"]:
        table = BY_NAME[found["name"]]
        assert [column["name"] for column in found["columns"]] == [*table.names]
        for column, described in zip(table.columns, found["columns"], strict=True):
            tests = described.get("data_tests", [])
            assert described["description"] == column.meaning
            assert ("not_null" in tests) is not column.nullable
            listed = [test["accepted_values"]["arguments"]["values"] for test in tests if test != "not_null"]
            assert listed == ([[value for value, _ in column.values]] if column.values else [])
        tests = [(name, test[name]["arguments"]) for test in found["data_tests"] for name in test]
        assert [name for name, _ in tests] == ["unique"] + ["relationships"] * len(table.references)
        assert tests[0][1]["column_name"] == " || ' ' || ".join(table.key)
        for (_, arguments), other in zip(tests[1:], table.references, strict=True):
            assert arguments["to"] == f"source('orgbilling', '{other}')"
            assert arguments["column_name"] == arguments["field"] == " || ' ' || ".join(BY_NAME[other].key)


def dbt_tests(tables: list[dict[str, Any]]) -> list[str]:
    """The data tests of dbt as it writes them: queries that find the rows that fail."""
    queries = []
    for table in tables:
        for name, arguments in (
            (name, test[name]["arguments"]) for test in table["data_tests"] for name in test
        ):
            column = arguments["column_name"]
            if name == "unique":
                queries.append(
                    f"SELECT {column} FROM {table['name']} WHERE {column} IS NOT NULL "
                    f"GROUP BY {column} HAVING count(*) > 1"
                )
                continue
            other = arguments["to"].split("'")[3]
            queries.append(
                f"SELECT child.key FROM (SELECT {column} AS key FROM {table['name']}) AS child "
                f"LEFT JOIN (SELECT {arguments['field']} AS key FROM {other}) AS parent USING (key) "
                "WHERE child.key IS NOT NULL AND parent.key IS NULL"
            )
    return queries


def in_duckdb(folder: Path) -> Callable[[str], list[Any]]:
    connection = duckdb.connect()
    connection.execute(f"SET file_search_path = '{folder}'")
    connection.execute((folder / "views.sql").read_text("utf-8"))
    return lambda query: connection.execute(query).fetchall()


@pytest.mark.slow
def test_what_the_sources_of_dbt_ask_holds(tmp_path, make):
    """The expressions of the data tests are SQL of DuckDB, and find nothing."""
    make(tmp_path, "parquet", selection=POPULATION.selection())
    [source] = yaml.safe_load((tmp_path / "sources.yml").read_text("utf-8"))["sources"]
    ask = in_duckdb(tmp_path)
    queries = dbt_tests(source["tables"])
    assert len(queries) > 40
    assert [query for query in queries if ask(query)] == []
