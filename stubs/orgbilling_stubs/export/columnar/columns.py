"""Columns of a table, in the shapes that are cheap to make; numpy is used where there is some.

Values are raw: money in micro-USD, prices in nano-USD, instants in epoch milliseconds, dates in days since
1970-01-01, texts as text, and None where there is nothing. A plain list is a column too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Coded:
    """Few texts, many rows: `codes` are places in `texts`."""

    __slots__ = ("codes", "texts")

    def __init__(self, texts: Sequence[str | None], codes: NDArray[np.int32]) -> None:
        self.texts = texts
        self.codes = codes

    def __len__(self) -> int:
        return len(self.codes)

    def __iter__(self) -> Iterator[str | None]:
        return map(self.texts.__getitem__, self.codes.tolist())


class Same:
    """One value, many rows."""

    __slots__ = ("count", "value")

    def __init__(self, value: Any, count: int) -> None:
        self.value = value
        self.count = count

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[Any]:
        return iter([self.value] * self.count)


class Uuids:
    """UUIDs in text form, 36 bytes each, one after the other."""

    __slots__ = ("data",)

    def __init__(self, data: bytes) -> None:
        self.data = data

    def __len__(self) -> int:
        return len(self.data) // 36

    def __iter__(self) -> Iterator[str]:
        text = self.data.decode("ascii")
        return iter([text[at : at + 36] for at in range(0, len(text), 36)])


Column = Any
"""A list of raw values, a numpy array of int64, or one of the classes above."""

Chunk = Mapping[str, Column]
"""The rows of one table, by column name; all columns have the same length."""


def values(column: Column) -> list[Any]:
    """The raw values as Python objects."""
    tolist = getattr(column, "tolist", None)
    return tolist() if tolist is not None else list(column)


def count(chunk: Chunk) -> int:
    """How many rows a chunk has."""
    return len(next(iter(chunk.values())))
