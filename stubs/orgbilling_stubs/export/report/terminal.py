"""The preview in a terminal: lines and areas by plotext, bars by rich."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.bar import Bar
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from orgbilling_stubs.export.errors import require
from orgbilling_stubs.export.report.summary import OrganizationSummary, Shares, short, usd

PLOT_LINES = 9
_NAME_COLUMNS = 26
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def preview(summary: OrganizationSummary, width: int) -> RenderableType:
    """The charts of one organization for a terminal of so many columns.

    Raises ExportError `extra-missing` without plotext.
    """
    return Group(*_parts(summary, max(40, min(width, 110))))


def printable(name: str) -> str:
    """A name without characters that steer a terminal."""
    return "".join(char if char.isprintable() else " " for char in name)


def _parts(summary: OrganizationSummary, width: int) -> Iterator[RenderableType]:
    yield Text.assemble(
        (printable(summary.company), "bold"),
        f"  {summary.organization} · {summary.persona} · {summary.mode} · ",
        f"{summary.days[0]} to {summary.days[-1]}",
    )
    if summary.mode == "prepaid":
        title = f"Credit balance by day, USD (now {usd(summary.balance[-1])})"
        balance_usd = [micros / 1e6 for micros in summary.balance]
        yield _by_day(title, balance_usd, summary.days, width, "cyan", filled=False)
    title = f"Charges for tokens by day, USD (in all {usd(sum(summary.token_charges))})"
    charges_usd = [micros / 1e6 for micros in summary.token_charges]
    yield _by_day(title, charges_usd, summary.days, width, "magenta", filled=True)
    title = f"Tokens by day (in all {short(sum(summary.tokens))})"
    yield _by_day(title, summary.tokens, summary.days, width, "green", filled=True)
    yield _bars("Tokens by project", summary.projects, width, "blue")
    yield _bars("Tokens by model", summary.models, width, "yellow")
    yield _bars("Tokens by source", summary.sources, width, "red")
    title = f"Charges by kind (in all {usd(sum(summary.charged))})"
    yield _bars(title, summary.charge_kinds, width, "magenta")
    weekdays = [*zip(_WEEKDAYS, summary.weekday_tokens, strict=True)]
    yield _bars("Tokens by weekday", weekdays, width, "green")


def _by_day(
    title: str, numbers: Sequence[float], days: Sequence[str], width: int, color: str, *, filled: bool
) -> Panel:
    figure = require("plotext", "--preview").figure
    figure.clear()
    # plotext paints a background of its own unless it paints nothing; rich adds the color.
    figure.theme("colorless")
    figure.plot_size(width - 4, PLOT_LINES)
    figure.axes(False)
    signal = figure.signal([*numbers], marker="braille")
    signal.lines()
    if filled:
        signal.fillx()
    figure.draw(signal)
    low, high = min(0.0, *numbers), max(0.0, *numbers)
    figure.ruler("y").lim(low, high if high > low else low + 1)
    ticks = dict.fromkeys((low, (low + high) / 2, high))
    figure.ruler("y").ticks([*ticks], [f"{short(tick)} " for tick in ticks])
    figure.ruler("x").ticks([1, len(days)], [days[0], days[-1]])
    plot = Text(Text.from_ansi(figure.build().string()).plain.rstrip("\n"), style=color, no_wrap=True)
    return Panel(plot, title=title, title_align="left", border_style="dim", width=width)


def _bars(title: str, shares: Shares, width: int, color: str) -> Panel:
    total = sum(amount for _, amount in shares) or 1
    table = Table.grid(padding=(0, 1), expand=True)
    table.add_column(max_width=_NAME_COLUMNS, no_wrap=True, overflow="ellipsis")
    table.add_column(ratio=1)
    table.add_column(justify="right")
    for name, amount in shares:
        share = amount / total
        table.add_row(
            Text(printable(name)), Bar(1.0, 0, share, color=color), Text(f"{share:.0%}", style="dim")
        )
    return Panel(table, title=title, title_align="left", border_style="dim", width=width)
