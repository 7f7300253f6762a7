from __future__ import annotations

import pytest
from orgbilling_openapi.strict_json import (
    MAX_NESTING,
    DuplicateMemberError,
    StrictJsonError,
    error_position,
    is_too_deep,
    loads,
)


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
def test_the_position_of_an_error(text: str, found: bool) -> None:
    place = text.find("^")
    assert error_position("   " + text.replace("^", ""), 3) == (place + 3 if found else 3)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "not JSON: Expecting value at character 0"),
        (b"{", "not JSON: "),
        (b"NaN", "NaN is not JSON"),
        (b'{"a":-Infinity}', "-Infinity is not JSON"),
        (b"\xff", "not UTF-8: invalid start byte at byte 0"),
        (b"\xef\xbb\xbf{}", "not JSON: "),
        (b"{}{}", "not JSON: Extra data at character 2"),
        (b'{"a":{"b":1,"b":2}}', "the member 'b' occurs twice"),
        (b"[" * 100_000, "nested too deeply"),
        (b"1" * 5000, "a number of too many digits"),
        (b"{'a':1}", "not JSON: "),
    ],
)
def test_what_is_not_strict_json(data: bytes, problem: str) -> None:
    with pytest.raises(StrictJsonError) as raised:
        loads(data)
    assert str(raised.value).startswith(problem)


def test_strict_json_is_read_as_the_standard_library_reads_it() -> None:
    assert loads('{"a": [1, 2.5, null, "\\u00e9"]}') == {"a": [1, 2.5, None, "\u00e9"]}
    with pytest.raises(DuplicateMemberError) as raised:
        loads('{"a":1,"a":2}')
    assert raised.value.name == "a"


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}"), ('{"a":[', "]}")])
def test_what_is_nested_beyond_the_limit_is_too_deep(opening: str, closing: str) -> None:
    levels = opening.count("[") + opening.count("{")
    for depth, too_deep in ((MAX_NESTING, False), (MAX_NESTING + levels, True)):
        times = depth // levels
        assert is_too_deep(loads(opening * times + "1" + closing * times)) is too_deep
    assert not is_too_deep([[]] * 1_000)
    assert not is_too_deep("x")
