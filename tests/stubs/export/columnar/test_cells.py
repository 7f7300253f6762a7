from __future__ import annotations

import pytest
from orgbilling_stubs.export.columnar import cells
from orgbilling_stubs.export.errors import ExportError
from orgbilling_stubs.export.schema import Column, Table

MADE = Table(
    "made",
    "",
    tuple(
        Column(kind, kind, False, "") for kind in ("text", "int", "bool", "money", "price", "instant", "date")
    ),
    ("text",),
    (),
)
GOOD = ("a", "-5", "true", "-1.250000", "0.000000001", "2026-02-28T23:59:59.999Z", "2024-02-29")
LINE = ",".join(GOOD)


def one(folder, kind, line):
    path = folder / f"made.{kind}"
    path.write_text((",".join(MADE.names) + "\n" if kind == "csv" else "") + line + "\n")
    [row] = cells.read(MADE, kind, path)
    return row


def test_a_row_is_read_as_sqlite_keeps_it(tmp_path):
    assert one(tmp_path, "csv", LINE) == ["a", -5, True, *GOOD[3:]]
    assert one(tmp_path, "postgres", LINE.replace(",", "\t")) == ["a", -5, True, *GOOD[3:]]


def test_nothing_is_none_where_it_may_be(tmp_path):
    (tmp_path / "made.csv").write_text('a,b\n,""\n')
    table = Table("made", "", (Column("a", "money", True, ""), Column("b", "text", False, "")), ("b",), ())
    assert [*cells.read(table, "csv", tmp_path / "made.csv")] == [[None, ""]]


@pytest.mark.parametrize(("written", "kept"), [("7", "7.000000"), ("-0.5", "-0.500000")])
def test_decimals_get_all_their_places(tmp_path, written, kept):
    assert one(tmp_path, "csv", LINE.replace("-1.250000", written))[3] == kept


@pytest.mark.parametrize(
    ("place", "value", "kind"),
    [
        (1, "1.5", "int"),
        (1, "", "int"),
        (2, "1", "bool"),
        (2, "True", "bool"),
        (3, "abc", "money"),
        (3, "NaN", "money"),
        (3, "1e3", "money"),
        (3, "1.1234567", "money"),
        (4, "", "price"),
        (5, "2025-02-31T10:00:00.000Z", "instant"),
        (5, "2025-02-28T24:00:00.000Z", "instant"),
        (5, "2025-02-28 10:00:00", "instant"),
        (6, "2025-02-29", "date"),
        (6, "20250228", "date"),
    ],
)
def test_what_is_not_of_its_columns_kind_is_refused_with_its_row(tmp_path, place, value, kind):
    row = list(GOOD)
    row[place] = value
    with pytest.raises(ExportError) as caught:
        one(tmp_path, "csv", ",".join(row))
    assert caught.value.name == "unreadable"
    assert str(caught.value) == f"{tmp_path}/made.csv: row 2: {kind}: {value!r} is no {kind}"


@pytest.mark.parametrize("value", ["NaN", "1.5", "true", "null", "[]"])
def test_json_numbers_that_are_not_whole_are_refused(tmp_path, value):
    members = dict.fromkeys(MADE.names, '""') | {"int": value}
    text = "{" + ",".join(f'"{name}":{each}' for name, each in members.items()) + "}"
    with pytest.raises(ExportError, match=r"made\.jsonl: row 1: int: .* is no int"):
        one(tmp_path, "jsonl", text)


@pytest.mark.parametrize("text", ["3", "[1]", '"text"', "{}"])
def test_json_that_is_no_row_is_refused(tmp_path, text):
    with pytest.raises(ExportError, match=r"made\.jsonl: row 1: "):
        one(tmp_path, "jsonl", text)


def test_the_first_fault_of_several_files_is_named(tmp_path):
    good, bad = tmp_path / "good.csv", tmp_path / "bad.csv"
    good.write_text(",".join(MADE.names) + f"\n{LINE}\n")
    bad.write_text(",".join(MADE.names) + f"\n{LINE}\n{LINE},more\n")
    assert cells.fault(MADE, "csv", [good]) == ""
    assert cells.fault(MADE, "csv", [good, bad]) == f"{bad}: row 3: 8 values for 7 columns"


def test_headers_are_compared_name_by_name(tmp_path):
    path = tmp_path / "made.csv"
    path.write_bytes(b"\xff\n")
    assert cells.header(MADE, [path]).startswith(f"{path}: row 1: ")
    path.write_text(",".join(MADE.names[:-1]) + "\n")
    assert cells.header(MADE, [path]) == f"{path}: column 7 is missing, not 'date'"
    assert cells.misnamed(MADE, MADE.names) == ""
    assert cells.misnamed(MADE, [*MADE.names, "more"]) == "column 8 is 'more': the table has no more"
