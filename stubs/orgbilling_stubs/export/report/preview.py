"""Plots in a terminal: balance and usage as lines of braille dots, the mix as bars."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from rich.cells import cell_len, set_cell_size
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from orgbilling_stubs.export.report.figures import Figures, short, usd

HEIGHT = 7
_DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
_EIGHTHS = " ▏▎▍▌▋▊▉█"
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def plain(name: str) -> str:
    """A name without what steers a terminal."""
    return "".join(char if char.isprintable() else " " for char in name)


def resampled(numbers: Sequence[int], count: int) -> list[float]:
    """So many means of consecutive numbers."""
    if not numbers:
        return [0.0] * count
    edges = [place * len(numbers) // count for place in range(count + 1)]
    return [
        sum(part) / len(part) for low, high in pairwise(edges) if (part := numbers[low : max(high, low + 1)])
    ]


def braille(numbers: Sequence[int], width: int, height: int = HEIGHT, *, filled: bool) -> list[str]:
    """A line, or an area down to zero, of two by four dots in each character; the top row first."""
    points = resampled(numbers, 2 * width)
    low, high = min(0.0, *points), max(0.0, *points)
    span, rows = (high - low) or 1.0, 4 * height - 1
    levels = [round((point - low) / span * rows) for point in points]
    base = round((0 - low) / span * rows)
    cells = [[0x2800] * width for _ in range(height)]
    for column, level in enumerate(levels):
        before = levels[column - 1] if column else level
        start, end = (base, level) if filled else (before, level)
        for dot in range(min(start, end), max(start, end) + 1):
            row, rest = divmod(rows - dot, 4)
            cells[row][column // 2] |= _DOTS[column % 2][rest]
    return ["".join(map(chr, row)) for row in cells]


def _plot(
    title: str, numbers: Sequence[int], days: Sequence[str], width: int, color: str, label: str, filled: bool
) -> RenderableType:
    low, high = min([0, *numbers]), max([0, *numbers])
    shown = [short(high / (1e6 if label == "USD" else 1)), short(low / (1e6 if label == "USD" else 1))]
    margin = max(map(len, shown)) + 1
    rows = braille(numbers, width - margin, filled=filled)
    text = Text()
    for place, row in enumerate(rows):
        mark = shown[0] if place == 0 else shown[1] if place == len(rows) - 1 else ""
        text.append(f"{mark:>{margin - 1}} ", style="dim")
        text.append(row + "\n", style=color)
    gap = width - margin - len(days[0]) - len(days[-1])
    text.append(" " * margin + days[0] + " " * max(1, gap) + days[-1], style="dim")
    return Panel(text, title=title, title_align="left", border_style="dim", width=width + 4)


def _bars(title: str, rows: Sequence[tuple[str, int]], width: int, color: str) -> RenderableType:
    total = sum(amount for _, amount in rows) or 1
    table = Table.grid(padding=(0, 1), expand=False)
    rows = [(plain(name), amount) for name, amount in rows]
    names = max([cell_len(name) for name, _ in rows] or [0])
    room = max(4, width - min(names, 26) - 8)
    for name, amount in rows:
        eighths = round(amount / total * room * 8)
        bar = "█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()
        shown = name if cell_len(name) <= 26 else set_cell_size(name, 25) + "…"
        table.add_row(Text(shown), Text(bar, style=color), Text(f"{amount / total:.0%}", style="dim"))
    return Panel(table, title=title, title_align="left", border_style="dim", width=width + 4)


def preview(found: Figures, width: int) -> RenderableType:
    """The plots of one organization for a terminal of so many columns."""
    return Group(*_parts(found, max(40, min(width, 110)) - 4))


def _parts(found: Figures, width: int) -> Iterator[RenderableType]:
    yield Text.assemble(
        (plain(found.company), "bold"),
        f"  {found.organization} · {found.persona} · {found.mode} · ",
        f"{found.days[0]} to {found.days[-1]}",
    )
    if found.mode == "prepaid":
        title = f"Credit balance by day, USD (now {usd(found.balance[-1])})"
        yield _plot(title, found.balance, found.days, width, "cyan", "USD", filled=False)
    title = f"Charges for tokens by day, USD (in all {usd(sum(found.spent))})"
    yield _plot(title, found.spent, found.days, width, "magenta", "USD", filled=True)
    title = f"Tokens by day (in all {short(sum(found.tokens))})"
    yield _plot(title, found.tokens, found.days, width, "green", "", filled=True)
    yield _bars("Tokens by project", found.projects, width, "blue")
    yield _bars("Tokens by model", found.models, width, "yellow")
    yield _bars("Tokens by source", found.sources, width, "red")
    yield _bars(f"Charges by kind (in all {usd(sum(found.charged))})", found.kinds, width, "magenta")
    weekdays = [*zip(_WEEKDAYS, found.weekdays, strict=True)]
    yield _bars("Tokens by weekday", weekdays, width, "green")
