"""What is asked for: organizations, tables, a format, a folder, a share of the work."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from orgbilling_stubs.export.errors import ExportError
from orgbilling_stubs.export.schema import NAMES
from orgbilling_stubs.export.selection import Cast, Person

PART_FORMATS = ("csv", "jsonl", "parquet", "postgres", "json")
FILE_FORMATS = ("sqlite", "duckdb")
FORMATS = (*PART_FORMATS, *FILE_FORMATS)

BLOCK = 100
"""How many organizations go into one part, unless the user chooses."""

Advance = Callable[[int, int], None]
"""Told how many more organizations and ledger rows are done."""


@dataclass(frozen=True)
class Request:
    """One export. shard: the i-th of n, from 1; about: what the manifest tells besides the files."""

    out: Path
    kind: str
    cast: Cast
    tables: Sequence[str] = NAMES
    block: int = BLOCK
    jobs: int = 1
    shard: tuple[int, int] | None = None
    about: Mapping[str, Any] = field(default_factory=dict)

    @property
    def parts(self) -> int | None:
        """How many parts the whole has; None when each table is one file."""
        count = -(-len(self.cast.people) // self.block)
        return None if count <= 1 else count

    def blocks(self) -> list[tuple[int | None, Sequence[Person]]]:
        """The blocks of organizations that this share has to write, with their part's number."""
        if self.parts is None:
            whole: list[tuple[int | None, Sequence[Person]]] = [(None, self.cast.people)]
            return whole if self.shard is None or self.shard[0] == 1 else []
        starts = enumerate(range(0, len(self.cast.people), self.block))
        cut = [(part, self.cast.people[start : start + self.block]) for part, start in starts]
        if self.shard is None:
            return [*cut]
        number, of = self.shard
        return [(part, people) for part, people in cut if part % of == number - 1]


def shard(text: str) -> tuple[int, int]:
    """`i/n` as two numbers. Raises ExportError `bad-shard` unless 1 <= i <= n."""
    number, slash, of = text.partition("/")
    if slash and number.isdecimal() and of.isdecimal() and 1 <= int(number) <= int(of) <= 100_000:
        return int(number), int(of)
    raise ExportError("bad-shard", f"{text}: expected i/n with 1 ≤ i ≤ n, such as 2/8")


def tables(text: str | None) -> tuple[str, ...]:
    """A list of table names in the order of the schema. Raises ExportError `unknown-table`."""
    if text is None:
        return NAMES
    asked = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in asked if name not in NAMES]
    if unknown or not asked:
        raise ExportError(
            "unknown-table", f"{', '.join(unknown) or 'none'}: the tables are {', '.join(NAMES)}"
        )
    return tuple(name for name in NAMES if name in asked)
