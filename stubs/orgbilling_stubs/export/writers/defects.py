"""Rows with defects, on request, for those who test pipelines: and a list of what was done to which row.

A defect follows from seed, table, organization and the row's place in its table, so the same options give the
same defects. A row has one at most:

- duplicate: it stands a second time, after the rows of its organization;
- late: it stands at the end of the file;
- missing_key: one column of its primary key is null;
- wrong_type: a number, date, instant or truth value is a text that is none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import orjson
from orgbilling_fixtures import random_stream

from orgbilling_stubs.export.columnar.columns import TableColumns, row_count, values
from orgbilling_stubs.export.schema import Table
from orgbilling_stubs.export.writers import text_formats

if TYPE_CHECKING:
    from orgbilling_stubs.export.writers.files import PartialFile

KINDS = ("duplicate", "late", "missing_key", "wrong_type")

LIST = "defects"
"""What the list of the defects is called: a file, or a folder of parts."""

WRONG = {
    "int": "n/a",
    "money": "12,50",
    "price": "free",
    "instant": "2026-13-01T00:00:00",
    "date": "31.12.2026",
    "bool": "maybe",
}
"""The text that stands in place of a value, by the kind of its column."""

_DRAWS = 4


class RowDefect(NamedTuple):
    """What was done to a row: its table, its primary key as text, and the column that was changed."""

    table: str
    kind: str
    key: dict[str, str]
    column: str | None = None


class DefectTableWriter:
    """Writes one line a row, in one of the text formats; one in so many has a defect."""

    def __init__(
        self, format: text_formats.TextFormat, table: Table, file: PartialFile, rate: float, seed: int
    ) -> None:
        self._format, self._table, self._file = format, table, file
        self._threshold = int(rate * 2**64)
        self._seed = seed
        self._late: list[str] = []
        self._changeable = [
            position
            for position, column in enumerate(table.columns)
            if column.kind in WRONG and column.name not in table.key
        ]
        self.defects: list[RowDefect] = []
        file.write(text_formats.header(format, table).encode())

    def write(self, columns: TableColumns) -> None:
        """Add the rows of one organization."""
        if not row_count(columns):
            return
        organization = str(values(columns["organization_id"])[0])
        stream = random_stream.key("defects", self._seed, self._table.name, organization)
        keys = self._keys(columns)
        lines: list[str] = []
        again: list[str] = []
        for number, row in enumerate(text_formats.rows_of_cells(self._format, self._table, columns)):
            if random_stream.draw(stream, number * _DRAWS) >= self._threshold:
                lines.append(self._line(row))
                continue
            words = [random_stream.draw(stream, number * _DRAWS + each) for each in range(1, _DRAWS)]
            key = {name: texts[number] for name, texts in keys.items()}
            kind, place = self._choose(words)
            if kind == "late":
                self._late.append(self._line(row))
            else:
                lines.append(self._line(self._changed(row, kind, place)))
            if kind == "duplicate":
                again.append(self._line(row))
            column = None if place is None else self._table.names[place]
            self.defects.append(RowDefect(self._table.name, kind, key, column))
        self._file.write("".join(lines + again).encode())

    def close(self) -> None:
        """Write the late rows."""
        self._file.write("".join(self._late).encode())

    @property
    def rows_added(self) -> int:
        """How many rows stand twice."""
        return sum(defect.kind == "duplicate" for defect in self.defects)

    def _keys(self, columns: TableColumns) -> dict[str, list[str]]:
        """The primary keys as text."""
        kinds = {column.name: column.kind for column in self._table.columns}
        return {
            name: [*map(str, text_formats.plain(kinds[name], values(columns[name])))]
            for name in self._table.key
        }

    def _choose(self, words: list[int]) -> tuple[str, int | None]:
        """A defect, and the position of the column that it changes."""
        kind = KINDS[random_stream.below(words[0], len(KINDS))]
        if kind == "missing_key":
            name = self._table.key[random_stream.below(words[1], len(self._table.key))]
            return kind, self._table.names.index(name)
        if kind == "wrong_type":
            if not self._changeable:
                return "duplicate", None
            return kind, self._changeable[random_stream.below(words[1], len(self._changeable))]
        return kind, None

    def _changed(self, row: tuple[str, ...], kind: str, place: int | None) -> tuple[str, ...]:
        if place is None:
            return row
        wrong = self._format.null
        if kind == "wrong_type":
            wrong = self._format.text(WRONG[self._table.columns[place].kind])
        return (*row[:place], wrong, *row[place + 1 :])

    def _line(self, row: tuple[str, ...]) -> str:
        return text_formats.lines(self._format, self._table, [row])[0]


def listed(defects: list[RowDefect]) -> bytes:
    """Defects as JSON Lines."""
    return b"".join(orjson.dumps(defect._asdict(), option=orjson.OPT_APPEND_NEWLINE) for defect in defects)
