from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from orgbilling_stubs.auth.decoding import decode_base64url, decode_object, decode_uint


@given(st.binary())
def test_canonical_base64url_is_decoded(data: bytes) -> None:
    assert decode_base64url(base64.urlsafe_b64encode(data).rstrip(b"=").decode()) == data


@pytest.mark.parametrize("text", ["A", "AA==", "A A", "AA\n", "A+/A", "AB", "é", "AAA=", "AAA.", "\ud800"])
def test_base64url_that_is_not_canonical_is_refused(text: str) -> None:
    """`AB` and `AA` are the same byte, and only `AA` is canonical."""
    assert decode_base64url(text) is None


@pytest.mark.parametrize(("text", "number"), [("AQAB", 65537), ("", None), ("!", None), (65537, None)])
def test_a_number_of_a_jwk(text: object, number: int | None) -> None:
    assert decode_uint(text) == number


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b'"a"',
        b"null",
        b"{",
        b'{"a":1,"a":1}',
        b'{"a":{"b":1,"b":2}}',
        b'{"a":1,"\\u0061":2}',
        b'{"a":NaN}',
        b'{"a":-Infinity}',
        b'\xef\xbb\xbf{"a":1}',
        '{"a":1}'.encode("utf-16"),
        b'{"a":"\xff"}',
        b'{"a":1} x',
        b'{"a":' + b"9" * 5000 + b"}",
        b'{"a":' * 100_000,
    ],
)
def test_what_is_not_a_strict_json_object_is_refused(data: bytes) -> None:
    assert decode_object(data) is None
