from __future__ import annotations

from dataclasses import replace

import pytest
from orgbilling_conformance import Finding, Report, SkippedRule
from orgbilling_conformance.reports import summary
from orgbilling_conformance.reports.report import Comparison, RuleOutcome
from orgbilling_conformance.reports.summary import MatrixCell, decision, summarize
from orgbilling_openapi import description
from orgbilling_openapi.operations import operations_by_id

OPERATIONS = operations_by_id(description.load())
READS = [name for name, operation in OPERATIONS.items() if operation.method == "get"]


def judged(*names: str) -> tuple[RuleOutcome, ...]:
    return tuple(RuleOutcome("success-status", name, "passed", 3) for name in names)


def test_the_line_counts_rules_on_operations(report: Report, sound: Report) -> None:
    assert summarize(report).line == (
        f"1 of {len(OPERATIONS)} operations, "
        "1 rules held, 2 broken (1 error, 1 warning), 1 accepted, 1 not run"
    )
    reads = len(READS)
    assert summarize(replace(sound, cases=judged(*READS))).line == (
        f"{reads} of {len(OPERATIONS)} operations, {reads} rules held, 0 not run"
    )


def test_an_operation_that_gave_no_success_was_not_judged(sound: Report) -> None:
    refused = RuleOutcome("token-missing", "getOrgBilling", "passed", 4)
    skipped = (
        SkippedRule("checkout-url", "createOrgBillingCheckout", "needs --allow-write checkout"),
        SkippedRule("*", "getOrgContract", "not in the recording"),
    )
    reasons = ("no success of getOrgLedger (GET /org/ledger: 403)",)
    figures = summarize(
        replace(sound, cases=(refused, *judged("getOrgEvents")), skipped=skipped, reasons=reasons)
    )
    assert figures.not_judged["getOrgBilling"] == "no success was seen"
    assert figures.not_judged["createOrgBillingCheckout"] == "needs --allow-write checkout"
    assert figures.not_judged["getOrgContract"] == "not in the recording"
    assert figures.not_judged["getOrgLedger"] == "no success (GET /org/ledger: 403)"
    assert figures.not_judged["getOrgModelPricing"] == "it was not asked"


def test_the_matrix_has_a_cell_for_each_operation_and_group(report: Report) -> None:
    matrix = summarize(report).matrix
    assert list(matrix) == [*operations_by_id(description.load()), ""]
    assert matrix["getOrgBilling"]["Bodies"] == MatrixCell(errors=1, held=1)
    assert matrix["getOrgBilling"]["Bodies"].text == "1 ✗"
    assert matrix["getOrgUsageSummary"]["Invariants"].text == "1 !"
    assert matrix["getOrgLedger"]["Scenarios"].words == "1 accepted"
    assert matrix[""]["Scenarios"].text == "–"
    assert matrix["getOrgModelPricing"]["Headers"].words == "no rule applies"


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        (
            {},
            [
                "violates",
                "1 error on GET /org/billing",
                "It is incomplete: the token died",
                "report each error",
            ],
        ),
        ({"findings": (), "verdict": "conforms", "reasons": ()}, ["Nothing that was checked contradicts"]),
        (
            {"findings": (), "verdict": "inconclusive"},
            [
                "what was judged stands",
                "the token died",
                "give a token that the target accepts, and run it again",
            ],
        ),
        (
            {"findings": (), "verdict": "inconclusive", "reasons": ("connection refused",)},
            ["make the target reachable from here"],
        ),
    ],
)
def test_the_paragraph_says_what_happened_and_what_to_do(
    report: Report, change: dict[str, object], parts: list[str]
) -> None:
    text = decision(replace(report, **change))  # type: ignore[arg-type]
    for part in (*parts, f"1 of {len(OPERATIONS)} operations were judged", "What to do: "):
        assert part in text, part


def test_nothing_has_to_be_done_about_a_sound_target(sound: Report) -> None:
    everything = replace(sound, cases=judged(*operations_by_id(description.load())))
    assert decision(everything).endswith("What to do: nothing.")
    assert "the vendor never promised" in decision(
        replace(
            everything, findings=(Finding("stable", "warning", "invariant", "getOrgBilling", "", "", ""),)
        )
    )


def test_known_errors_are_no_news(report: Report) -> None:
    known = replace(report.findings[0], state="known")
    compared = replace(
        report, findings=(known,), reasons=(), comparison=Comparison("2026-01-01T00:00:00Z", "", (known,))
    )
    assert "What to do: nothing new" in decision(compared)
    assert summary.compared(compared) == "0 new, 1 known, 1 fixed since January 1, 2026 at 00:00 UTC"


def test_the_json_has_the_figures(report: Report) -> None:
    figures = report.to_json()["summary"]
    assert figures["rules"] == {"errors": 1, "warnings": 1, "accepted": 1, "held": 1, "not_run": 1}
    assert figures["operations"]["judged"] == ["getOrgBilling"]
    assert figures["matrix"]["getOrgBilling"]["Bodies"] == "1 ✗"
