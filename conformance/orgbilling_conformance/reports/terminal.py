"""The report for a person at a terminal."""

from __future__ import annotations

from rich import box
from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from orgbilling_conformance.reports import advice
from orgbilling_conformance.reports.report import (
    Finding,
    Report,
    by_reason,
    by_severity,
    counted,
    title,
)
from orgbilling_conformance.reports.summary import (
    MATRIX_KEY,
    Summary,
    action,
    counts,
    head,
    situation,
    summarize,
)
from orgbilling_conformance.rules.registry import RULES

COLOR = {"conforms": "green", "violated": "red", "inconclusive": "yellow"}
MARK = {"error": "[bold red]✗[/]", "warning": "[bold yellow]![/]"}
CELL_STYLE = {
    "errors": "bold red",
    "warnings": "yellow",
    "held": "green",
    "accepted": "dim",
    "not_run": "dim",
}
CHANGES = 8
MOST = 40
"""Findings of a severity that are shown; a file holds all of them."""


def show(report: Report, console: Console, with_advice: bool = True) -> None:
    """Print a report; with_advice: with the overlay that would amend the description, for each finding."""
    summary = summarize(report)
    console.print()
    console.print(_head(report))
    console.print()
    console.print(_matrix(summary))
    _findings(report, console, with_advice)
    for part in (
        _gone(report),
        _accepted(report),
        _drift(report),
        _skipped(report),
        _not_judged(summary),
        _notes(report),
        _verdict(report, summary),
    ):
        if part is not None:
            console.print()
            console.print(part)


def _findings(report: Report, console: Console, with_advice: bool) -> None:
    """Errors, then warnings, each by operation."""
    shown_overlays: set[tuple[str, str, str]] = set()
    for severity, operations, left in by_severity(report.findings, MOST):
        console.print()
        console.print(
            _marked(f"[bold {'red' if severity == 'error' else 'yellow'}]{severity.capitalize()}s[/]")
        )
        for operation, findings in operations.items():
            console.print()
            console.print(_marked(f"[bold]{escape(title(operation))}[/]  [dim]{escape(operation)}[/]"))
            for finding in findings:
                # The way to amend a node of the description is shown once, however many operations share it.
                new = with_advice and (finding.node, finding.rule, finding.value) not in shown_overlays
                shown_overlays.add((finding.node, finding.rule, finding.value))
                console.print(Padding(_finding(finding), (1, 0, 0, 2)))
                _paste(console, finding, advice.overlay(finding) if new else "")
        if left:
            console.print(
                _marked(f"\n  [dim]and {counted(left, f'more {severity}')}; --html and --json have all[/]")
            )


def _head(report: Report) -> RenderableType:
    rows = Table.grid(padding=(0, 2))
    rows.add_column(style="dim", no_wrap=True)
    rows.add_column()
    for name, value in head(report).items():
        rows.add_row(name, Text(value, style="bold" if name == "judged" else ""))
    stages = Table(box=box.SIMPLE_HEAD, padding=(0, 1), header_style="dim", show_edge=False)
    for column in ("stage", "requests", "seconds", "first to see"):
        stages.add_column(column, justify="left" if column in ("stage", "first to see") else "right")
    for stage in report.stages:
        observed = f"[red]{len(stage.found)}[/]" if stage.found else "[dim]–[/]"
        first = f" [dim]after {stage.first_finding_seconds:.1f} s[/]" if stage.first_finding_seconds else ""
        stages.add_row(stage.name, f"{stage.requests}", f"{stage.seconds:.1f}", observed + first)
    color = COLOR[report.verdict]
    name = f"[bold {color}] {report.verdict} [/]"
    return Panel(
        Group(rows, Text(), stages), title=name, title_align="left", border_style=color, box=box.ROUNDED
    )


def _matrix(summary: Summary) -> RenderableType:
    """Operations × rule groups, within 80 columns."""
    table = Table(box=None, padding=(0, 0, 0, 1), header_style="dim", pad_edge=False)
    table.add_column("", no_wrap=True)
    for group in summary.groups:
        table.add_column(group, justify="right", no_wrap=True)
    for operation, row in summary.matrix.items():
        style = "dim" if operation in summary.not_judged else ""
        cells = [Text(row[name].text, style=CELL_STYLE.get(row[name].kind, "")) for name in summary.groups]
        table.add_row(Text(title(operation), style=style), *cells)
    return Group(table, Text(MATRIX_KEY, style="dim"))


def _not_judged(summary: Summary) -> RenderableType | None:
    if not summary.not_judged:
        return None
    rows = Table.grid(padding=(0, 2))
    for operation, reason in summary.not_judged.items():
        rows.add_row(Text(title(operation)), Text(reason, style="dim"))
    heading = f"[bold]Operations not judged[/] [dim]({len(summary.not_judged)})[/]"
    return Group(_marked(heading), Padding(rows, (0, 0, 0, 2)))


