from __future__ import annotations

from dataclasses import replace
from datetime import date

from orgbilling_conformance import Report
from orgbilling_conformance.reports import report as groups


def test_findings_by_operation_and_skipped_by_reason(report: Report) -> None:
    assert list(groups.by_operation(report.findings)) == ["getOrgBilling", "getOrgUsageSummary"]
    assert groups.by_reason(report) == {
        "needs --second-token": ["isolation"],
        "not in the recording": ["getOrgContract"],
    }


def test_words() -> None:
    assert groups.title("getOrgLedger") == "GET /org/ledger"
    assert groups.title("") == "the API as a whole"
    assert groups.day_in_words(date(2027, 1, 31)) == "January 31, 2027"
    assert groups.instant_in_words("2026-01-02T03:04:05Z") == "January 2, 2026 at 03:04 UTC"
    assert groups.instant_in_words("some day") == "some day"
    assert set(groups.VERDICT_SENTENCES) == {"conforms", "violated", "inconclusive"}


def test_errors_come_before_warnings_and_what_is_new_before_what_is_known(report: Report) -> None:
    error, warning = report.findings
    rows = (
        replace(warning, operation="getOrgBilling"),
        replace(error, operation="getOrgUsageSummary", pointer="/a", state="known"),
        replace(error, operation="getOrgUsageSummary", pointer="/b", state="new"),
    )
    errors, warnings = groups.by_severity(rows, 10)
    assert (errors[0], errors[2]) == ("error", 0)
    assert [finding.pointer for finding in errors[1]["getOrgUsageSummary"]] == ["/b", "/a"]
    assert list(warnings[1]) == ["getOrgBilling"]
    [(_, shown, left), _] = groups.by_severity(rows, 1)
    assert ([finding.state for finding in shown["getOrgUsageSummary"]], left) == (["new"], 1)
