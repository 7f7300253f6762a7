from __future__ import annotations

from orgbilling_stubs.beside import errors
from orgbilling_stubs.http import errors as http_errors


def test_codes_are_those_of_no_other_error():
    codes = [row.code for row in (*errors.TABLE, *http_errors.TABLE)]
    assert len(codes) == len(set(codes))
