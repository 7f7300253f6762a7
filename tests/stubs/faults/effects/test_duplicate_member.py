from __future__ import annotations

import pytest
from orgbilling_stubs.faults import effects
from orgbilling_stubs.faults.effects.duplicate_member import DuplicateMember


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"a":1,"b":2}', b'{"a":1,"b":2,"a":1}'),
        (b'[{"a":1},{"b":2},3]', b'[{"a":1,"a":1},{"b":2},3]'),
        (b'{"b":{"a":1}}', b'{"b":{"a":1}}'),
        (b"[]", b"[]"),
        (b"null", b"null"),
    ],
)
def test_the_object_or_every_row_that_has_the_member_has_it_twice(body, expected):
    assert DuplicateMember("a").change_body(body) == expected


@pytest.mark.parametrize("value", [None, 0, "x", [1], {"b": None}])
def test_the_second_one_can_have_any_value(value):
    [effect] = effects.parse({"duplicateMember": {"name": "a", "value": value}})
    assert effects.document([effect]) == {"duplicateMember": {"name": "a", "value": value}}
    text = str(effect.change_body(b'{"a":1}'), "utf-8")
    assert text.startswith('{"a":1,"a":')


def test_its_own_value_is_not_shown():
    assert effects.document([DuplicateMember("a")]) == {"duplicateMember": {"name": "a"}}
