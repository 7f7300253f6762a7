from __future__ import annotations

import csv
import io
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from orgbilling_stubs.export.columnar.columns import ConstantColumn, DictionaryColumn, values
from orgbilling_stubs.export.schema import BY_NAME
from orgbilling_stubs.export.writers.text_formats import COPY, CSV, JSONL, cells, header, rows_as_text

PROJECTS = BY_NAME["projects"]
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30)


def chunk(names):
    return {
        "project_id": ["p"] * len(names),
        "organization_id": ConstantColumn("o", len(names)),
        "name": [*names],
    }


@given(st.lists(TEXTS, min_size=1))
def test_csv_reads_back_as_written(names):
    text = header(CSV, PROJECTS) + rows_as_text(CSV, PROJECTS, chunk(names))
    read = [*csv.reader(io.StringIO(text, newline=""), strict=True)]
    assert read == [["project_id", "organization_id", "name"], *(["p", "o", name] for name in names)]


@pytest.mark.slow
@given(st.lists(TEXTS, min_size=1))
def test_json_lines_read_back_as_written(names):
    read = [json.loads(line) for line in rows_as_text(JSONL, PROJECTS, chunk(names)).split("\n")[:-1]]
    assert [row["name"] for row in read] == names


@pytest.mark.parametrize(
    ("dialect", "kind", "raw", "expected"),
    [
        (CSV, "text", ["", None, 'a"b', "a,b", "plain"], ['""', "", '"a""b"', '"a,b"', "plain"]),
        (JSONL, "text", ["é", None], ['"é"', "null"]),
        (COPY, "text", ["a\tb\\", None, r"\N"], [r"a\tb\\", r"\N", r"\\N"]),
        (CSV, "money", [-1, 2_500_000], ["-0.000001", "2.500000"]),
        (JSONL, "money", [-1, 2**63, None], ["-0.000001", "9223372036854.775808", "null"]),
        (JSONL, "price", [1], ["0.000000001"]),
        (JSONL._replace(bare=()), "money", [-1, None], ['"-0.000001"', "null"]),
        (CSV, "price", [1], ["0.000000001"]),
        (JSONL, "int", [1, None], ["1", "null"]),
        (JSONL, "bool", [True, False], ["true", "false"]),
        (CSV, "date", [0], ["1970-01-01"]),
        (JSONL, "instant", [0, None], ['"1970-01-01T00:00:00.000Z"', "null"]),
    ],
)
def test_values_look_as_the_dialect_says(dialect, kind, raw, expected):
    assert cells(dialect, kind, raw) == expected


def test_every_shape_of_a_column_gives_the_same_tokens():
    coded = DictionaryColumn(["a,b", None], np.array([0, 1, 0], dtype=np.int32))
    assert cells(CSV, "text", coded) == cells(CSV, "text", values(coded)) == ['"a,b"', "", '"a,b"']
    assert cells(CSV, "money", np.array([7, 8])) == cells(CSV, "money", [7, 8])
    assert cells(JSONL, "text", ConstantColumn("x", 2)) == ['"x"', '"x"']


def test_only_csv_has_a_header():
    assert header(CSV, PROJECTS) == "project_id,organization_id,name\n"
    assert header(CSV._replace(bom=True), PROJECTS).encode("utf-8")[:8] == b"\xef\xbb\xbfproje"
    assert header(JSONL, PROJECTS) == header(COPY, PROJECTS) == ""
