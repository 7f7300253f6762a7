from __future__ import annotations

import pytest
from orgbilling_openapi.flaw import flaw


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"a": 1, ^"a": 2}', True),
        ('{"a": {"a": 1}, "b": [{"a": 1}, {"a": 1}], ^"a": 2}', True),
        ('{"a": {"b": 1, ^"b": 2}, "a": 3}', True),
        (r'{"a": "x", ^"\u0061": 1}', True),
        (r'{"a\"": "{", "a": "]", ^"a\"" : 1}', True),
        ('{"a": "NaN", "b": ^NaN}', True),
        ("[1, ^-Infinity]", True),
        ('{"a": "a", "b": ["a", "a"]}{"a": NaN}', False),
        ("{}", False),
    ],
)
def test_the_place_of_a_flaw(text: str, found: bool) -> None:
    place = text.find("^")
    assert flaw("   " + text.replace("^", ""), 3) == (place + 3 if found else 3)
