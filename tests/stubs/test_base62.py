from __future__ import annotations

import pytest
from orgbilling_stubs.base62 import ALPHABET, base62


def test_base62_pads_and_truncates() -> None:
    assert base62(61, 3) == "00z"
    assert base62(62**3 + 1, 3) == "001"


@pytest.mark.parametrize("length", [1, 2, 14, 27, 58])
def test_every_digit_has_its_place(length: int) -> None:
    number = int.from_bytes(range(1, 65))
    digits = [ALPHABET[number // 62**place % 62] for place in range(length)]
    assert base62(number, length) == "".join(reversed(digits))
