from __future__ import annotations

from orgbilling_conformance.reports.report import counted


def test_one_is_one() -> None:
    assert [counted(count, "rule") for count in (0, 1, 2, 1500)] == [
        "0 rules",
        "1 rule",
        "2 rules",
        "1,500 rules",
    ]
