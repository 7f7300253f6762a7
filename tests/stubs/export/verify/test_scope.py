from __future__ import annotations

import json

import pytest
from orgbilling_stubs.billing import instants
from orgbilling_stubs.export import manifest
from orgbilling_stubs.export.errors import ExportError
from orgbilling_stubs.export.selection import SelectionOptions
from orgbilling_stubs.export.verify.scope import EVERYTHING, Scope
from orgbilling_stubs.export.verify.verify import verify


def problems(folder, scope):
    return [(check.name, check.problem) for check in verify(folder, scope) if check.problem]


@pytest.mark.slow_beyond(1)
@pytest.mark.parametrize("kind", ["csv", "parquet", "json"])
@pytest.mark.parametrize("count", [1, 2, 5])
def test_the_shards_read_every_file_once(tmp_path, make, kind, count):
    contents = make(tmp_path, kind)
    scopes = [Scope((number, count)) for number in range(1, count + 1)]
    read = [path for scope in scopes for path in scope.paths(contents)]
    assert sorted(read) == sorted(entry["path"] for entry in contents["files"])
    assert EVERYTHING.narrowed(contents) == contents


@pytest.mark.slow
def test_shards_and_totals_hold_where_the_whole_does(tmp_path, make):
    make(tmp_path)
    scopes = [EVERYTHING, Scope((1, 3)), Scope((2, 3)), Scope((3, 3)), Scope(totals=True)]
    assert [problems(tmp_path, scope) for scope in scopes] == [[]] * 5


@pytest.mark.slow
def test_a_shard_finds_what_is_wrong_in_its_files_alone(tmp_path, make):
    make(tmp_path)
    path = tmp_path / "ledger" / "part-00001.csv"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:-1]))
    assert problems(tmp_path, Scope((1, 3))) == []
    found = dict(problems(tmp_path, Scope((2, 3))))
    assert found["file-digest"] == "ledger/part-00001.csv has changed"
    assert {"balance", "outstanding"} & found.keys()


def changed(folder, change):
    contents = manifest.read(folder)
    change(contents)
    (folder / manifest.NAME).write_text(json.dumps(contents))


@pytest.mark.slow
def test_totals_find_a_part_that_is_missing(tmp_path, make):
    make(tmp_path, manifest_fields={"format": "csv", "organizations": 5, "organizationsPerPart": 2})

    def without_a_part(contents):
        contents["files"] = [entry for entry in contents["files"] if "part-00002" not in entry["path"]]

    changed(tmp_path, without_a_part)
    found = [problem for name, problem in problems(tmp_path, Scope(totals=True)) if name == "totals"]
    assert "ledger: part 2 is missing" in found
    assert any(problem.startswith("ledger: the files have ") for problem in found)


@pytest.mark.slow
def test_totals_find_an_organization_that_stands_twice(tmp_path, make):
    make(tmp_path)
    first, second = (tmp_path / "organizations" / f"part-0000{number}.csv" for number in (0, 1))
    lines = second.read_text().splitlines(keepends=True)
    lines[1] = first.read_text().splitlines(keepends=True)[1]
    second.write_text("".join(lines))
    names = [name for name, _ in problems(tmp_path, Scope(totals=True))]
    assert "file-digest" in names
    assert any("key" in name for name in names)


@pytest.mark.slow
def test_totals_compare_organizations_of_different_parts(tmp_path, make):
    options = SelectionOptions(instants.parse("2026-01-01"), 1, orgs=40, days=90, population="startup")
    make(tmp_path, selection=options.selection(), part_size=20)
    first, second = (tmp_path / "vouchers" / f"part-0000{number}.csv" for number in (0, 1))
    assert (first.read_text().count("PARTNER100"), second.read_text().count("PARTNER100")) == (2, 1)
    second.write_text(second.read_text().replace("PARTNER100,100.000000", "PARTNER100,123.000000"))
    assert "vouchers-population" not in dict(problems(tmp_path, Scope((2, 2))))
    assert "vouchers-population" in dict(problems(tmp_path, Scope(totals=True)))


@pytest.mark.slow
def test_one_file_has_no_shards_to_verify(tmp_path, make):
    make(tmp_path, "sqlite")
    with pytest.raises(ExportError, match="no shards to verify") as caught:
        problems(tmp_path, Scope((1, 2)))
    assert caught.value.code == "one_file"
    assert problems(tmp_path, EVERYTHING) == []
