from __future__ import annotations

from orgbilling_stubs.control import errors
from orgbilling_stubs.http.errors import ProblemType


def test_every_error_is_in_the_table_once() -> None:
    rows = [value for value in vars(errors).values() if isinstance(value, ProblemType)]
    assert sorted(row.code for row in rows) == sorted(row.code for row in errors.TABLE)
    assert all(400 <= row.status < 500 and row.detail for row in rows)


def test_an_error_says_where() -> None:
    plain = errors.error_at(errors.MEDIA_REFUSED)
    assert (plain.detail, plain.errors) == (errors.MEDIA_REFUSED.detail, [])
    placed = errors.error_at(errors.PERSONA_INVALID, "body.x", 1, "too fine")
    assert placed.errors == [{"message": "too fine", "location": "body.x", "value": 1}]
