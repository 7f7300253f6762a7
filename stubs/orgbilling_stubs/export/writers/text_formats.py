"""Values as text, and the formats of one line a row: CSV, JSON Lines, and what PostgreSQL's COPY reads.

The csv module would write the same CSV; rows are put together here because cells are made a column at a time,
and because the csv module cannot tell an empty text (`""`) from null (nothing).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

from orgbilling_stubs.billing.instants import DAY_MS
from orgbilling_stubs.export.columnar.columns import (
    ColumnValues,
    ConstantColumn,
    DictionaryColumn,
    TableColumns,
    values,
)
from orgbilling_stubs.export.schema import Table

_BOM = "\ufeff"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECONDS = tuple(f".{milliseconds:03d}Z" for milliseconds in range(1000))


def decimals(numbers: Iterable[int], places: int) -> list[str]:
    """Integers of the smallest unit as decimals with so many places: 1234567, 6 → "1.234567".

    No division takes place, so that every digit is exact: -5 with six places is padded to "-0000005" (a sign
    and places + 1 digits) and gets its point before the last six.
    """
    positive, negative = f"%0{places + 1}d", f"%0{places + 2}d"
    digits = [positive % number if number >= 0 else negative % number for number in numbers]
    return [f"{text[:-places]}.{text[-places:]}" for text in digits]


def dates(days: Iterable[int]) -> list[str]:
    """Days since 1970-01-01 as YYYY-MM-DD."""
    return [_date(day) for day in days]


@lru_cache(maxsize=8192)
def _date(day: int) -> str:
    return (_EPOCH + timedelta(days=day)).date().isoformat()


@lru_cache(maxsize=1)
def _clock() -> tuple[str, ...]:
    """Every second of a day as THH:MM:SS."""
    return tuple(
        f"T{hour:02d}:{minute:02d}:{second:02d}"
        for hour in range(24)
        for minute in range(60)
        for second in range(60)
    )


def instants(at_ms: Iterable[int]) -> list[str]:
    """Epoch milliseconds as YYYY-MM-DDTHH:MM:SS.mmmZ, of one width, so that they sort as text.

    Three table look-ups a value (day, second of the day, millisecond) are several times faster than datetime.
    """
    clock, milliseconds = _clock(), _MILLISECONDS
    split = [(at // DAY_MS, at % DAY_MS) for at in at_ms]
    return [f"{_date(day)}{clock[rest // 1000]}{milliseconds[rest % 1000]}" for day, rest in split]


_AS_TEXT: dict[str, Callable[[Iterable[int]], list[str]]] = {
    "money": lambda numbers: decimals(numbers, 6),
    "price": lambda numbers: decimals(numbers, 9),
    "instant": instants,
    "date": dates,
}


def plain(kind: str, raw: list[Any]) -> list[Any]:
    """Raw values as a database without decimals and dates keeps them: as text; the others as they are."""
    to_text = _AS_TEXT.get(kind)
    if to_text is None:
        return raw
    if None in raw:
        return [None if value is None else to_text([value])[0] for value in raw]
    return to_text(raw)


class TextFormat(NamedTuple):
    """How cells and rows look.

    text: how a text is written; quote: what other cells that are no numbers stand in; separator: what stands
    between cells, None for objects with names; bare: the kinds of amounts that are written as numbers where
    texts are quoted; bom: whether a file begins with the UTF-8 byte order mark, by which spreadsheets know
    the encoding.
    """

    text: Callable[[str], str]
    quote: str
    null: str
    separator: str | None
    header: bool = False
    bare: tuple[str, ...] = ()
    bom: bool = False


_CSV_QUOTED = re.compile('[,"\r\n]')
_COPY_ESCAPES = {"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"}
_COPY_ESCAPED = re.compile("[\\\\\t\n\r]")


def _csv_text(text: str) -> str:
    if not text or _CSV_QUOTED.search(text):
        return '"' + text.replace('"', '""') + '"'
    return text


def _json_text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _copy_text(text: str) -> str:
    return _COPY_ESCAPED.sub(lambda match: _COPY_ESCAPES[match[0]], text)


CSV = TextFormat(_csv_text, "", "", ",", header=True)
JSONL = TextFormat(_json_text, '"', "null", None, bare=("money", "price"))
COPY = TextFormat(_copy_text, "", r"\N", "\t")


def cells(format: TextFormat, kind: str, column: ColumnValues) -> list[str]:
    """A column as the texts that stand in the file."""
    if isinstance(column, ConstantColumn):
        return _cells(format, kind, [column.value]) * column.count
    if isinstance(column, DictionaryColumn):
        texts = _cells(format, kind, list(column.texts))
        return [texts[code] for code in column.codes.tolist()]
    return _cells(format, kind, values(column))


def _cells(format: TextFormat, kind: str, raw: list[Any]) -> list[str]:
    if None in raw:
        present = iter(_cells(format, kind, [value for value in raw if value is not None]))
        return [format.null if value is None else next(present) for value in raw]
    if kind == "text":
        return [*map(format.text, raw)]
    if kind == "int":
        return [*map(str, raw)]
    if kind == "bool":
        return ["true" if value else "false" for value in raw]
    to_text = _AS_TEXT.get(kind)
    texts = raw if to_text is None else to_text(raw)
    return [f'"{text}"' for text in texts] if format.quote and kind not in format.bare else texts


def header(format: TextFormat, table: Table) -> str:
    """What stands before the rows."""
    names = ",".join(table.names) + "\n" if format.header else ""
    return _BOM + names if format.bom else names


def rows_of_cells(format: TextFormat, table: Table, columns: TableColumns) -> Iterator[tuple[str, ...]]:
    """The rows as the texts of their cells."""
    return zip(*(cells(format, column.kind, columns[column.name]) for column in table.columns), strict=True)


def lines(format: TextFormat, table: Table, rows: Iterable[tuple[str, ...]]) -> list[str]:
    """Rows of cells, each with its end of line."""
    if format.separator is None:
        template = "{" + ",".join(f'"{name}":%s' for name in table.names) + "}\n"
        return [template % row for row in rows]
    join = format.separator.join
    return [join(row) + "\n" for row in rows]


def rows_as_text(format: TextFormat, table: Table, columns: TableColumns) -> str:
    """The rows, each with its end of line."""
    return "".join(lines(format, table, rows_of_cells(format, table, columns)))
