from __future__ import annotations

import numpy as np
from orgbilling_stubs.export.columnar.columns import (
    ConstantColumn,
    DictionaryColumn,
    UuidColumn,
    row_count,
    values,
)

TWO = b"11111111-1111-1111-1111-11111111111122222222-2222-2222-2222-222222222222"


def test_every_shape_of_a_column_has_its_values():
    assert values([1, None]) == [1, None]
    assert values(np.array([1, 2])) == [1, 2]
    assert values(DictionaryColumn(["a", None], np.array([1, 0, 0], dtype=np.int32))) == [None, "a", "a"]
    assert values(ConstantColumn("x", 2)) == ["x", "x"]
    assert values(UuidColumn(TWO)) == [TWO[:36].decode(), TWO[36:].decode()]


def test_columns_know_their_length():
    assert (len(ConstantColumn(1, 3)), len(UuidColumn(TWO)), len(DictionaryColumn(["a"], np.array([0])))) == (
        3,
        2,
        1,
    )
    assert row_count({"a": ConstantColumn(1, 3)}) == 3
