"""CSV with a byte order mark: in every file, and nowhere else."""

from __future__ import annotations

import csv

import pytest
from orgbilling_stubs.export import manifest
from orgbilling_stubs.export.errors import ExportError
from orgbilling_stubs.export.verify import verify

MARK = b"\xef\xbb\xbf"


@pytest.mark.slow
@pytest.mark.slow_beyond(1)
@pytest.mark.parametrize("part_size", [2, 100])
def test_each_file_begins_with_it_and_holds(tmp_path, make, part_size):
    plain = make(tmp_path / "plain", part_size=part_size)
    marked = make(tmp_path / "marked", part_size=part_size, bom=True)
    assert marked["rows"] == plain["rows"]
    paths = [entry["path"] for entry in marked["files"] if entry["table"] is not None]
    for path in paths:
        text = (tmp_path / "marked" / path).read_bytes()
        assert text == MARK + (tmp_path / "plain" / path).read_bytes()
    assert [check for check in verify.verify(tmp_path / "marked") if check.problem] == []
    with (tmp_path / "marked" / paths[0]).open(encoding="utf-8-sig", newline="") as file:
        assert next(csv.reader(file))[0] == "organization_id"


@pytest.mark.slow
def test_shards_and_dirty_exports_have_it(tmp_path, make):
    for number in (1, 2):
        make(tmp_path / "shards", shard=(number, 2), bom=True)
    manifest.merge(tmp_path / "shards")
    assert [check for check in verify.verify(tmp_path / "shards") if check.problem] == []
    make(tmp_path / "dirty", bom=True, dirty=0.1, tables=("ledger",))
    assert (tmp_path / "dirty" / "ledger" / "part-00000.csv").read_bytes().startswith(MARK)
    found = {check.name for check in verify.verify(tmp_path / "dirty") if check.problem}
    assert not found & {"defect-unlisted", "defect-not-found", "ledger-rows"}


@pytest.mark.parametrize("format", ["jsonl", "parquet", "postgres", "json", "sqlite", "duckdb"])
def test_only_csv_has_it(tmp_path, make, format):
    with pytest.raises(ExportError, match="--bom is for csv") as caught:
        make(tmp_path / "new", format, bom=True)
    assert caught.value.code == "conflicting_options"
    assert not (tmp_path / "new").exists()
