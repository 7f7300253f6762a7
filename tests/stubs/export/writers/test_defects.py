from __future__ import annotations

import csv
import json
from collections import Counter

import pytest
from orgbilling_stubs.export.errors import ExportError
from orgbilling_stubs.export.request import parse_rate
from orgbilling_stubs.export.schema import BY_NAME, NAMES
from orgbilling_stubs.export.verify.verify import verify
from orgbilling_stubs.export.writers.defects import KINDS, WRONG

from ..conftest import names_in

RATE = 0.02


def defects(folder):
    paths = sorted(path for path in names_in(folder) if path.startswith("defects"))
    return [json.loads(line) for path in paths for line in (folder / path).read_text().splitlines()]


def described(defect):
    """As `verify` names it."""
    key = dict(defect["key"])
    if defect["kind"] == "missing_key":
        key[defect["column"]] = "null"
    cells = ", ".join(f"{name} {key[name]}" for name in BY_NAME[defect["table"]].key)
    column = "" if defect["column"] is None else f": {defect['column']}"
    return f"defect-{defect['kind']}", f"{defect['table']}: {cells}{column}"


@pytest.fixture
def dirty(make):
    def write(folder, format="csv", **more):
        fields = {"format": format, "dirty": RATE}
        return make(folder, format, dirty=RATE, manifest_fields=fields, **more)

    return write


@pytest.mark.slow
@pytest.mark.parametrize("format", ["csv", "jsonl"])
def test_verify_names_the_defects_that_are_listed_and_no_other(tmp_path, dirty, format, monkeypatch):
    monkeypatch.setattr("orgbilling_stubs.export.verify.defect_checks._NAMED", 100_000)
    dirty(tmp_path, format)
    listed = defects(tmp_path)
    assert {defect["kind"] for defect in listed} == {*KINDS}
    found = [(check.name, check.problem) for check in verify(tmp_path) if check.problem and not check.is_note]
    assert Counter(found) == Counter(map(described, listed))


def test_about_so_many_rows_have_a_defect(tmp_path, dirty):
    rows = dirty(tmp_path)["rows"]
    assert 0.5 * RATE < len(defects(tmp_path)) / sum(rows.values()) < 1.5 * RATE


@pytest.mark.slow
def test_what_is_not_listed_is_the_clean_export(tmp_path, make, dirty):
    make(tmp_path / "clean", part_size=100)
    dirty(tmp_path / "dirty", part_size=100)
    changed = {(defect["table"], *defect["key"].values()) for defect in defects(tmp_path / "dirty")}
    for name in NAMES:
        rows = []
        for kind in ("clean", "dirty"):
            with (tmp_path / kind / f"{name}.csv").open(newline="") as file:
                rows.append([*csv.DictReader(file)])
        keys = BY_NAME[name].key
        clean = [row for row in rows[0] if (name, *(row[key] for key in keys)) not in changed]
        assert [row for row in rows[1] if row in clean] == clean


@pytest.mark.slow
def test_the_same_options_give_the_same_defects_in_any_shards(tmp_path, dirty):
    dirty(tmp_path / "whole")
    for number in (1, 2):
        dirty(tmp_path / "shards", shard=(number, 2))
    for path in names_in(tmp_path / "whole") - {"manifest.json"}:
        assert (tmp_path / "whole" / path).read_bytes() == (tmp_path / "shards" / path).read_bytes()


@pytest.mark.slow
def test_verify_names_an_unlisted_defect_and_a_listed_one_that_is_missing(tmp_path, dirty):
    dirty(tmp_path, part_size=100)
    listed = [json.loads(line) for line in (tmp_path / "defects.jsonl").read_text().splitlines()]
    wrong = next(defect for defect in listed if defect["kind"] == "wrong_type")
    listed.remove(wrong)
    other = next(defect for defect in listed if defect["table"] == "ledger")
    first = {**other["key"], "number": "0"}
    assert first not in [defect["key"] for defect in listed if defect["table"] == "ledger"]
    listed.append({"table": "ledger", "kind": "late", "key": first, "column": None})
    (tmp_path / "defects.jsonl").write_text("".join(json.dumps(defect) + "\n" for defect in listed))
    names = Counter(check.name for check in verify(tmp_path) if check.problem)
    assert names["defect-unlisted"] == 1
    assert names["defect-not-found"] == 1
    assert names["file-digest"] == 1


@pytest.mark.slow
def test_a_list_that_is_none_is_one_line(tmp_path, dirty):
    dirty(tmp_path, part_size=100)
    (tmp_path / "defects.jsonl").write_text('{"table": "ledgers"}\n')
    with pytest.raises(ExportError, match=r"defects\.jsonl:1: not a defect") as caught:
        [*verify(tmp_path)]
    assert caught.value.code == "unreadable"


@pytest.mark.parametrize("format", ["parquet", "sqlite", "json"])
def test_formats_with_types_have_no_defects(tmp_path, make, format):
    with pytest.raises(ExportError, match="csv or jsonl") as caught:
        make(tmp_path / "new", format, dirty=RATE)
    assert caught.value.code == "conflicting_options"


def test_a_rate_is_a_share():
    assert [parse_rate(text) for text in (None, "0.01", "1")] == [None, 0.01, 1.0]
    for text in ("0", "1.5", "-1", "nan", "x", ""):
        with pytest.raises(ExportError, match="is not a share") as caught:
            parse_rate(text)
        assert caught.value.code == "out_of_range"


def test_every_kind_but_texts_can_be_wrong():
    kinds = {column.kind for table in BY_NAME.values() for column in table.columns}
    assert kinds - {"text", "uuid"} == WRONG.keys()
