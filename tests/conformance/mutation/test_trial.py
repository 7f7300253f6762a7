"""What the suite is worth, by a sample of the defects; `make mutation` tries all of them."""

from __future__ import annotations

import pytest

from mutation.defects import BY_NAME
from mutation.run import outcomes
from mutation.table import by_defect, failures
from mutation.trial import FULL, QUICK, READING, sound, trial

SAMPLE = (
    "balance-string",
    "days-366-accepted",
    "status-differs",
    "expired",
    "cached-by-url",
    "default-7",
    "redeem-twice",
    "seventh-crashes",
)
PERSONAS = (
    *("contract_active", "standard", "nulls", "empty", "extreme_numbers", "hostile_texts", "no_contract"),
    *("postpaid_over_limit", "month_edges", "installment_overdue"),
)


@pytest.mark.slow
@pytest.mark.parametrize("name", SAMPLE)
def test_quick_catches(name):
    found = trial(name, QUICK, whole=False)
    assert found.caught, found


@pytest.mark.slow
@pytest.mark.parametrize("mode", [QUICK, READING])
def test_a_sound_server_has_no_finding(mode):
    report = sound(1, mode)
    assert [(finding.rule, finding.operation, finding.observed) for finding in report.findings] == []
    assert (report.verdict, report.reasons) == ("conforms", ())


@pytest.mark.slow
@pytest.mark.parametrize(("seed", "persona"), list(enumerate(PERSONAS, 1)))
def test_no_sound_server_has_a_finding(seed, persona):
    report = sound(seed, FULL, persona if seed % 2 else None)
    assert [(finding.rule, finding.operation, finding.observed) for finding in report.findings] == []
    assert report.verdict != "violated"


@pytest.mark.slow
def test_the_conformance_suite_is_good_enough():
    every_third = sorted(BY_NAME)[::3]
    results = by_defect([one for found in outcomes(every_third, reading=False, whole=False) for one in found])
    assert failures(results) == []
