"""JSON Lines that readers type by their first rows: which rows stand first, and that none is lost."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from orgbilling_stubs.export.schema import Column, Table
from orgbilling_stubs.export.verify import verify
from orgbilling_stubs.export.verify.database import opened
from orgbilling_stubs.export.writers import files
from orgbilling_stubs.export.writers.files import PartialFile
from orgbilling_stubs.export.writers.parts import JsonLinesTableWriter
from orgbilling_stubs.export.writers.text_formats import JSONL

from ..conftest import small_selection

TABLE = Table(
    "t",
    "a table",
    (
        Column("number", "int", False, "place"),
        Column("a", "text", True, "may be null"),
        Column("b", "money", True, "may be null"),
        Column("c", "bool", True, "may be null"),
    ),
    ("number",),
    (),
)
ROWS = st.tuples(
    st.none() | st.sampled_from(["", "null", "ü"]), st.none() | st.integers(-5, 5), st.none() | st.booleans()
)


def written(folder, chunks, spooled_bytes=1 << 22):
    numbers = iter(range(1000))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(files, "_SPOOLED_BYTES", spooled_bytes)
        with PartialFile(folder, "t.jsonl") as file:
            writer = JsonLinesTableWriter(JSONL, TABLE, file)
            for chunk in chunks:
                cells = {"abc"[place]: [row[place] for row in chunk] for place in range(3)}
                writer.write({"number": [next(numbers) for _ in chunk], **cells})
            writer.close()
            file.keep()
    return (folder / "t.jsonl").read_bytes()


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(ROWS, max_size=6), max_size=5), st.sampled_from([1, 1 << 22]))
def test_each_column_has_a_value_at_once_and_no_row_is_lost(tmp_path_factory, chunks, spooled_bytes):
    folder = tmp_path_factory.mktemp("lines")
    text = written(folder, chunks, spooled_bytes)
    rows = [json.loads(line) for line in text.splitlines()]
    assert sorted(row["number"] for row in rows) == [*range(sum(map(len, chunks)))]
    for name in "abc":
        if any(row[name] is not None for row in rows):
            assert any(row[name] is not None for row in rows[:3])
    # The others keep their order, and nothing is left beside the file.
    numbers = [row["number"] for row in rows]
    moved = next((place for place in range(4) if numbers[place:] == sorted(numbers[place:])), None)
    assert moved is not None
    assert [path.name for path in folder.iterdir()] == ["t.jsonl"]


@pytest.mark.slow
@pytest.mark.slow_beyond(1)
@pytest.mark.parametrize("money", ["number", "text"])
def test_both_ways_to_write_amounts_are_verified(tmp_path, make, money):
    make(tmp_path, "jsonl", money=money)
    first = json.loads((tmp_path / "ledger" / "part-00000.jsonl").read_text().splitlines()[0])
    assert isinstance(first["amount_usd"], str) is (money == "text")
    assert [check for check in verify.verify(tmp_path) if check.problem] == []


@pytest.mark.slow
def test_shards_have_the_same_rows_first(tmp_path, make):
    whole = make(tmp_path / "whole", "jsonl")
    for number in (1, 2):
        make(tmp_path / "shards", "jsonl", shard=(number, 2))
    for entry in whole["files"]:
        assert (tmp_path / "shards" / entry["path"]).read_bytes() == (
            tmp_path / "whole" / entry["path"]
        ).read_bytes()


def test_an_amount_beyond_binary_fractions_is_verified_to_the_digit(tmp_path, make):
    """As the text of the file has it, not as DuckDB's numbers would."""
    make(tmp_path, "jsonl", part_size=100, tables=("billing_profiles",), selection=small_selection(1))
    path = tmp_path / "billing_profiles.jsonl"
    [line] = path.read_text().splitlines()
    changed = json.loads(line) | {"organization_id": '"credit_balance":7.5,\\', "credit_balance": "AMOUNT"}
    path.write_text(json.dumps(changed).replace('"AMOUNT"', "9223372036854.775807") + "\n")
    with opened(tmp_path, "jsonl", {"billing_profiles": [path.name]}) as database:
        assert database.problems == {}
        _, row = database.first("SELECT credit_balance, organization_id FROM v_billing_profiles")
    assert row == (9223372036854775807, changed["organization_id"])
