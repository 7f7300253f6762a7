from __future__ import annotations

from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from orgbilling_stubs.export.columnar import engine
from orgbilling_stubs.export.columnar.columns import Coded, Same, Uuids, values
from orgbilling_stubs.export.schema import BY_NAME, TABLES
from orgbilling_stubs.export.writers import arrow

from ..conftest import small_cast


def test_every_table_has_an_arrow_schema_of_its_kinds():
    for table in TABLES:
        made = arrow.schema(table)
        assert [*made.names] == [*table.names]
        assert [field.nullable for field in made] == [column.nullable for column in table.columns]
    assert arrow.schema(BY_NAME["ledger"]).field("amount_usd").type == pa.decimal128(20, 6)
    assert arrow.schema(BY_NAME["model_prices"]).field("input_price_per_1k_usd").type == pa.decimal128(20, 9)


def test_rows_survive_the_way_into_arrow():
    cast = small_cast(1)
    for name, chunk in engine.Engine(cast).tables(cast.people[0]).items():
        batch = arrow.batch(BY_NAME[name], chunk)
        for column in BY_NAME[name].columns:
            found = batch.column(column.name)
            if column.kind in ("instant", "date"):
                found = found.view(pa.int64() if column.kind == "instant" else pa.int32())
            shown = found.to_pylist()
            if column.kind in ("money", "price"):
                places = 6 if column.kind == "money" else 9
                shown = [int(value.scaleb(places)) for value in shown]
            assert shown == values(chunk[column.name]), (name, column.name)


@pytest.mark.parametrize("numbers", [[0, -1, 2**62, -(2**62)], [10**18, -(10**18)]])
def test_decimals_are_exact(numbers):
    kind = pa.decimal128(38, 6)
    expected = [Decimal(number).scaleb(-6) for number in numbers]
    assert arrow._decimals(numbers, kind).to_pylist() == expected
    assert arrow._decimals(np.array(numbers), kind).to_pylist() == expected


def test_decimals_beyond_63_bits_are_exact():
    assert arrow._decimals([2**64], pa.decimal128(38, 6)).to_pylist() == [Decimal(2**64).scaleb(-6)]


def test_texts_of_any_shape_become_dictionaries():
    coded = Coded(["b", None, "b"], np.array([2, 1, 0], dtype=np.int32))
    assert arrow._texts(coded).to_pylist() == ["b", None, "b"]
    assert arrow._texts(Same("x", 2)).to_pylist() == ["x", "x"]
    assert arrow._texts(["a", None, "a"]).to_pylist() == ["a", None, "a"]


def test_ids_are_taken_as_they_are():
    ids = Uuids(b"0" * 36 + b"1" * 36)
    assert arrow._array(ids, pa.string()).to_pylist() == [*ids]
    assert arrow._array(Same(5, 2), pa.int64()).to_pylist() == [5, 5]
