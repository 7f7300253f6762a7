from __future__ import annotations

import csv
import json
import os
from decimal import Decimal
from hashlib import sha256

import pytest
from orgbilling_stubs.export import manifest, run
from orgbilling_stubs.export.errors import ExportError
from orgbilling_stubs.export.organization_tables import OrganizationTables

from .conftest import ALL, names_in

BESIDE = {"schema.json", "sources.yml", "views.sql"}


def contents(folder):
    return {path: (folder / path).read_bytes() for path in names_in(folder)}


@pytest.mark.slow
def test_the_same_options_give_the_same_bytes_on_every_python(tmp_path, make, golden):
    """SHA-256 over the digests of all files; Parquet's is of the pinned pyarrow."""
    digests = {}
    for format in ("csv", "jsonl", "parquet", "postgres", "json"):
        files = make(tmp_path / format, format)["files"]
        digests[format] = sha256("".join(file["sha256"] for file in files).encode()).hexdigest()
    text = json.dumps(digests, indent=1) + "\n"
    assert json.loads(golden("export_digests.json", lambda: text)) == digests


@pytest.mark.slow
@pytest.mark.slow_beyond(1)
@pytest.mark.parametrize("kind", ["csv", "parquet", "json"])
def test_shards_are_byte_for_byte_the_whole(tmp_path, make, kind):
    make(tmp_path / "whole", kind, part_size=1)
    for of in (3, 8):
        folder = tmp_path / str(of)
        for number in range(1, of + 1):
            make(folder, kind, shard=(number, of), part_size=1)
        manifest.merge(folder)
        assert contents(folder) == contents(tmp_path / "whole")


@pytest.mark.slow
def test_several_processes_give_the_same_bytes(tmp_path, make):
    make(tmp_path / "one")
    make(tmp_path / "two", jobs=2)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


@pytest.mark.slow
def test_money_is_exact_text(tmp_path, make):
    make(tmp_path, part_size=100)
    with (tmp_path / "ledger.csv").open(newline="") as file:
        rows = [*csv.DictReader(file)]
    assert {len(row["amount_usd"].partition(".")[2]) for row in rows} == {6}
    sums: dict[str, Decimal] = {}
    for row in rows:
        owner = row["organization_id"]
        sums[owner] = sums.get(owner, Decimal(0)) + Decimal(row["amount_credits"])
    with (tmp_path / "billing_profiles.csv").open(newline="") as file:
        assert {
            row["organization_id"]: Decimal(row["credit_balance"]) for row in csv.DictReader(file)
        } == sums


def test_a_part_of_the_tables_can_be_chosen(tmp_path, make):
    exported = make(tmp_path, tables=("organizations", "ledger"), part_size=100)
    assert names_in(tmp_path) == {"organizations.csv", "ledger.csv", "manifest.json"} | BESIDE
    assert [*exported["rows"]] == ["organizations", "ledger"]


@pytest.mark.slow
def test_an_export_is_not_overwritten_unless_asked(tmp_path, make):
    make(tmp_path)
    (tmp_path / "mine.txt").write_text("kept")
    with pytest.raises(ExportError, match="holds an export") as caught:
        make(tmp_path, "jsonl", part_size=100)
    assert caught.value.code == "not_empty"
    make(tmp_path, "jsonl", part_size=100, tables=("ledger",), force=True)
    assert names_in(tmp_path) == {"ledger.jsonl", "manifest.json", "mine.txt"} | BESIDE


@pytest.mark.slow
def test_nothing_outside_the_folder_is_removed(tmp_path, make):
    exported = make(tmp_path / "a")
    (tmp_path / "outside").write_text("kept")
    exported["files"].append({"path": "../outside", "table": None, "rows": 0, "bytes": 0, "sha256": ""})
    manifest.save(tmp_path / "a", exported)
    make(tmp_path / "a", force=True)
    assert (tmp_path / "outside").exists()


@pytest.mark.parametrize("kind", ["sqlite", "duckdb"])
def test_one_file_has_no_shards(tmp_path, make, kind):
    with pytest.raises(ExportError, match="no shards") as caught:
        make(tmp_path, kind, shard=(1, 2))
    assert caught.value.code == "one_file"


@pytest.mark.parametrize(
    ("kind", "module"), [("parquet", "pyarrow"), ("duckdb", "duckdb"), ("parquet", "numpy")]
)
def test_without_the_extra_it_is_named(tmp_path, make, monkeypatch, kind, module):
    def missing(name):
        if name == module:
            raise ModuleNotFoundError(name)

    monkeypatch.setattr("orgbilling_stubs.export.errors.import_module", missing)
    with pytest.raises(ExportError, match=rf"{kind} needs {module}, .*orgbilling\[export\]"):
        make(tmp_path / "new", kind)
    assert not (tmp_path / "new").exists()


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path, make):
    (tmp_path / "file").write_text("")
    with pytest.raises(ExportError, match="file") as caught:
        make(tmp_path / "file")
    assert caught.value.code == "file_error"


@pytest.mark.slow_beyond(1)
@pytest.mark.parametrize("kind", ALL)
def test_ctrl_c_leaves_no_half_file(tmp_path, make, monkeypatch, kind):
    calls = iter([None, None, KeyboardInterrupt])

    def stop(self, organization, *_):
        if next(calls) is not None:
            raise KeyboardInterrupt
        return original(self, organization, *_)

    method = "responses" if kind == "json" else "tables"
    original = getattr(OrganizationTables, method)
    monkeypatch.setattr(OrganizationTables, method, stop)
    with pytest.raises(KeyboardInterrupt):
        make(tmp_path, kind)
    assert names_in(tmp_path) == set()


@pytest.mark.slow
def test_a_number_that_does_not_fit_is_one_line(tmp_path, make, monkeypatch):
    def overflow(*_):
        raise OverflowError("Python int too large")

    monkeypatch.setattr(run, "_write", overflow)
    with pytest.raises(ExportError, match="does not fit in 64 bits") as caught:
        make(tmp_path)
    assert caught.value.code == "number_too_large"


@pytest.mark.slow
def test_a_disk_that_fills_up_at_the_end_is_one_line(tmp_path, make, monkeypatch):
    def full(*_):
        raise OSError(28, os.strerror(28), "manifest.json")

    monkeypatch.setattr(manifest, "save", full)
    with pytest.raises(ExportError, match=r"manifest\.json: no space left"):
        make(tmp_path)
