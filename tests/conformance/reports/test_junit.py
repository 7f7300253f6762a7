from __future__ import annotations

from xml.etree import ElementTree

from orgbilling_conformance import Report
from orgbilling_conformance.reports import junit


def test_one_case_per_rule_and_operation(report: Report) -> None:
    [suite] = ElementTree.fromstring(junit.render(report))
    assert suite.attrib["tests"] == "6"
    assert (suite.attrib["failures"], suite.attrib["skipped"], suite.attrib["errors"]) == ("1", "2", "1")
    cases = {
        (testcase.attrib["classname"], testcase.attrib["name"]): testcase
        for testcase in suite.iter("testcase")
    }
    failure = cases["getOrgBilling", "schema-type"].find("failure")
    assert failure is not None
    assert "<script>" in failure.attrib["message"]
    assert "curl -sS" in (failure.text or "")
    assert cases["api", "verdict"].find("error") is not None
    warning = cases["getOrgUsageSummary", "invariant-13-summary-tokens"]
    assert warning.find("failure") is None, "a warning fails nobody, here as in the exit status"
    assert "total = in + out" in (warning.findtext("system-out") or "")
    accepted = cases["getOrgLedger", "stable"].find("skipped")
    assert accepted is not None
    assert accepted.attrib["message"] == "accepted until 2030-01-01: known"


def test_a_sound_target_has_no_failure(sound: Report) -> None:
    [suite] = ElementTree.fromstring(junit.render(sound))
    assert (suite.attrib["failures"], suite.attrib["errors"]) == ("0", "0")
