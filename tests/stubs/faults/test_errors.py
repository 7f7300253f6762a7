from __future__ import annotations

from orgbilling_stubs.faults import errors


def test_codes_are_used_once():
    codes = [row.code for row in errors.TABLE]
    assert len(codes) == len(set(codes))
