"""The pytest plugin: one test per rule and operation.

    pytest --orgbilling-url https://api.example.com

or, in a suite of one's own, a fixture `conform_target` in a conftest.py or a test module. It gives an ASGI
application, an address, or the arguments of `conform` as a dictionary; the tests come by themselves.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pytest

    from orgbilling_conformance.reports.report import Finding, Report

FIXTURE = "conform_target"
NAME = "orgbilling"
REPORTS = "_orgbilling_reports"


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of the plugin."""
    group = parser.getgroup("orgbilling", "Org Billing API: conformance")
    group.addoption(
        "--orgbilling-url", metavar="URL", help="test this address: one test per rule and operation"
    )
    group.addoption(
        "--orgbilling-token-env",
        metavar="NAME",
        default="ORGBILLING_TOKEN",
        help="variable with a session token",
    )
    group.addoption("--orgbilling-quick", action="store_true", help="scripted rules only")
    group.addoption("--orgbilling-strict", action="store_true", help="warnings fail, too")


def pytest_configure(config: pytest.Config) -> None:
    """Room for the reports: one per target, however many tests ask for it."""
    setattr(config, REPORTS, {})


def pytest_collection_modifyitems(session: pytest.Session, items: list[pytest.Item]) -> None:
    """The tests of --orgbilling-url."""
    if session.config.getoption("--orgbilling-url"):
        items += list(tests(session, _by_address))


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """The tests of a conftest.py that defines the fixture."""
    if file_path.name != "conftest.py":
        return None
    modules = parent.config.pluginmanager.get_plugins()
    paths = {getattr(module, "__file__", None): module for module in modules if hasattr(module, FIXTURE)}
    return _file(file_path, parent) if str(file_path) in paths else None


def pytest_pycollect_makeitem(
    collector: pytest.Collector, name: str, obj: object
) -> list[pytest.Item] | None:
    """The tests of a test module that defines the fixture."""
    return list(tests(collector, _by_fixture)) if name == FIXTURE else None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What no single test can say."""
    for report in getattr(terminalreporter.config, REPORTS, {}).values():
        terminalreporter.section(f"orgbilling: {report.verdict}")
        for line in (*report.reasons, *report.notes):
            terminalreporter.write_line(f"- {line}")


def _file(path: Path, parent: pytest.Collector) -> pytest.Collector:
    import pytest

    class Conftest(pytest.File):
        """The tests that a fixture in a conftest.py stands for."""

        def collect(self) -> Iterator[pytest.Item]:
            yield from tests(self, _by_fixture)

    return Conftest.from_parent(parent, path=path)


Maker = Callable[[str, str], Callable[..., None]]


def tests(parent: pytest.Collector | pytest.Session, make: Maker) -> Iterator[pytest.Item]:
    """A test for every rule on every operation, and one for the verdict."""
    import pytest

    from orgbilling_conformance.api_description import load
    from orgbilling_conformance.rules.registry import RULES

    operations = load().operations
    rows = [(rule.id, operation) for rule in RULES.values() for operation in rule.operations or operations]
    for rule, operation in [*rows, ("verdict", "")]:
        name = f"{NAME}-{rule}" + (f"[{operation}]" if operation else "")
        yield pytest.Function.from_parent(parent, name=name, callobj=make(rule, operation))


def _by_fixture(rule: str, operation: str) -> Callable[..., None]:
    def test(conform_target: Any, request: pytest.FixtureRequest) -> None:
        arguments = {"url" if isinstance(conform_target, str) else "app": conform_target}
        if isinstance(conform_target, dict):
            arguments = dict(conform_target)
        check(_report(request.config, request.node.parent.nodeid, arguments), rule, operation)

    return test


def _by_address(rule: str, operation: str) -> Callable[..., None]:
    def test(request: pytest.FixtureRequest) -> None:
        arguments = {"url": request.config.getoption("--orgbilling-url")}
        check(_report(request.config, "url", arguments), rule, operation)

    return test


def check(report: Report, rule: str, operation: str) -> None:
    """Pass, skip or fail as the report says; the rule `verdict` stands for what no rule says."""
    import pytest

    if rule == "verdict":
        rest = [
            finding for finding in report.findings if finding.severity == "error" and not finding.operation
        ]
        if report.reasons or rest:
            pytest.fail(
                "\n".join([report.verdict, *report.reasons, *map(_finding_text, rest)]), pytrace=False
            )
        return
    findings = [
        finding for finding in report.findings if (finding.rule, finding.operation) == (rule, operation)
    ]
    errors = [finding for finding in findings if finding.severity == "error"]
    if errors:
        pytest.fail("\n\n".join(map(_finding_text, findings)), pytrace=False)
    if findings:
        import warnings

        warnings.warn(pytest.PytestWarning(_finding_text(findings[0])), stacklevel=1)
        return
    outcomes = {case.outcome for case in report.cases if (case.rule, case.operation) == (rule, operation)}
    if "passed" not in outcomes:
        reasons = [
            skipped.reason
            for skipped in report.skipped
            if skipped.rule == rule and skipped.operation in (operation, "*")
        ]
        pytest.skip(reasons[0] if reasons else "nothing was seen that the rule applies to")


def _finding_text(finding: Finding) -> str:
    return (
        f"{finding.severity}: {finding.rule} on {finding.operation} at {finding.pointer or 'body'}\n"
        f"expected {finding.expected}\nobserved {finding.observed} ({finding.count} times)\n"
        f"because {finding.source}; {finding.reason}\n{finding.curl}"
    )


def _report(config: pytest.Config, name: str, arguments: dict[str, Any]) -> Report:
    """The report on a target, made when the first test asks."""
    from orgbilling_conformance import conform

    reports: dict[str, Report] = getattr(config, REPORTS)
    if name not in reports:
        arguments.setdefault("token", os.environ.get(config.getoption("--orgbilling-token-env")) or None)
        for option in ("quick", "strict"):
            arguments[option] = config.getoption(f"--orgbilling-{option}") or arguments.get(option, False)
        reports[name] = conform(**arguments)
    return reports[name]
