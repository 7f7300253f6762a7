from __future__ import annotations

from typing import Any

from orgbilling_conformance.reports.report import Finding
from orgbilling_conformance.run import confidence, unseen, verdict


def finding(severity: str) -> Finding:
    return Finding("r", severity, "invariant", "o", "", "", "")


def test_an_error_outweighs_a_reason_and_a_reason_outweighs_silence() -> None:
    assert verdict([finding("error")], ["unreachable"]) == "violated"
    assert verdict([finding("warning")], ["unreachable"]) == "inconclusive"
    assert verdict([finding("warning")], []) == "conforms"


def test_without_a_success_there_is_no_verdict(suite: Any) -> None:
    run = suite()
    assert len(unseen(run)) == len(run.api.gets)
    assert confidence(run) == ""
    run.ask("getOrgBilling")
    assert len(unseen(run)) == len(run.api.gets) - 1
    assert not any("getOrgBilling " in reason for reason in unseen(run))


def test_a_missing_contract_is_no_reason(suite: Any, token: Any) -> None:
    run = suite(token=token("org_no_contract"))
    for operation in run.api.gets:
        run.ask(operation.id)
    assert unseen(run) == []
    assert "no contract" in run.notes[0]
    assert confidence(run) == "", "one answer says nothing of failures that come and go"
    for operation in run.api.gets * 9:
        run.ask(operation.id)
    assert "10 times or more: a failure of 30 %" in confidence(run)
