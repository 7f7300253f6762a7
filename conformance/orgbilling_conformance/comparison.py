"""Two runs side by side: which findings are new, known, fixed, or were not checked again."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import fields, replace
from pathlib import Path

from orgbilling_openapi.strict_json import JsonObject

from orgbilling_conformance.options import UsageError
from orgbilling_conformance.reports.report import SEVERITIES, Comparison, Finding, Report

MAX_BYTES = 64_000_000
"""The size of a report, at most."""
TEXTS = [item.name for item in fields(Finding) if item.name not in ("count", "exchanges")]


def read(path: Path, option: str) -> JsonObject:
    """A report that ``--json`` wrote, with its findings; raises `UsageError`, which names the option."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise UsageError(f"{option}: {path}: larger than {MAX_BYTES:,} bytes")
        report = json.loads(data)
    except OSError as error:
        raise UsageError(f"{option}: {path}: {(error.strerror or 'unreadable').lower()}") from None
    except (ValueError, RecursionError) as error:
        if isinstance(error, UsageError):
            raise
        raise UsageError(f"{option}: {path}: not a report of this command (--json)") from None
    findings = report.get("findings") if isinstance(report, dict) else None
    if not isinstance(findings, list) or not all(isinstance(finding, dict) for finding in findings):
        raise UsageError(f"{option}: {path}: not a report of this command (--json)")
    return dict(report)


def load(path: Path) -> tuple[JsonObject, tuple[Finding, ...]]:
    """The head and the findings of an earlier report; raises `UsageError`."""
    report = read(path, "--compare")
    head = report.get("head")
    findings = tuple(_finding(row, f"--compare: {path}") for row in report["findings"])
    return head if isinstance(head, dict) else {}, findings


def _finding(row: JsonObject, where: str) -> Finding:
    texts = {name: row.get(name, "") for name in TEXTS}
    wrong = [name for name, value in texts.items() if not isinstance(value, str)]
    missing = [name for name in ("rule", "operation", "pointer", "severity") if name not in row]
    if wrong or missing or row["severity"] not in SEVERITIES:
        raise UsageError(f"{where}: a finding without {(wrong + missing or ['a severity'])[0]}")
    return Finding(**texts)


def compare(report: Report, head: JsonObject, earlier: Collection[Finding]) -> Report:
    """The report with the state of each finding, and what became of the earlier ones.

    A finding is known if the earlier report has it at least as severe. An earlier one is fixed only where
    its rule held on its operation now, in a run that came as far as the stage which found it.
    """
    ranks: dict[str, int] = {}
    for finding in earlier:
        rank = SEVERITIES.index(finding.severity)
        ranks[finding.fingerprint] = min(rank, ranks.get(finding.fingerprint, rank))

    def marked(finding: Finding) -> Finding:
        rank = ranks.get(finding.fingerprint, len(SEVERITIES))
        return replace(finding, state="known" if rank <= SEVERITIES.index(finding.severity) else "new")

    present = {finding.fingerprint for finding in (*report.findings, *report.accepted)}
    gone = [replace(finding, state="") for finding in earlier if finding.fingerprint not in present]
    fixed = [finding for finding in gone if _checked_again(finding, report)]
    comparison = Comparison(
        str(head.get("started", "an earlier run")),
        str(head.get("target", "")),
        tuple(replace(finding, state="fixed") for finding in fixed),
        tuple(finding for finding in gone if finding not in fixed),
    )
    findings = tuple(marked(finding) for finding in report.findings)
    return replace(report, findings=findings, comparison=comparison)


def _checked_again(finding: Finding, report: Report) -> bool:
    held = any(
        (case.rule, case.operation) == (finding.rule, finding.operation) and case.evaluations
        for case in report.cases
    )
    # A run that was cut short may have been about to find it again in its last stage.
    stages = [stage.name for stage in (report.stages[:-1] if report.reasons else report.stages)]
    return held and (finding.stage in stages or "replay" in stages or not finding.stage)
