"""The rows of a table as Arrow record batches: what other engines read an export by, without files between.

`orgbilling.export` makes this public.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from orgbilling_fixtures.personas import PersonaError
from orgbilling_openapi.suggestions import not_one_of

from orgbilling_stubs.billing.instants import DAY_MS, InstantError
from orgbilling_stubs.export import request
from orgbilling_stubs.export.columnar.columns import row_count
from orgbilling_stubs.export.errors import ExportError, require
from orgbilling_stubs.export.organization_tables import OrganizationTables
from orgbilling_stubs.export.request import PART_SIZE, Part
from orgbilling_stubs.export.schema import BY_NAME, NAMES
from orgbilling_stubs.export.selection import Selection, SelectionOptions
from orgbilling_stubs.tenants.clock import billing_instant, wall_ms

if TYPE_CHECKING:
    import pyarrow as pa

BATCH_ROWS = 65_536
"""A batch is given out when it has at least so many rows; no organization is divided."""


@dataclass(frozen=True)
class RecordBatches:
    """The rows of one table, of a whole export or of one shard of it, as record batches.

    It is a description, not the rows: some hundred bytes that can be pickled and sent to another process or
    machine. The rows are generated whenever it is iterated over, each time the same ones in the same batches.

    shard: the i-th of n, from 1; part_size: organizations in a part, of which a shard has every n-th.
    """

    table: str
    options: SelectionOptions
    shard: tuple[int, int] = (1, 1)
    part_size: int = PART_SIZE

    @property
    def schema(self) -> pa.Schema:
        """The Arrow schema of every batch. Raises ExportError `extra_missing` without pyarrow and numpy."""
        for module in ("numpy", "pyarrow"):
            require(module, "batches")
        from orgbilling_stubs.export.columnar import arrow

        return arrow.schema(BY_NAME[self.table])

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        """Generate the rows.

        Raises ExportError: `unknown_persona` when a persona's file is not there, `extra_missing` without
        pyarrow and numpy.
        """
        schema = self.schema
        try:
            selection = self.options.selection()
        except PersonaError as error:
            raise ExportError("unknown_persona", str(error)) from error
        for part in request.parts(selection.organizations, self.part_size, self.shard):
            yield from part_batches(selection, part, self.table, schema)

    def shards(self, count: int) -> list[RecordBatches]:
        """The same rows in `count` shares, for as many tasks.

        Raises ValueError for fewer than one; ExportError `bad_shard` for a shard, which cannot be divided.
        """
        _whole_number("count", count)
        if count < 1:
            raise ValueError(f"shards: there are no {count} shards: one or more")
        if self.shard != (1, 1):
            raise ExportError("bad_shard", "this is a shard already: divide the whole")
        return [replace(self, shard=request.checked_shard(number + 1, count)) for number in range(count)]


def part_batches(selection: Selection, part: Part, table: str, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """The rows of one table of one part, in batches of some organizations each."""
    pyarrow = require("pyarrow", "Arrow")
    from orgbilling_stubs.export.columnar import arrow

    source, waiting, rows = OrganizationTables(selection), [], 0
    for organization in part.organizations:
        columns = source.tables(organization, (table,))[table]
        if row_count(columns):
            waiting.append(arrow.record_batch(schema, columns))
            rows += row_count(columns)
        if rows >= BATCH_ROWS:
            yield pyarrow.concat_batches(waiting)
            waiting, rows = [], 0
    if waiting:
        yield pyarrow.concat_batches(waiting)


def batches(
    table: str,
    *,
    orgs: int | None = None,
    personas: str | Sequence[str] = (),
    seed: int = 1,
    as_of: str | datetime | None = None,
    days: int | None = None,
    population: str | None = None,
    launched: str | None = None,
    shard: str | tuple[int, int] = (1, 1),
    part_size: int = PART_SIZE,
) -> RecordBatches:
    """The rows of a table as Arrow record batches; the options are those of `orgbilling export`.

    table: a name of docs/export-tables.md; orgs: how many organizations are drawn, of a population, or of
    the personas that are named; population, launched: of which one, and the first day of its sign-ups; as_of:
    the present instant, RFC 3339 or a datetime with a zone, by default now, which every copy and shard of the
    result then shares; shard: `"2/8"` or `(2, 8)`.

    Raises ExportError, whose `code` says which option is wrong; TypeError for a number that is none.
    """
    for name, number in {"orgs": orgs, "seed": seed, "days": days, "part_size": part_size}.items():
        if number is not None:
            _whole_number(name, number)
    if table not in NAMES:
        raise ExportError("unknown_table", f"table: {not_one_of(table, NAMES)}")
    if part_size < 1:
        raise ExportError("out_of_range", f"part_size: {part_size} is less than 1")
    named = personas.split(",") if isinstance(personas, str) else personas
    names = tuple(name.strip() for name in named if name.strip())
    options = SelectionOptions(_as_of_ms(as_of), seed, names, orgs, days, population, _day(launched))
    return RecordBatches(table, options, _division(shard), part_size)


def _whole_number(name: str, number: object) -> None:
    if not isinstance(number, int) or isinstance(number, bool):
        raise TypeError(f"{name}: {number!r} is a {type(number).__name__}, not an int")


def _division(shard: str | tuple[int, int]) -> tuple[int, int]:
    try:
        return request.parse_shard(shard) if isinstance(shard, str) else request.checked_shard(*shard)
    except ExportError as error:
        raise ExportError(error.code, f"shard: {error}") from None


def _day(date: str | None) -> int | None:
    """A date as days since 1970-01-01."""
    try:
        return None if date is None else billing_instant(date) // DAY_MS
    except InstantError as error:
        raise ExportError("bad_instant", f"launched: {error}") from error


def _as_of_ms(as_of: str | datetime | None) -> int:
    if as_of is None:
        return wall_ms() // 1000 * 1000
    try:
        return billing_instant(as_of if isinstance(as_of, str) else as_of.isoformat())
    except InstantError as error:
        raise ExportError("bad_instant", f"as_of: {error}") from error
