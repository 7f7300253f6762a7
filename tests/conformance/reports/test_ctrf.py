from __future__ import annotations

import json
from typing import Any

from orgbilling_conformance import Report
from orgbilling_conformance.reports import ctrf

# From the specification of CTRF 1.0: what a report, a summary and a test must and may have.
REQUIRED = {"reportFormat", "specVersion", "results"}
COUNTS = ("passed", "failed", "skipped", "pending", "other")
SUMMARY = {"tests", *COUNTS, "start", "stop"}
TEST = {"name", "status", "duration"}
TEST_OPTIONAL = {"rawStatus", "suite", "message", "trace", "extra"}


def rendered(report: Report) -> Any:
    return json.loads(ctrf.render(report))


def test_the_form_is_that_of_the_specification(report: Report, sound: Report) -> None:
    for document in (rendered(report), rendered(sound)):
        assert REQUIRED <= document.keys() <= REQUIRED | {"generatedBy"}
        assert (document["reportFormat"], document["specVersion"]) == ("CTRF", "1.0.0")
        results = document["results"]
        assert results.keys() == {"tool", "summary", "tests", "environment", "extra"}
        assert results["summary"].keys() == SUMMARY
        assert all(isinstance(value, int) for value in results["summary"].values())
        for test in results["tests"]:
            assert TEST <= test.keys() <= TEST | TEST_OPTIONAL
            assert test["status"] in COUNTS
        assert sum(results["summary"][name] for name in COUNTS) == results["summary"]["tests"]
        assert results["summary"]["tests"] == len(results["tests"])


def test_an_error_fails_and_a_warning_does_not(report: Report) -> None:
    results = rendered(report)["results"]
    tests = {test["name"]: test for test in results["tests"]}
    failed = tests["schema-type on GET /org/billing"]
    assert failed["status"] == "failed"
    assert failed["extra"]["fingerprints"] == [report.findings[0].fingerprint]
    assert tests["invariant-13-summary-tokens on GET /org/usage-summary"]["status"] == "other"
    assert tests["stable on GET /org/ledger"]["status"] == "skipped"
    assert tests["verdict"]["message"] == "the token died <b>"
    assert results["summary"]["start"] == 1767323045000
    assert results["summary"]["stop"] - results["summary"]["start"] == 1600
