"""Formats of one line a row: CSV, JSON Lines, and what PostgreSQL's COPY reads."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, NamedTuple

from orgbilling_stubs.export.columnar.columns import Chunk, Coded, Same, values
from orgbilling_stubs.export.schema import Table
from orgbilling_stubs.export.texts import dates, decimals, instants

_UNSAFE = re.compile('[,"\r\n]')
_ESCAPES = {"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"}
_ESCAPED = re.compile("[\\\\\t\n\r]")


class Dialect(NamedTuple):
    """How values look: texts, what else stands in quotes, nothing; and how a row is put together."""

    name: str
    text: Callable[[str], str]
    quote: str
    null: str
    header: bool


def _csv_text(text: str) -> str:
    if not text or _UNSAFE.search(text):
        return '"' + text.replace('"', '""') + '"'
    return text


def _json_text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _copy_text(text: str) -> str:
    return _ESCAPED.sub(lambda found: _ESCAPES[found[0]], text)


CSV = Dialect("csv", _csv_text, "", "", header=True)
JSONL = Dialect("jsonl", _json_text, '"', "null", header=False)
COPY = Dialect("copy", _copy_text, "", r"\N", header=False)

_PLAIN: dict[str, Callable[[list[Any]], list[str]]] = {
    "int": lambda raw: [*map(str, raw)],
    "bool": lambda raw: ["true" if value else "false" for value in raw],
}
_QUOTED: dict[str, Callable[[list[Any]], list[str]]] = {
    "money": lambda raw: decimals(raw, 6),
    "price": lambda raw: decimals(raw, 9),
    "instant": instants,
    "date": dates,
    "uuid": list,
}


def tokens(dialect: Dialect, kind: str, column: Any) -> list[str]:
    """A column as the texts that stand in the file."""
    if isinstance(column, Same):
        return _tokens(dialect, kind, [column.value]) * column.count
    if isinstance(column, Coded):
        texts = _tokens(dialect, kind, list(column.texts))
        return [texts[code] for code in column.codes.tolist()]
    return _tokens(dialect, kind, values(column))


def _tokens(dialect: Dialect, kind: str, raw: list[Any]) -> list[str]:
    if None in raw:
        some = iter(_tokens(dialect, kind, [value for value in raw if value is not None]))
        return [dialect.null if value is None else next(some) for value in raw]
    if kind == "text":
        return [*map(dialect.text, raw)]
    if kind in _PLAIN:
        return _PLAIN[kind](raw)
    made = _QUOTED[kind](raw)
    return [f'"{text}"' for text in made] if dialect.quote else made


def header(dialect: Dialect, table: Table) -> str:
    """What stands before the rows."""
    return ",".join(table.names) + "\n" if dialect.header else ""


def lines(dialect: Dialect, table: Table, chunk: Chunk) -> str:
    """The rows, each with its end of line."""
    columns = [tokens(dialect, column.kind, chunk[column.name]) for column in table.columns]
    rows = zip(*columns, strict=True)
    if dialect is JSONL:
        template = "{" + ",".join(f'"{name}":%s' for name in table.names) + "}\n"
        return "".join([template % row for row in rows])
    join = (",", "\t")[dialect is COPY].join
    return "".join([join(row) + "\n" for row in rows])
