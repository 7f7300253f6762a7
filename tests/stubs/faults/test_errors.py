from __future__ import annotations

from pathlib import Path

from orgbilling_stubs.faults import errors

DOCUMENT = Path(__file__).parents[3] / "docs" / "faults.md"


def test_names_are_used_once():
    names = [row.name for row in errors.TABLE]
    assert len(names) == len(set(names))
