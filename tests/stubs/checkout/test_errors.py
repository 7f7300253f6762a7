from __future__ import annotations

from orgbilling_stubs.checkout import errors


def test_codes_are_used_once() -> None:
    assert len({row.code for row in errors.TABLE}) == len(errors.TABLE)
