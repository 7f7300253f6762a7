"""Columns as Arrow arrays, without a Python object for each value."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from orgbilling_stubs.export.columnar.columns import Chunk, Coded, Same, Uuids
from orgbilling_stubs.export.errors import need
from orgbilling_stubs.export.schema import LONG, Table

if TYPE_CHECKING:
    import numpy as np
else:
    np = need("numpy")

pa: Any = need("pyarrow", "Parquet")

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
_CODED = pa.dictionary(pa.int32(), pa.string())


def coded(table: Table) -> list[str]:
    """The columns of a table that are kept as dictionaries."""
    if table.name not in LONG:
        return []
    return [each.name for each in table.columns if each.kind in ("text", "uuid") and each.name != "entry_id"]


def schema(table: Table) -> Any:
    """The Arrow schema of a table."""
    dictionaries = coded(table)
    return pa.schema(
        pa.field(each.name, _CODED if each.name in dictionaries else TYPES[each.kind], nullable=each.nullable)
        for each in table.columns
    )


def batch(table: Table, chunk: Chunk) -> Any:
    """Rows as a record batch of the table's schema."""
    made = schema(table)
    arrays = [
        _texts(chunk[field.name]) if field.type == _CODED else _array(chunk[field.name], field.type)
        for field in made
    ]
    return pa.record_batch(arrays, schema=made)


def _texts(column: Any) -> Any:
    """A column of few texts as codes and a dictionary; no text is in it twice, as Parquet demands."""
    texts = (
        [column.value] if isinstance(column, Same) else column.texts if isinstance(column, Coded) else column
    )
    known: dict[str, int] = {}
    places = [-1 if text is None else known.setdefault(text, len(known)) for text in texts]
    codes = np.array(places, dtype=np.int32)
    if isinstance(column, Same):
        codes = np.repeat(codes, column.count)
    elif isinstance(column, Coded):
        codes = codes[column.codes]
    nothing = codes < 0 if -1 in places else None
    values = pa.array([*known] or [""], pa.string())
    return pa.DictionaryArray.from_arrays(pa.array(np.maximum(codes, 0), mask=nothing), values)


def _array(column: Any, kind: Any) -> Any:
    if isinstance(column, Same):
        return pa.array([column.value] * column.count, kind)
    if isinstance(column, Uuids):
        offsets = np.arange(len(column) + 1, dtype=np.int32) * 36
        return pa.StringArray.from_buffers(len(column), pa.py_buffer(offsets), pa.py_buffer(column.data))
    if pa.types.is_decimal(kind):
        return _decimals(column, kind)
    if isinstance(column, list):
        return pa.array(column, kind)
    if pa.types.is_date32(kind):
        return pa.array(column.astype(np.int32)).view(kind)
    return pa.array(column, pa.int64()).view(kind)


def _decimals(column: Sequence[int], kind: Any) -> Any:
    """Integers of the smallest unit as 128-bit decimals: the low word, and the sign above it."""
    try:
        numbers = np.asarray(column, dtype=np.int64)
    except OverflowError:
        return pa.array([Decimal(number).scaleb(-kind.scale) for number in column], kind)
    words = np.empty((len(numbers), 2), dtype=np.int64)
    words[:, 0] = numbers
    words[:, 1] = numbers >> 63
    return pa.Array.from_buffers(kind, len(numbers), [None, pa.py_buffer(words)])
