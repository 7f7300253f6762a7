"""Columns as Arrow record batches: decimals for money, instants with their zone, texts as dictionaries."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import TYPE_CHECKING

from orgbilling_stubs.export.columnar.columns import (
    ColumnValues,
    ConstantColumn,
    DictionaryColumn,
    TableColumns,
    UuidColumn,
    Value,
)
from orgbilling_stubs.export.errors import require
from orgbilling_stubs.export.schema import LONG, Table

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
else:
    np = require("numpy", "Arrow")
    pa = require("pyarrow", "Arrow")

TYPES: dict[str, pa.DataType] = {
    "text": pa.string(),
    "uuid": pa.string(),
    "int": pa.int64(),
    "money": pa.decimal128(20, 6),
    "price": pa.decimal128(20, 9),
    "instant": pa.timestamp("ms", tz="UTC"),
    "date": pa.date32(),
    "bool": pa.bool_(),
}
COMMENT = "comment"
"""The key of what a table or a column means in the metadata of a schema."""

_DICTIONARY = pa.dictionary(pa.int32(), pa.string())


def dictionary_columns(table: Table) -> list[str]:
    """The columns of a table that are kept as dictionaries."""
    if table.name not in LONG:
        return []
    return [
        column.name
        for column in table.columns
        if column.kind in ("text", "uuid") and column.name != "entry_id"
    ]


def schema(table: Table, *, dictionaries: bool = False) -> pa.Schema:
    """The Arrow schema of a table.

    dictionaries: whether the texts of the long tables are codes and a dictionary, as Parquet keeps them, or
    plain strings, which every reader of record batches knows.
    """
    coded = dictionary_columns(table) if dictionaries else []
    fields = [
        pa.field(
            column.name,
            _DICTIONARY if column.name in coded else TYPES[column.kind],
            nullable=column.nullable,
            metadata={COMMENT: column.meaning},
        )
        for column in table.columns
    ]
    return pa.schema(fields, metadata={COMMENT: table.description})


def record_batch(schema: pa.Schema, columns: TableColumns) -> pa.RecordBatch:
    """Rows of a table as a record batch of its Arrow schema."""
    arrays = [_field(columns[field.name], field.type) for field in schema]
    return pa.record_batch(arrays, schema=schema)


def _field(column: ColumnValues, type: pa.DataType) -> pa.Array:
    if type == _DICTIONARY:
        return _dictionary(column)
    if isinstance(column, DictionaryColumn):
        return _dictionary(column).dictionary_decode()
    return _array(column, type)


def _dictionary(column: ColumnValues) -> pa.Array:
    """A column of few texts as codes and a dictionary; no text is in it twice, as Parquet demands."""
    texts: Iterable[Value] = column
    if isinstance(column, ConstantColumn):
        texts = [column.value]
    elif isinstance(column, DictionaryColumn):
        texts = column.texts
    code_of: dict[Value, int] = {}
    text_codes = [-1 if text is None else code_of.setdefault(text, len(code_of)) for text in texts]
    codes = np.array(text_codes, dtype=np.int32)
    if isinstance(column, ConstantColumn):
        codes = np.repeat(codes, column.count)
    elif isinstance(column, DictionaryColumn):
        codes = codes[column.codes]
    null = codes < 0 if -1 in text_codes else None
    dictionary = pa.array([*code_of] or [""], pa.string())
    return pa.DictionaryArray.from_arrays(pa.array(np.maximum(codes, 0), mask=null), dictionary)


def _array(column: ColumnValues, type: pa.DataType) -> pa.Array:
    if isinstance(column, ConstantColumn):
        return pa.repeat(pa.array([column.value], type)[0], column.count)
    if isinstance(column, UuidColumn):
        offsets = np.arange(len(column) + 1, dtype=np.int32) * 36
        return pa.StringArray.from_buffers(len(column), pa.py_buffer(offsets), pa.py_buffer(column.data))
    if pa.types.is_decimal(type):
        return _decimals(column, type)
    if isinstance(column, list) or pa.types.is_boolean(type):
        return pa.array(column, type)
    assert not isinstance(column, DictionaryColumn)
    if pa.types.is_date32(type):
        return pa.array(column.astype(np.int32)).view(type)
    return pa.array(column, pa.int64()).view(type)


def _decimals(numbers: Iterable[Value], type: pa.DataType) -> pa.Array:
    """Integers of the smallest unit as decimals.

    A decimal of Arrow is that integer, and the type knows where its point is. So -1500000 becomes a decimal
    without places, and is seen as one with six: -1.500000. No Decimal object is made unless 64 bits are too
    few.
    """
    try:
        return pa.array(numbers, pa.int64()).cast(pa.decimal128(20, 0)).view(type)
    except OverflowError:
        return pa.array([Decimal(str(number)).scaleb(-type.scale) for number in numbers], type)
