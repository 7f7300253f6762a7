"""Parquet: dictionaries for texts, decimals for money, one row group for about 120,000 rows."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from orgbilling_stubs.export.columnar.columns import (
    ColumnValues,
    ConstantColumn,
    DictionaryColumn,
    TableColumns,
    UuidColumn,
    row_count,
)
from orgbilling_stubs.export.errors import require
from orgbilling_stubs.export.schema import LONG, Table

if TYPE_CHECKING:
    import numpy as np

    from orgbilling_stubs.export.writers.files import PartialFile
else:
    np = require("numpy", "Parquet")

# pyarrow has no type hints.
pa: Any = require("pyarrow", "Parquet")
pq: Any = require("pyarrow.parquet", "Parquet")

ROW_GROUP_ROWS = 120_000

TYPES: dict[str, Any] = {
    "text": pa.string(),
    "uuid": pa.string(),
    "int": pa.int64(),
    "money": pa.decimal128(20, 6),
    "price": pa.decimal128(20, 9),
    "instant": pa.timestamp("ms", tz="UTC"),
    "date": pa.date32(),
    "bool": pa.bool_(),
}
_DICTIONARY = pa.dictionary(pa.int32(), pa.string())


class ParquetTableWriter:
    """Writes one Parquet file; rows are kept back until there are enough for a row group."""

    def __init__(self, table: Table, file: PartialFile) -> None:
        self._table = table
        self._schema = schema(table)
        # zstd gives the same bytes on every processor, which snappy does not promise.
        self._writer = pq.ParquetWriter(
            file,
            self._schema,
            compression="zstd",
            compression_level=1,
            use_dictionary=dictionary_columns(table),
            store_schema=False,
        )
        self._batches: list[Any] = []
        self._rows = 0

    def write(self, columns: TableColumns) -> None:
        """Add rows."""
        if not row_count(columns):
            return
        self._batches.append(record_batch(self._table, columns))
        self._rows += row_count(columns)
        if self._rows >= ROW_GROUP_ROWS:
            self._flush()

    def close(self) -> None:
        """Write what was kept back, and the footer."""
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        if self._batches:
            rows = pa.Table.from_batches(self._batches, self._schema).unify_dictionaries()
            self._writer.write_table(rows.combine_chunks(), row_group_size=self._rows)
        self._batches, self._rows = [], 0


def dictionary_columns(table: Table) -> list[str]:
    """The columns of a table that are kept as dictionaries."""
    if table.name not in LONG:
        return []
    return [
        column.name
        for column in table.columns
        if column.kind in ("text", "uuid") and column.name != "entry_id"
    ]


def schema(table: Table) -> Any:
    """The Arrow schema of a table."""
    dictionaries = dictionary_columns(table)
    return pa.schema(
        pa.field(
            column.name,
            _DICTIONARY if column.name in dictionaries else TYPES[column.kind],
            nullable=column.nullable,
        )
        for column in table.columns
    )


def record_batch(table: Table, columns: TableColumns) -> Any:
    """Rows as an Arrow record batch of the table's schema."""
    arrow_schema = schema(table)
    arrays = [
        _dictionary(columns[field.name])
        if field.type == _DICTIONARY
        else _array(columns[field.name], field.type)
        for field in arrow_schema
    ]
    return pa.record_batch(arrays, schema=arrow_schema)


def _dictionary(column: ColumnValues) -> Any:
    """A column of few texts as codes and a dictionary; no text is in it twice, as Parquet demands."""
    texts: Any = column
    if isinstance(column, ConstantColumn):
        texts = [column.value]
    elif isinstance(column, DictionaryColumn):
        texts = column.texts
    code_of: dict[str, int] = {}
    text_codes = [-1 if text is None else code_of.setdefault(text, len(code_of)) for text in texts]
    codes = np.array(text_codes, dtype=np.int32)
    if isinstance(column, ConstantColumn):
        codes = np.repeat(codes, column.count)
    elif isinstance(column, DictionaryColumn):
        codes = codes[column.codes]
    null = codes < 0 if -1 in text_codes else None
    dictionary = pa.array([*code_of] or [""], pa.string())
    return pa.DictionaryArray.from_arrays(pa.array(np.maximum(codes, 0), mask=null), dictionary)


def _array(column: ColumnValues, type: Any) -> Any:
    if isinstance(column, ConstantColumn):
        return pa.array([column.value] * column.count, type)
    if isinstance(column, UuidColumn):
        offsets = np.arange(len(column) + 1, dtype=np.int32) * 36
        return pa.StringArray.from_buffers(len(column), pa.py_buffer(offsets), pa.py_buffer(column.data))
    if pa.types.is_decimal(type):
        return _decimals(column, type)
    if isinstance(column, list):
        return pa.array(column, type)
    assert not isinstance(column, DictionaryColumn)
    if pa.types.is_date32(type):
        return pa.array(column.astype(np.int32)).view(type)
    return pa.array(column, pa.int64()).view(type)


def _decimals(numbers: Any, type: Any) -> Any:
    """Integers of the smallest unit as decimals.

    A decimal of Arrow is that integer, and the type knows where its point is. So -1500000 becomes a decimal
    without places, and is seen as one with six: -1.500000. No Decimal object is made unless 64 bits are too
    few.
    """
    try:
        return pa.array(numbers, pa.int64()).cast(pa.decimal128(20, 0)).view(type)
    except OverflowError:
        return pa.array([Decimal(number).scaleb(-type.scale) for number in numbers], type)
