from __future__ import annotations

import pytest
from orgbilling_stubs.http.dialect_fitting import DialectFitter, written_instant


@pytest.mark.parametrize(
    ("text", "form", "expected"),
    [
        ("2026-03-10T12:00:00Z", {"offset": "+09:00", "fraction": 0}, "2026-03-10T21:00:00+09:00"),
        ("2026-03-10T12:00:00.5Z", {"offset": "-02:30", "fraction": 3}, "2026-03-10T09:30:00.500-02:30"),
        ("2026-03-10T12:00:00.123456Z", {"offset": "Z"}, "2026-03-10T12:00:00.123456Z"),
        ("2026-03-10T12:00:00Z", {"offset": "Z", "fraction": 6}, "2026-03-10T12:00:00.000000Z"),
        ("2026-03-10", {"offset": "+09:00"}, "2026-03-10"),
    ],
)
def test_an_instant_is_written_otherwise_and_stays_the_same(text, form, expected):
    assert written_instant(text, form) == expected


def test_words_are_translated_and_members_left_out_wherever_they_are():
    row = {
        "properties": {
            "kind": {"type": "string", "x-words": {"top_up": "topup"}},
            "gone": {"x-absent": True},
            "kept": {"type": "string"},
        }
    }
    document = {"components": {"schemas": {"Row": row}}}
    reference = {"$ref": "#/components/schemas/Row"}
    schema = {"properties": {"rows": {"items": reference}}, "additionalProperties": reference}
    fitter = DialectFitter(document, 1)
    ours = {"kind": "top_up", "gone": 1, "kept": "top_up"}
    theirs = {"kind": "topup", "kept": "top_up"}
    assert fitter.translated(schema, {"rows": [ours], "other": ours}) == {"rows": [theirs], "other": theirs}
