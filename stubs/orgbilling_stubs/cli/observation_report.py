"""What a person sees of the real API beside the stub: findings as they happen, and a report at the end."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from orgbilling_stubs.cli.conform import write_reports
from orgbilling_stubs.cli.errors import fail, file_problem, report_error

if TYPE_CHECKING:
    from orgbilling_conformance.reports.report import Finding, Report

    from orgbilling_stubs.app import App
    from orgbilling_stubs.beside.real_api import RealApi

LONGEST_LINE = 400
NO_PATHS: Mapping[str, Path | None] = {}


def attach(
    app: App,
    *,
    har: Path | None = None,
    proposal: Path | None = None,
    paths: Mapping[str, Path | None] = NO_PATHS,
) -> Callable[[], None]:
    """Print what is noticed, as it happens; return what ends it: the report, on the terminal and in files."""
    real_api = app.real_api
    assert real_api is not None
    real_api.observer.finding_listeners.append(print_findings)
    if har is not None:
        from orgbilling_stubs.beside.har_writer import HarWriter

        try:
            real_api.observer.listeners.append(HarWriter(har, real_api.settings.base))
        except OSError as error:
            fail(f"--har: {file_problem(error, har)}")
    try:
        process = real_api.judge_apart()
    except OSError as error:
        fail(f"no process for judging: {error.strerror or error}")

    def end() -> None:
        try:
            _end(real_api, paths, proposal)
        finally:
            process.close()

    return end


def _end(real_api: RealApi, paths: Mapping[str, Path | None], proposal: Path | None) -> None:
    from orgbilling_conformance import UsageError
    from orgbilling_openapi import dialect

    real_api.observer.close()
    report = real_api.report()
    if proposal is not None:
        try:
            proposal.write_text(dialect.text_of(real_api.observation.proposal()), "utf-8")
        except OSError as error:
            report_error(f"--proposal: {file_problem(error, proposal)}")
    try:
        write_reports(report, dict(paths))
    except UsageError as error:
        report_error(error)
    _show(report)


def _show(report: Report) -> None:
    from orgbilling_conformance.reports import terminal
    from rich.console import Console

    terminal.show(report, Console(highlight=False), with_advice=False)


def print_findings(findings: Sequence[Finding], trace: str) -> None:
    """A line for each finding, when it is new."""
    for finding in findings:
        mark = "✗" if finding.severity == "error" else "!"
        place = f"{finding.operation or 'the API'} {finding.pointer}".rstrip()
        line = f"{mark} {place}: {finding.observed}; expected {finding.expected} ({finding.rule})"
        try:
            print(line[:LONGEST_LINE], flush=True)
        except (OSError, ValueError):
            return
