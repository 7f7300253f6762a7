from __future__ import annotations

import json
from dataclasses import replace

from orgbilling_conformance import Report
from orgbilling_conformance.reports import sarif
from orgbilling_conformance.reports.report import Comparison


def test_results_name_rules_places_and_suppressions(report: Report) -> None:
    document = json.loads(sarif.render(report))
    [run] = document["runs"]
    assert document["version"] == "2.1.0"
    first, second, accepted = run["results"]
    assert (first["level"], second["level"]) == ("error", "warning")
    assert run["tool"]["driver"]["rules"][first["ruleIndex"]]["id"] == first["ruleId"] == "schema-type"
    assert first["locations"][0]["physicalLocation"]["region"]["startLine"] == 12
    assert first["occurrenceCount"] == 7
    assert accepted["suppressions"][0]["justification"] == "until 2030-01-01: known"
    assert first["partialFingerprints"]["finding/v1"] == report.findings[0].fingerprint
    assert "baselineState" not in first
    assert run["invocations"][0]["exitCode"] == 1


def test_a_sound_target_has_no_result(sound: Report) -> None:
    assert json.loads(sarif.render(sound))["runs"][0]["results"] == []


def test_a_comparison_is_the_state_of_each_result(report: Report) -> None:
    error, warning = report.findings
    fixed = replace(error, pointer="/gone", state="fixed")
    findings = (replace(error, state="new"), replace(warning, state="known"))
    compared = replace(report, findings=findings, accepted=(), comparison=Comparison("", "", (fixed,)))
    [run] = json.loads(sarif.render(compared))["runs"]
    assert [result["baselineState"] for result in run["results"]] == ["new", "unchanged", "absent"]
