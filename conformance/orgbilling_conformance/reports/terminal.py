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
    VERDICT_SENTENCES,
    Finding,
    Report,
    by_operation,
    by_reason,
    counted,
    counts,
    head,
    title,
)

COLOR = {"conforms": "green", "violated": "red", "inconclusive": "yellow"}
MARK = {"error": "[bold red]✗[/]", "warning": "[bold yellow]![/]"}
CHANGES = 8


def show(report: Report, console: Console, with_advice: bool = True) -> None:
    """Print a report; with_advice: with the overlay that would amend the description, for each finding."""
    shown_overlays: set[tuple[str, str]] = set()
    console.print()
    console.print(_head(report))
    for operation, findings in by_operation(report.findings).items():
        console.print()
        console.print(_marked(f"[bold]{escape(title(operation))}[/]  [dim]{escape(operation)}[/]"))
        for finding in findings:
            # The way to amend one node of the description is shown once, however many operations share it.
            new = with_advice and (finding.node, finding.rule) not in shown_overlays
            shown_overlays.add((finding.node, finding.rule))
            console.print(Padding(_finding(finding), (1, 0, 0, 2)))
            _paste(console, finding, advice.overlay(finding) if new else "")
    for part in (_accepted(report), _drift(report), _skipped(report), _notes(report), _verdict(report)):
        if part is not None:
            console.print()
            console.print(part)


def _head(report: Report) -> RenderableType:
    rows = Table.grid(padding=(0, 2))
    rows.add_column(style="dim", no_wrap=True)
    rows.add_column()
    for name, value in head(report).items():
        rows.add_row(name, Text(value))
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
    line = f"{MARK[finding.severity]} [bold]{escape(place)}[/]  [cyan]{escape(finding.rule)}[/]{observed}"
    rows = Table.grid(padding=(0, 2))
    rows.add_column(style="dim", no_wrap=True, width=8)
    rows.add_column(overflow="fold")
    rows.add_row("expected", Text(finding.expected, style="green"))
    rows.add_row("observed", Text(finding.observed, style="red" if finding.severity == "error" else "yellow"))
    rows.add_row("because", Text(f"{finding.source}  {finding.reason}".strip()))
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


def _verdict(report: Report) -> RenderableType:
    color = COLOR[report.verdict]
    lines = [f"[bold {color}]{VERDICT_SENTENCES[report.verdict]}[/] [dim]{escape(counts(report))}[/]"]
    lines += [f"  [yellow]·[/] {escape(reason)}" for reason in report.reasons]
    passed = sum(case.outcome == "passed" for case in report.cases)
    evaluations = sum(case.evaluations for case in report.cases)
    lines.append(f"[dim]Rules on operations that held: {passed}, in {counted(evaluations, 'evaluation')}.[/]")
    if report.findings:
        lines.append(
            "[dim]A finding is a bug of the API, or our API description is stale (the overlay amends it), "
            "or it is accepted for a while (--baseline).[/]"
        )
    return _marked("\n".join(lines))
