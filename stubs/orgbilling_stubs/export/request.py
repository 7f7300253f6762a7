"""What is asked of an export: organizations, tables, a format, a folder, a share of the work."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from orgbilling_openapi.suggestions import not_one_of

from orgbilling_stubs.export.errors import ExportError
from orgbilling_stubs.export.schema import BY_NAME, LONG, NAMES, Table
from orgbilling_stubs.export.selection import SelectedOrganization, Selection

if TYPE_CHECKING:
    from orgbilling_stubs.export.changes import ChangeRange
    from orgbilling_stubs.export.object_storage import ObjectStorage

PART_FORMATS = ("csv", "jsonl", "parquet", "postgres", "json")
ONE_FILE_FORMATS = ("sqlite", "duckdb")
CHANGE_FORMATS = ("csv", "jsonl", "parquet")
"""The formats in which changes can be written."""

FORMATS = (*PART_FORMATS, *ONE_FILE_FORMATS)

PART_SIZE = 100
"""How many organizations go into one part, unless the user chooses."""

PARTITIONS = ("date", "month")
"""What the long tables can be divided by, into folders that engines know as Hive partitions."""

AMOUNTS = ("number", "text")
"""How JSON Lines can have amounts and prices: as JSON's numbers or as strings, with the same digits."""

MAX_SHARDS = 100_000

Progress = Callable[[int, int], None]
"""Called with how many more organizations and ledger rows are done."""


class Part(NamedTuple):
    """Consecutive organizations that are written together; the number is None when they are the whole."""

    number: int | None
    organizations: Sequence[SelectedOrganization]


@dataclass(frozen=True)
class ExportRequest:
    """One export.

    part_size: organizations in a part; shard: the i-th of n, from 1; partition_by: one of PARTITIONS, for
    Parquet; storage: where the files go instead of the folder; changes: what has changed instead of all rows;
    dirty: the share of rows that get a defect; bom: whether CSV files begin with a byte order mark; money:
    one of AMOUNTS, for JSON Lines; manifest_fields: what the manifest says besides rows and files.
    """

    folder: Path
    format: str
    selection: Selection
    tables: Sequence[str] = NAMES
    part_size: int = PART_SIZE
    jobs: int = 1
    shard: tuple[int, int] | None = None
    partition_by: str | None = None
    storage: ObjectStorage | None = None
    changes: ChangeRange | None = None
    dirty: float | None = None
    bom: bool = False
    money: str = AMOUNTS[0]
    manifest_fields: Mapping[str, object] = field(default_factory=dict)

    @property
    def part_count(self) -> int | None:
        """How many parts the whole has; None when each table is one file."""
        return part_count(len(self.selection.organizations), self.part_size)

    def table(self, name: str) -> Table:
        """A table as it is written."""
        return BY_NAME[name] if self.changes is None else self.changes.table(name)

    def is_partitioned(self, table: str) -> bool:
        """Whether the rows of a table are divided by date."""
        return self.partition_by is not None and table in LONG

    def parts(self) -> list[Part]:
        """The parts that this share has to write: of n shards, the i-th has every n-th part.

        The parts themselves do not depend on n, so that the shards of any n are the undivided export.
        """
        return parts(self.selection.organizations, self.part_size, self.shard)


def part_count(organization_count: int, part_size: int) -> int | None:
    """How many parts so many organizations make; None when they are one file of each table."""
    count = -(-organization_count // part_size)
    return None if count <= 1 else count


def parts(
    organizations: Sequence[SelectedOrganization], part_size: int, shard: tuple[int, int] | None = None
) -> list[Part]:
    """The parts of a shard: of n shards, the i-th has every n-th part."""
    whole = [Part(None, organizations)]
    if part_count(len(organizations), part_size) is not None:
        starts = range(0, len(organizations), part_size)
        whole = [
            Part(number, organizations[start : start + part_size]) for number, start in enumerate(starts)
        ]
    shard_number, shard_count = shard or (1, 1)
    return whole[shard_number - 1 :: shard_count]


def parse_shard(text: str) -> tuple[int, int]:
    """`i/n` as two numbers. Raises ExportError `bad_shard` unless 1 <= i <= n."""
    number, slash, count = text.partition("/")
    if slash and number.isdecimal() and count.isdecimal():
        return checked_shard(int(number), int(count))
    raise ExportError("bad_shard", f"{text!r} is not i/n with 1 ≤ i ≤ n, such as 2/8")


def checked_shard(number: int, count: int) -> tuple[int, int]:
    """The shard, if there is such a one. Raises ExportError `bad_shard` unless 1 <= number <= count."""
    if 1 <= number <= count <= MAX_SHARDS:
        return number, count
    raise ExportError("bad_shard", f"'{number}/{count}' is not i/n with 1 ≤ i ≤ n, such as 2/8")


def parse_format(text: str) -> str:
    """A format. Raises ExportError `unknown_format` for none of FORMATS."""
    if text not in FORMATS:
        raise ExportError("unknown_format", f"--format: {not_one_of(text, FORMATS)}")
    return text


def parse_money(text: str) -> str:
    """How amounts are written. Raises ExportError `unknown_money` for none of AMOUNTS."""
    if text not in AMOUNTS:
        raise ExportError("unknown_money", f"--money: {not_one_of(text, AMOUNTS)}")
    return text


def parse_partition(text: str | None) -> str | None:
    """What the long tables are divided by. Raises ExportError `unknown_partition` for none of PARTITIONS."""
    if text is not None and text not in PARTITIONS:
        raise ExportError("unknown_partition", f"--partition-by: {not_one_of(text, PARTITIONS)}")
    return text


def parse_rate(text: str | None) -> float | None:
    """A share of rows, such as 0.01. Raises ExportError `out_of_range` unless it is above 0 and at most 1."""
    if text is None:
        return None
    try:
        rate = float(text)
    except ValueError:
        rate = 0
    if not 0 < rate <= 1:
        raise ExportError("out_of_range", f"--dirty: {text!r} is not a share of rows such as 0.01")
    return rate


def parse_tables(text: str | None) -> tuple[str, ...]:
    """A list of table names in the order of the schema. Raises ExportError `unknown_table`."""
    if text is None:
        return NAMES
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in NAMES]
    if unknown or not names:
        problem = not_one_of(unknown[0] if unknown else "", NAMES)
        raise ExportError("unknown_table", f"--tables: {problem}")
    return tuple(name for name in NAMES if name in names)
