from __future__ import annotations

from orgbilling_stubs.base62 import base62


def test_base62_pads_and_truncates() -> None:
    assert base62(61, 3) == "00z"
    assert base62(62**3 + 1, 3) == "001"
