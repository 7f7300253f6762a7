"""Tables on standard output: for people on a terminal, and tab-separated for programs."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence


def counted(count: int, noun: str) -> str:
    """A count and what is counted, such as `1 organization` and `1,234 rows`. noun: in the singular."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def print_table(
    heads: Sequence[str], rows: Iterable[Sequence[str]], highlighted: Sequence[bool] | None = None
) -> None:
    """Print a table on a terminal, and tab-separated lines without heads elsewhere.

    highlighted: for each row whether it is red, because something is wrong with it.
    """
    if not sys.stdout.isatty():
        for row in rows:
            print("\t".join(row))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    for head in heads:
        table.add_column(head, overflow="fold")
    for index, row in enumerate(rows):
        table.add_row(*row, style="red" if highlighted and highlighted[index] else None)
    Console().print(table)
