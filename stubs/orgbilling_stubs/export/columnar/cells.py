"""The rows of text files, each cell held to its column: what no database would notice is refused here."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Collection, Iterator
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

from orgbilling_stubs.export.errors import ExportError
from orgbilling_stubs.export.schema import Column, Table

_COPIED = {"\\\\": "\\", "\\t": "\t", "\\n": "\n", "\\r": "\r"}
_INSTANT = re.compile(r"(\d{4}-\d\d-\d\d)T([01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}Z")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_DECIMAL = re.compile(r"-?\d+(?:\.(\d+))?")
_PLACES = {"money": 6, "price": 9}


def header(table: Table, paths: Collection[Path]) -> str:
    """What is wrong with the first lines of a table's CSV files; empty when they name its columns."""
    for path in paths:
        try:
            with path.open(encoding="utf-8", newline="") as file:
                found: list[str] = next(_rows("csv", file), [])
        except (ValueError, csv.Error) as error:
            return f"{path}: row 1: {error}"
        wrong = misnamed(table, found)
        if wrong:
            return f"{path}: {wrong}"
    return ""


def misnamed(table: Table, found: Collection[str]) -> str:
    """How column names differ from a table's; empty when they do not."""
    names = [*found]
    for place, name in enumerate(table.names):
        if names[place : place + 1] != [name]:
            instead = repr(names[place]) if place < len(names) else "missing"
            return f"column {place + 1} is {instead}, not {name!r}"
    more = names[len(table.names) :]
    return f"column {len(table.names) + 1} is {more[0]!r}: the table has no more" if more else ""


def read(table: Table, kind: str, path: Path) -> Iterator[list[Any]]:
    """The rows of a file, as SQLite keeps them; of CSV without the first one, which names the columns.

    Raises ExportError `unreadable`, with the number of the row, for one that is not a row of the table.
    """
    names, number = table.names, 1
    ways = [_way(column) for column in table.columns]
    try:
        with path.open(encoding="utf-8", newline="" if kind == "csv" else "\n") as file:
            rows = _rows(kind, file)
            if kind == "csv":
                next(rows)
                number += 1
            for row in rows:
                cells = [row[name] for name in names] if isinstance(row, dict) else row
                if len(cells) != len(names):
                    raise ValueError(f"{len(cells)} values for {len(names)} columns")
                yield [way(cell) for way, cell in zip(ways, cells, strict=True)]
                number += 1
    except KeyError as error:
        raise ExportError("unreadable", f"{path}: row {number}: no {error}") from error
    except (ValueError, TypeError, csv.Error) as error:
        raise ExportError("unreadable", f"{path}: row {number}: {error}") from error


def fault(table: Table, kind: str, paths: Collection[Path]) -> str:
    """The first row of some files that is none of the table; empty when all are."""
    try:
        for path in paths:
            for _ in read(table, kind, path):
                pass
    except ExportError as error:
        return str(error)
    return ""


def _rows(kind: str, file: Any) -> Iterator[Any]:
    if kind == "csv":
        csv.field_size_limit(1 << 30)
        return csv.reader(file, strict=True)
    if kind == "jsonl":
        return map(json.loads, file)
    return ([_uncopied(value) for value in line.rstrip("\n").split("\t")] for line in file)


def _uncopied(value: str) -> str | None:
    if value == r"\N":
        return None
    if "\\" not in value:
        return value
    parts = value.split("\\\\")
    for mark, plain in _COPIED.items():
        if mark != "\\\\":
            parts = [part.replace(mark, plain) for part in parts]
    return "\\".join(parts)


def _way(column: Column) -> Callable[[Any], Any]:
    """How to read a cell of a column; a text file has no other nothing than an empty text."""
    kind = _KINDS[column.kind]

    def way(cell: Any) -> Any:
        if column.nullable and (cell is None or cell == ""):
            return None
        try:
            return kind(cell, column.kind)
        except (ValueError, TypeError):
            shown = repr(cell) if len(repr(cell)) <= 60 else repr(cell)[:59] + "…"
            raise ValueError(f"{column.name}: {shown} is no {column.kind}") from None

    return way


def _text(cell: Any, _: str) -> str:
    if not isinstance(cell, str):
        raise ValueError
    return cell


def _whole(cell: Any, _: str) -> int:
    if isinstance(cell, bool) or not isinstance(cell, str | int):
        raise ValueError
    return int(cell)


def _bool(cell: Any, _: str) -> bool:
    if cell not in (True, False, "true", "false") or isinstance(cell, int) != isinstance(cell, bool):
        raise ValueError
    return cell in (True, "true")


def _decimal(cell: Any, kind: str) -> str:
    """A decimal with all its places, which is what makes it an integer without the point."""
    found, places = _DECIMAL.fullmatch(cell), _PLACES[kind]
    if found is None or len(found[1] or "") > places:
        raise ValueError
    fraction = found[1] or ""
    return cell if len(fraction) == places else f"{cell.partition('.')[0]}.{fraction:0<{places}}"


@lru_cache(maxsize=8192)
def _day(text: str) -> str:
    date.fromisoformat(text)
    return text


def _instant(cell: Any, _: str) -> str:
    found = _INSTANT.fullmatch(cell)
    if found is None:
        raise ValueError
    _day(found[1])
    return str(cell)


def _date(cell: Any, _: str) -> str:
    if _DATE.fullmatch(cell) is None:
        raise ValueError
    return _day(cell)


_KINDS: dict[str, Callable[[Any, str], Any]] = {
    "text": _text,
    "uuid": _text,
    "int": _whole,
    "bool": _bool,
    "money": _decimal,
    "price": _decimal,
    "instant": _instant,
    "date": _date,
}
