"""One self-contained HTML page."""

from __future__ import annotations

from html import escape
from pathlib import Path

from orgbilling_conformance import drift
from orgbilling_conformance.registry import RULES
from orgbilling_conformance.render.groups import TOLD, by_operation, by_reason, counts, head, title
from orgbilling_conformance.report import Finding, Report

POLICY = "default-src 'none'; style-src 'unsafe-inline'"
STYLE = Path(__file__).parent / "page.css"


def render(report: Report) -> str:
    """The report as HTML; it loads nothing."""
    parts = [
        _banner(report),
        _findings(report),
        _drift(report),
        _stages(report),
        _skipped(report),
        _cases(report),
        _latency(report),
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        f"<title>{escape(report.verdict)}: orgbilling conform</title>"
        f"<style>{STYLE.read_text('utf-8')}</style></head>\n<body><main>"
        + "\n".join(part for part in parts if part)
        + "</main></body></html>\n"
    )


def _banner(report: Report) -> str:
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in head(report).items())
    reasons = "".join(f"<li>{escape(reason)}</li>" for reason in report.reasons)
    notes = "".join(f"<li>{escape(note)}</li>" for note in report.notes)
    return (
        f'<header class="{report.verdict}"><p class="tool">orgbilling conform</p><h1>{report.verdict}</h1>'
        f"<p>{TOLD[report.verdict]} {escape(counts(report))}.</p>"
        + (f"<ul>{reasons}</ul>" if reasons else "")
        + f"</header><dl>{rows}</dl>"
        + (f'<ul class="notes">{notes}</ul>' if notes else "")
    )


def _findings(report: Report) -> str:
    parts = []
    today = str(report.head.get("started", "2000-01-01"))[:10]
    for operation, findings in by_operation(report.findings).items():
        rows = "".join(_finding(each, today) for each in findings)
        name = f"<h2><code>{escape(title(operation))}</code> <small>{operation}</small></h2>"
        parts.append(f"<section>{name}{rows}</section>")
    if report.accepted:
        rows = "".join(
            f"<li><code>{escape(each.rule)}</code> "
            f"<code>{escape(f'{title(each.operation)} {each.pointer}')}</code> {escape(each.accepted)}</li>"
            for each in report.accepted
        )
        parts.append(f"<section><h2>Accepted</h2><ul>{rows}</ul></section>")
    return "".join(parts)


def _finding(finding: Finding, today: str) -> str:
    bug, overlay, entry = drift.ways_out(finding, today)
    rule = RULES[finding.rule].title if finding.rule in RULES else finding.rule
    seen = f"seen {finding.count} times" if finding.count > 1 else "seen once"
    return (
        f'<article class="{finding.severity}"><h3><span>{finding.severity}</span>'
        f"<code>{escape(finding.pointer or 'body')}</code> {_words(rule)}</h3>"
        f'<table class="pair"><tr><th>expected</th><td class="good">{escape(finding.expected)}</td></tr>'
        f'<tr><th>observed</th><td class="bad">{escape(finding.observed)}</td></tr></table>'
        f"<p class='meta'><code>{escape(finding.rule)}</code> · {seen} · {escape(finding.source)}"
        f"{' · ' + escape(finding.reason) if finding.reason else ''}</p>"
        + (f"<pre>{escape(finding.curl)}</pre>" if finding.curl else "")
        + "<details><summary>three ways out</summary><ol>"
        f"<li><b>The API is wrong.</b> {escape(bug)}</li>"
        f"<li><b>Our contract is stale.</b><pre>{escape(overlay)}</pre></li>"
        f"<li><b>Accepted for a while.</b><pre>{escape(entry)}</pre></li></ol></details></article>"
    )


def _drift(report: Report) -> str:
    if not report.drift:
        return ""
    rows = "".join(
        f"<tr><td>{escape(row['severity'])}</td><td>{escape(row['what'])}</td>"
        f"<td><code>{escape(row['pointer'])}</code></td></tr>"
        for row in report.drift
    )
    return f"<section><h2>What the target publishes</h2><table class='wide'>{rows}</table></section>"


def _stages(report: Report) -> str:
    rows = "".join(
        f"<tr><td>{escape(stage.name)}</td><td class='n'>{stage.requests}</td>"
        f"<td class='n'>{stage.seconds:.1f}</td><td class='n'>{len(stage.found)}</td>"
        f"<td class='n'>{stage.first_finding_seconds or '–'}</td></tr>"
        for stage in report.stages
    )
    names = _names("stage", "requests", "seconds", "first to see", "at s")
    return f"<section><h2>Stages</h2><table class='wide'>{names}{rows}</table></section>"


def _skipped(report: Report) -> str:
    if not report.skipped:
        return ""
    rows = "".join(
        f"<li>{escape(reason)}<small>{escape(', '.join(names))}</small></li>"
        for reason, names in by_reason(report).items()
    )
    return f"<section><h2>Not run</h2><ul class='skipped'>{rows}</ul></section>"


def _cases(report: Report) -> str:
    operations = sorted({case.operation for case in report.cases}, key=title)
    names = sorted({case.rule for case in report.cases}, key=_rank)
    outcome = {(case.rule, case.operation): case for case in report.cases}
    first = "".join(f"<th><span>{escape(title(operation))}</span></th>" for operation in operations)
    rows = []
    for rule in names:
        cells = []
        for operation in operations:
            case = outcome.get((rule, operation))
            told = f"{case.outcome}, judged {case.judged} times" if case else "does not apply"
            cells.append(f'<td class="{case.outcome if case else "none"}" title="{told}"></td>')
        name = escape(RULES[rule].title if rule in RULES else rule, quote=True)
        rows.append(f'<tr><th title="{name}">{escape(rule)}</th>{"".join(cells)}</tr>')
    table = f"<table class='grid'><tr><th></th>{first}</tr>{''.join(rows)}</table>"
    return f"<section><details><summary>Every rule on every operation</summary>{table}</details></section>"


def _latency(report: Report) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(title(name))}</code></td>"
        + "".join(f"<td class='n'>{spread[each]:g}</td>" for each in ("median", "p95", "max", "answers"))
        + "</tr>"
        for name, spread in report.latency.items()
    )
    if not rows:
        return ""
    names = _names("milliseconds", "median", "95 %", "longest", "answers")
    return f"<section><h2>Latency</h2><table class='wide'>{names}{rows}</table></section>"


def _rank(rule: str) -> int:
    return list(RULES).index(rule) if rule in RULES else len(RULES)


def _names(first: str, *others: str) -> str:
    cells = "".join(f"<th class='n'>{name}</th>" for name in others)
    return f"<tr><th>{first}</th>{cells}</tr>"


def _words(text: str) -> str:
    """Text in which backticks stand for code."""
    parts = escape(text).split("`")
    return "".join(f"<code>{part}</code>" if index % 2 else part for index, part in enumerate(parts))
