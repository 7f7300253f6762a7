"""Corruptions of whole files, with the manifest made right: which of them `verify` finds."""

from __future__ import annotations

import json
import shutil
from hashlib import sha256

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from orgbilling_stubs.export import manifest, run
from orgbilling_stubs.export.request import ExportRequest
from orgbilling_stubs.export.selection import SelectionOptions
from orgbilling_stubs.export.verify.verify import verify

from ..conftest import AS_OF_MS


def export(folder, format, **fields):
    options = SelectionOptions(AS_OF_MS, 4, orgs=6, days=60, population="enterprise")
    about = {"command": "", "format": format, "versions": {}}
    request = ExportRequest(folder, format, options.selection(), part_size=3, manifest_fields=about, **fields)
    run.export(request, lambda *_: None)


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """An export of a population in each format whose files can be changed line by line, or cell by cell."""
    folders = {format: tmp_path_factory.mktemp(format) for format in ("csv", "jsonl", "parquet", "dated")}
    for format, folder in folders.items():
        if format == "dated":
            export(folder, "parquet", partition_by="date")
        else:
            export(folder, format)
    return folders


def problems(folder):
    return {check.name: check.problem for check in verify(folder) if check.problem}


def count_again(folder):
    """Make digests and rows of the manifest those of the files."""
    contents = json.loads((folder / manifest.NAME).read_text())
    rows = dict.fromkeys(contents["rows"], 0)
    for entry in contents["files"]:
        path = folder / entry["path"]
        entry["sha256"] = sha256(path.read_bytes()).hexdigest()
        if entry["table"]:
            if path.suffix == ".parquet":
                entry["rows"] = pq.read_metadata(path).num_rows
            else:
                entry["rows"] = path.read_bytes().count(b"\n") - (path.suffix == ".csv")
            rows[entry["table"]] += entry["rows"]
    contents["rows"] = rows
    manifest.save(folder, contents)


LINES = [
    ("doubled", lambda lines: [*lines, *lines[1:]], {"ledger-order", "balance"}),
    ("one twice", lambda lines: [*lines, lines[5]], {"ledger-order"}),
    ("the last one dropped", lambda lines: lines[:-1], {"balance"}),
    ("the first one dropped", lambda lines: [lines[0], *lines[2:]], {"ledger-order"}),
    ("the second half dropped", lambda lines: lines[: len(lines) // 2], {"balance"}),
    ("cut in a row", lambda lines: [*lines[:-1], lines[-1][:70]], {"ledger-cells"}),
    (
        "a column renamed",
        lambda lines: [lines[0].replace("amount_usd", "amount_eur"), *lines[1:]],
        {"ledger-columns"},
    ),
    ("no header", lambda lines: lines[1:], {"ledger-columns"}),
    ("in another order", lambda lines: [lines[0], *reversed(lines[1:])], set()),
]


@pytest.mark.slow
@pytest.mark.parametrize(("change", "names"), [pytest.param(*row[1:], id=row[0]) for row in LINES])
def test_changed_lines_are_found_but_for_their_order(tmp_path, sound, change, names):
    shutil.copytree(sound["csv"], tmp_path, dirs_exist_ok=True)
    path = tmp_path / "ledger" / "part-00001.csv"
    path.write_text("".join(change(path.read_text().splitlines(keepends=True))))
    count_again(tmp_path)
    found = problems(tmp_path)
    assert names <= found.keys()
    assert bool(found) == bool(names)


@pytest.mark.slow
def test_numbers_of_json_may_be_texts(tmp_path, sound):
    shutil.copytree(sound["jsonl"], tmp_path, dirs_exist_ok=True)
    path = tmp_path / "payments" / "part-00000.jsonl"
    path.write_text(path.read_text().replace('"number":0,', '"number":"0",'))
    count_again(tmp_path)
    assert problems(tmp_path) == {}


COLUMNS = [
    ("text", lambda column: column.cast(pa.string()), "column amount_usd is VARCHAR, not DECIMAL(20,6)"),
    ("double", lambda column: column.cast(pa.float64()), "column amount_usd is DOUBLE, not DECIMAL(20,6)"),
    (
        "narrower",
        lambda column: column.cast(pa.decimal128(18, 6)),
        "column amount_usd is DECIMAL(18,6), not DECIMAL(20,6)",
    ),
]


@pytest.mark.slow
@pytest.mark.parametrize(("change", "problem"), [pytest.param(*row[1:], id=row[0]) for row in COLUMNS])
def test_a_column_of_another_type_is_named(tmp_path, sound, change, problem):
    shutil.copytree(sound["parquet"], tmp_path, dirs_exist_ok=True)
    for path in (tmp_path / "payments").iterdir():
        rows = pq.read_table(path)
        place = rows.column_names.index("amount_usd")
        pq.write_table(rows.set_column(place, "amount_usd", change(rows["amount_usd"])), path)
    count_again(tmp_path)
    assert problems(tmp_path)["payments-columns"].endswith(problem)


@pytest.mark.slow
@pytest.mark.parametrize("format", ["parquet", "dated"])
def test_a_column_of_another_type_in_one_file_is_named(tmp_path, sound, format):
    """DuckDB reads all files with the types of the first."""
    shutil.copytree(sound[format], tmp_path, dirs_exist_ok=True)
    path = sorted((tmp_path / "ledger").rglob("*.parquet"))[-1]
    rows = pq.read_table(path, partitioning=None)
    place = rows.column_names.index("amount_usd")
    pq.write_table(rows.set_column(place, "amount_usd", rows["amount_usd"].cast(pa.float64())), path)
    count_again(tmp_path)
    assert problems(tmp_path)["ledger-columns"].startswith(f"{path}: its columns are not those of")


@pytest.mark.slow
def test_a_null_where_none_may_be_is_found(tmp_path, sound):
    shutil.copytree(sound["parquet"], tmp_path, dirs_exist_ok=True)
    path = tmp_path / "organizations" / "part-00000.parquet"
    rows = pq.read_table(path)
    nulls = pa.nulls(rows.num_rows, rows["company"].type)
    schema = rows.schema.set(2, pa.field("company", nulls.type, nullable=True))
    pq.write_table(pa.table([*rows.columns[:2], nulls, *rows.columns[3:]], schema=schema), path)
    count_again(tmp_path)
    assert "organizations-nulls" in problems(tmp_path)


@pytest.mark.slow
def test_rows_in_the_folder_of_another_date_are_found(tmp_path, sound):
    shutil.copytree(sound["dated"], tmp_path, dirs_exist_ok=True)
    assert problems(tmp_path) == {}
    first, second = sorted((tmp_path / "ledger").glob("date=*/part-00000.parquet"))[3:5]
    content = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(content)
    count_again(tmp_path)
    found = problems(tmp_path)
    assert found.keys() == {"ledger-cells"}
    assert found["ledger-cells"].startswith(f"{first}: a row is of {second.parent.name[5:]}")


@pytest.mark.slow
def test_files_of_a_part_that_is_missing_are_named(tmp_path, sound):
    shutil.copytree(sound["csv"], tmp_path, dirs_exist_ok=True)
    contents = json.loads((tmp_path / manifest.NAME).read_text())
    contents["files"] = [entry for entry in contents["files"] if "ledger/part-00001" not in entry["path"]]
    manifest.save(tmp_path, contents)
    found = problems(tmp_path)
    assert found["file-unlisted"] == "ledger/part-00001.csv is not of this export"
    assert found["totals"]
    (tmp_path / "ledger" / "part-00001.csv").unlink()
    count_again(tmp_path)
    assert "balance" in problems(tmp_path)
