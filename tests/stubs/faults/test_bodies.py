from __future__ import annotations

import pytest
from orgbilling_stubs.faults.bodies import UNDOCUMENTED, reshaped


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"[]", b"null"),
        (b'{"a":[],"b":[1],"c":{"d":[]},"e":{}}', b'{"a":null,"b":[1],"c":{"d":null},"e":{}}'),
        (b"not json", b"not json"),
        (b"", b""),
    ],
)
def test_empty_arrays_become_null(body, expected):
    assert reshaped(body, nulls=True, field=None) == expected


def test_a_member_is_added_to_the_object_or_to_each_row_but_not_to_maps_inside():
    more = f'"new":"{UNDOCUMENTED}"'.encode()
    assert reshaped(b'{"prices":{"a":1}}', False, "new") == b'{"prices":{"a":1},' + more + b"}"
    assert reshaped(b'[{"a":1},{}]', False, "new") == b'[{"a":1,' + more + b"},{" + more + b"}]"
    assert reshaped(b"null", False, "new") == b"null"