def _gone(report: Report) -> RenderableType | None:
    """What an earlier report has and this one has not."""
    if report.comparison is None:
        return None
    parts: list[RenderableType] = []
    groups = (("Fixed", report.comparison.fixed), ("Not checked again", report.comparison.not_judged))
    for name, findings in groups:
        if findings:
            parts.append(_marked(f"[bold]{name}[/] [dim]({len(findings)})[/]"))
            parts += [
                Text(f"  {finding.rule} {title(finding.operation)} {finding.pointer}".rstrip(), style="dim")
                for finding in findings[:MOST]
            ]
    return Group(*parts) if parts else None


def _marked(text: str) -> Text:
    """Markup, in which a name between colons is no picture."""
    return Text.from_markup(text, emoji=False)


def _paste(console: Console, finding: Finding, overlay: str) -> None:
    """What is there to be copied: never broken, and an overlay as it stands in its file."""
    if finding.curl:
        console.print(Text(f"    again     {finding.curl}", style="dim"), soft_wrap=True)
    if overlay:
        console.print(
            Text(f"    or else   our API description is stale:\n{overlay}", style="dim"), soft_wrap=True
        )


def _finding(finding: Finding) -> RenderableType:
    place = finding.pointer or "body"
    observed = f" [dim]× {finding.count}[/]" if finding.count > 1 else ""
    state = f" [dim]{finding.state}[/]" if finding.state else ""
    line = (
        f"{MARK[finding.severity]} [bold]{escape(place)}[/]  [cyan]{escape(finding.rule)}[/]{observed}{state}"
    )
    rows = Table.grid(padding=(0, 2))
    rows.add_column(style="dim", no_wrap=True, width=8)
    rows.add_column(overflow="fold")
    rows.add_row("expected", Text(finding.expected, style="green"))
    rows.add_row("observed", Text(finding.observed, style="red" if finding.severity == "error" else "yellow"))
    rows.add_row("because", Text(f"{finding.source}  {finding.reason}".strip()))
    why = RULES[finding.rule].why if finding.rule in RULES else finding.reason
    if why != finding.reason:
        rows.add_row("why", Text(why))
    return Group(_marked(line), Padding(rows, (0, 0, 0, 2)))


def _accepted(report: Report) -> RenderableType | None:
    if not report.accepted:
        return None
    lines = [f"[bold]Accepted[/] [dim]({len(report.accepted)})[/]"]
    lines += [
        f"  {escape(entry.rule)} {escape(title(entry.operation))} {escape(entry.pointer)} "
        f"[dim]{escape(entry.accepted)}[/]"
        for entry in report.accepted
    ]
    return _marked("\n".join(lines))


def _drift(report: Report) -> RenderableType | None:
    if not report.drift:
        return None
    lines = [
        f"[bold]What the target publishes differs from our API description[/] [dim]({len(report.drift)})[/]"
    ]
    for row in report.drift[:CHANGES]:
        style = "red" if row["severity"] == "breaking" else "yellow"
        lines.append(
            f"  [{style}]{escape(row['severity'])}[/] {escape(row['what'])} [dim]{escape(row['pointer'])}[/]"
        )
    if len(report.drift) > CHANGES:
        lines.append(f"  [dim]and {len(report.drift) - CHANGES} more; all are in --json[/]")
    return _marked("\n".join(lines))


def _skipped(report: Report) -> RenderableType | None:
    reasons = by_reason(report)
    if not reasons:
        return None
    rows = Table.grid(padding=(0, 2))
    rows.add_column(overflow="fold", ratio=2)
    rows.add_column(overflow="fold", ratio=3, style="dim")
    for reason, names in reasons.items():
        names_text = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        rows.add_row(Text(reason), Text(names_text))
    return Group(_marked(f"[bold]Not run[/] [dim]({len(report.skipped)})[/]"), Padding(rows, (0, 0, 0, 2)))


def _notes(report: Report) -> RenderableType | None:
    if not report.notes:
        return None
    return Group(
        _marked("[bold]Remarks[/]"), *(Padding(Text(f"· {note}"), (0, 0, 0, 2)) for note in report.notes)
    )


def _verdict(report: Report, summary: Summary) -> RenderableType:
    color = COLOR[report.verdict]
    lines = [f"[bold {color}]{report.verdict}[/] [dim]{escape(counts(report))}[/]"]
    lines += [f"  [yellow]·[/] {escape(reason)}" for reason in report.reasons]
    lines += [escape(situation(report)), f"[bold]{escape(action(report))}[/]", escape(summary.line)]
    return _marked("\n".join(lines))
