from __future__ import annotations

from orgbilling_conformance import Report
from orgbilling_conformance.reports import report as groups


def test_findings_by_operation_and_skipped_by_reason(report: Report) -> None:
    assert list(groups.by_operation(report.findings)) == ["getOrgBilling", "getOrgUsageSummary"]
    assert groups.by_reason(report) == {
        "needs --second-token": ["isolation"],
        "not in the recording": ["getOrgContract"],
    }


def test_words(report: Report, sound: Report) -> None:
    assert groups.counts(report) == "1 error, 1 warning, 1 accepted"
    assert groups.counts(sound) == "0 errors, 0 warnings"
    assert groups.title("getOrgLedger") == "GET /org/ledger"
    assert groups.title("") == "the API as a whole"
    assert groups.head(report)["effort"] == "110 requests in 1.6 s"
    assert set(groups.VERDICT_SENTENCES) == {"conforms", "violated", "inconclusive"}
