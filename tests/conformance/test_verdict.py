from __future__ import annotations

from typing import Any

import pytest
from orgbilling_conformance.run import confidence, unseen
from orgbilling_conformance.verdict import exit_status, verdict


def test_an_error_outweighs_a_reason_and_a_reason_outweighs_silence() -> None:
    assert verdict(["warning", "error"], ["unreachable"]) == "violated"
    assert verdict(["warning"], ["unreachable"]) == "inconclusive"
    assert verdict(["warning"], []) == "conforms"


@pytest.mark.parametrize(
    ("decided", "reasons", "new_errors", "status"),
    [
        ("conforms", [], None, 0),
        ("violated", [], None, 1),
        ("violated", [], 2, 1),
        ("violated", [], 0, 0),
        ("violated", ["cut short"], 0, 3),
        ("inconclusive", ["cut short"], None, 3),
        ("inconclusive", ["cut short"], 0, 3),
    ],
)
def test_only_new_errors_count_after_a_comparison(
    decided: str, reasons: list[str], new_errors: int | None, status: int
) -> None:
    assert exit_status(decided, reasons, new_errors) == status


def test_without_a_success_there_is_no_verdict(suite: Any) -> None:
    run = suite()
    assert len(unseen(run)) == len(run.api.gets)
    assert confidence(run) == ""
    run.ask("getOrgBilling")
    assert len(unseen(run)) == len(run.api.gets) - 1
    assert not any("getOrgBilling " in reason for reason in unseen(run))


@pytest.mark.slow
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
