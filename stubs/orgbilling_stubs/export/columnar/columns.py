"""Columns of a table, in the shapes that are cheap to make; numpy is used where there is some.

Values are raw: money in micro-USD, prices in nano-USD, instants in epoch milliseconds, dates in days since
1970-01-01, texts as text, and None for null. A plain list is a column too.

A class for each shape is our own because it has to work without numpy and pyarrow, and because it saves what
takes most of the time: a Python object for each value of a column that has few different ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, Union

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Value: TypeAlias = str | int | bool | None
"""A raw value; a bool is one of a boolean column."""


@dataclass(frozen=True, slots=True)
class DictionaryColumn:
    """Few different texts in many rows: `codes` are positions in `texts`."""

    texts: Sequence[str | None]
    codes: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.codes)

    def __iter__(self) -> Iterator[str | None]:
        return map(self.texts.__getitem__, self.codes.tolist())


@dataclass(frozen=True, slots=True)
class ConstantColumn:
    """The same value in every row."""

    value: Value
    count: int

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[Value]:
        return iter([self.value] * self.count)


@dataclass(frozen=True, slots=True)
class UuidColumn:
    """UUIDs in text form, 36 bytes each, one after the other."""

    data: bytes

    def __len__(self) -> int:
        return len(self.data) // 36

    def __iter__(self) -> Iterator[str]:
        text = self.data.decode("ascii")
        return iter([text[start : start + 36] for start in range(0, len(text), 36)])


ColumnValues: TypeAlias = Union[
    list[Value],
    "NDArray[np.int64]",
    "NDArray[np.bool_]",
    DictionaryColumn,
    ConstantColumn,
    UuidColumn,
]

TableColumns: TypeAlias = Mapping[str, ColumnValues]
"""Rows of one table, by column name; all columns have the same length."""


def values(column: ColumnValues) -> list[Value]:
    """The raw values as Python objects."""
    if isinstance(column, list):
        return column
    if isinstance(column, DictionaryColumn | ConstantColumn | UuidColumn):
        return list(column)
    numbers: list[Value] = column.tolist()
    return numbers


def row_count(columns: TableColumns) -> int:
    """How many rows there are."""
    return len(next(iter(columns.values())))
