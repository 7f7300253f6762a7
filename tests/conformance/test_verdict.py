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
    made = suite()
    assert len(unseen(made)) == len(made.api.gets)
    assert confidence(made) == ""
    made.ask("getOrgBilling")
    assert len(unseen(made)) == len(made.api.gets) - 1
    assert not any("getOrgBilling " in each for each in unseen(made))


def test_a_missing_contract_is_no_reason(suite: Any, token: Any) -> None:
    made = suite(token=token("org_no_contract"))
    for operation in made.api.gets:
        made.ask(operation.id)
    assert unseen(made) == []
    assert "no contract" in made.notes[0]
    assert "1 time or more: a failure of 100 %" in confidence(made)
