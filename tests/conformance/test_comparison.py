from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from orgbilling_conformance import Finding, Report, Stage, UsageError, comparison, conform
from orgbilling_conformance.reports.report import RuleOutcome

ERROR = Finding(
    "schema-type", "error", "documented", "getOrgBilling", "/currency", "string", "5", stage="scripted"
)
OTHER = replace(ERROR, rule="schema-format", pointer="/updatedAt")
WARNING = replace(ERROR, severity="warning", basis="assumed", pointer="/billingMode")
CASES = tuple(RuleOutcome(rule, "getOrgBilling", "passed", 2) for rule in ("schema-type", "schema-format"))
HEAD = {"started": "2026-01-02T03:04:05Z", "target": "http://x"}


def report(
    *findings: Finding, reasons: tuple[str, ...] = (), stages: tuple[str, ...] = ("scripted",)
) -> Report:
    failed = any(finding.severity == "error" for finding in findings)
    verdict = "violated" if failed else "inconclusive" if reasons else "conforms"
    return Report(verdict, findings, (), tuple(Stage(name, 1, 0.1) for name in stages), CASES, reasons)


def states(found: Report) -> list[str]:
    return [finding.state for finding in found.findings]


def test_new_known_and_fixed() -> None:
    found = comparison.compare(report(ERROR, WARNING), HEAD, [ERROR, OTHER])
    assert states(found) == ["known", "new"]
    assert found.comparison is not None
    assert [finding.key for finding in found.comparison.fixed] == [OTHER.key]
    assert found.comparison.not_judged == ()
    assert found.comparison.since == HEAD["started"]


def test_the_exit_status_is_that_of_what_is_new() -> None:
    exits = {
        "nothing new": comparison.compare(report(ERROR), HEAD, [ERROR]).exit_status,
        "a new error": comparison.compare(report(ERROR, OTHER), HEAD, [ERROR]).exit_status,
        "a new warning": comparison.compare(report(ERROR, WARNING), HEAD, [ERROR]).exit_status,
        "nothing new, cut short": comparison.compare(
            report(ERROR, reasons=("x",)), HEAD, [ERROR]
        ).exit_status,
        "new, cut short": comparison.compare(report(ERROR, reasons=("x",)), HEAD, []).exit_status,
        "inconclusive": comparison.compare(report(reasons=("x",)), HEAD, [ERROR]).exit_status,
        "all fixed": comparison.compare(report(), HEAD, [ERROR]).exit_status,
    }
    assert exits == {
        "nothing new": 0,
        "a new error": 1,
        "a new warning": 0,
        "nothing new, cut short": 3,
        "new, cut short": 1,
        "inconclusive": 3,
        "all fixed": 0,
    }
    assert comparison.compare(report(ERROR), HEAD, [ERROR]).verdict == "violated", "of the target, as before"


def test_a_warning_that_became_an_error_is_new() -> None:
    assert states(comparison.compare(report(replace(WARNING, severity="error")), HEAD, [WARNING])) == ["new"]
    assert states(comparison.compare(report(WARNING), HEAD, [replace(WARNING, severity="error")])) == [
        "known"
    ]


@pytest.mark.parametrize(
    ("earlier", "now"),
    [
        (replace(ERROR, rule="isolation"), report()),  # the rule did not run
        (replace(ERROR, stage="fuzzing"), report()),  # the stage did not run
        (ERROR, report(reasons=("the budget was spent",))),  # its stage was cut short
    ],
)
def test_what_was_not_checked_again_is_not_fixed(earlier: Finding, now: Report) -> None:
    found = comparison.compare(now, HEAD, [earlier]).comparison
    assert found is not None
    assert (found.fixed, [finding.key for finding in found.not_judged]) == ((), [earlier.key])


def test_what_is_accepted_is_not_fixed() -> None:
    accepted = replace(report(), accepted=(replace(ERROR, accepted="until …"),))
    assert comparison.compare(accepted, HEAD, [ERROR]).comparison == comparison.Comparison(
        HEAD["started"], "http://x"
    )


def test_a_fingerprint_is_about_the_place_and_nothing_else() -> None:
    same = replace(
        ERROR,
        expected="a",
        observed="b",
        count=9,
        curl="curl",
        stage="x",
        node="#/x",
        basis="published",
        reason="y",
    )
    assert same.fingerprint == ERROR.fingerprint == "3e48d7f7861846ac"
    assert len({ERROR.fingerprint, OTHER.fingerprint, WARNING.fingerprint}) == 3
    pointers = ["/0/currency", "/17/currency", "/1b4e28ba-2fa1-11d2-883f-0016d3cca427/currency"]
    pointers += ["/org_2abCDefGH345/currency"]
    assert len({replace(ERROR, pointer=pointer).fingerprint for pointer in pointers}) == 1
    assert replace(ERROR, pointer="/a_b").fingerprint != replace(ERROR, pointer="/a_c").fingerprint
    assert replace(ERROR, pointer="/\ud800").fingerprint


def wrong(path: str, status: int, headers: dict[str, str], body: Any) -> Any:
    if isinstance(body, dict) and "currency" in body:
        body = {**body, "currency": 5, "surprise": True}
    if path == "/org/ledger" and isinstance(body, list):
        body = [{**row, "createdAt": "yesterday"} for row in body]
    return status, headers, body


@pytest.mark.slow
def test_another_seed_organization_and_machine_find_the_same(
    mutated_app: Callable[..., Any], token: Callable[..., str]
) -> None:
    runs = [
        conform(mutated_app(wrong), token=token(organization), quick=True, seed=seed)
        for organization, seed in (("org_new_org", 0), ("org_standard", 5))
    ]
    facts = [{finding.fingerprint for finding in run.errors} for run in runs]
    assert facts[0] == facts[1]
    assert len(facts[0]) >= 3


@pytest.mark.slow
def test_a_report_is_compared_with_its_file(
    mutated_app: Callable[..., Any], token: Callable[..., str], tmp_path: Path
) -> None:
    path = tmp_path / "report.json"
    first = conform(mutated_app(wrong), token=token(), quick=True)
    path.write_text(json.dumps(first.to_json()), "utf-8")
    again = conform(mutated_app(wrong), token=token(), quick=True, compare=path)
    assert set(states(again)) == {"known"}
    assert (again.verdict, again.exit_status) == ("violated", 0)
    repaired = conform(mutated_app(), token=token(), quick=True, compare=path).comparison
    assert repaired is not None
    assert {finding.fingerprint for finding in repaired.fixed} == {row.fingerprint for row in first.findings}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"findings": 5}',
        '{"findings": [5]}',
        '{"findings": [{}]}',
        '{"findings": [{"rule": "r", "operation": "o", "pointer": 5, "severity": "error"}]}',
        '{"findings": [{"rule": "r", "operation": "o", "pointer": "", "severity": "bad"}]}',
        "[" * 100_000,
    ],
)
def test_what_is_no_report(tmp_path: Path, text: str) -> None:
    (tmp_path / "r.json").write_text(text)
    with pytest.raises(UsageError, match="--compare"):
        comparison.load(tmp_path / "r.json")


def test_a_report_that_is_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparison, "MAX_BYTES", 10)
    (tmp_path / "r.json").write_text('{"findings": []}')
    with pytest.raises(UsageError, match="larger than 10 bytes"):
        comparison.load(tmp_path / "r.json")
