from __future__ import annotations

import pytest
from orgbilling_stubs.http.context import AppliedFault
from orgbilling_stubs.journal.encoding import UnknownEncodingError, decode, encode
from orgbilling_stubs.journal.exchange import EXCERPT_BYTES, RecordedError


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"principal": None, "credentials": "malformed", "organization": ""},
        {
            "query": b"a=%20&b=\xff\x00",
            "path": "/api/\u00fc\u4e2d",
            "request_body": b"\x00\xff",
            "response_body": b"",
        },
        {"request_headers": [(b"host", b"a"), (b"accept", b"\xe9")], "response_headers": []},
        {"error": RecordedError("code", "why", (("body.code", "bad"), ("", "x"))), "status": 422},
        {"error": RecordedError("code", "why")},
        {"fault": AppliedFault("a delay", "delay=3", (("rule-1", 2), ("rule-2", 1))), "status": 0},
        {
            "request_body": b'{"a": 1.50, "b": [ ]}',
            "response_body": b"x" * EXCERPT_BYTES,
            "response_size": 10**9,
        },
        {
            "version_before": 3,
            "version_after": 5,
            "generation": 7,
            "now_ms": 1_800_000_000_000,
            "answered_by": "real",
        },
    ],
)
def test_an_exchange_is_what_it_was(exchange, members):
    whole = exchange(7, **members)
    again = decode(encode(whole))
    assert again == whole
    assert type(again.principal) is type(whole.principal)
    assert type(again.error) is type(whole.error)


def test_what_would_be_masked_when_it_is_shown_is_not_encoded(exchange):
    token = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ1c2VyXzEifQ.c2lnbmF0dXJlc2lnbmF0dXJl"
    whole = exchange(
        1,
        path=f"/api/{token}",
        request_headers=[(b"referer", token.encode())],
        response_headers=[(b"location", token.encode())],
        request_body=b'{"password": "correct horse", "n": 1}',
        response_body=b'{"detail": "%s"}' % token.encode(),
        response_size=200,
        fault=AppliedFault(token),
    )
    written = encode(whole)
    assert token.encode() not in written
    assert b"correct horse" not in written
    assert b'\\"n\\": 1' in written


def test_characters_that_are_none_are_written_as_question_marks(exchange):
    assert decode(encode(exchange(1, path="/a\ud800b"))).path == "/a?b"


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"[1]", b"[2, 3]", b"\xff", b"7"])
def test_what_is_no_exchange(content):
    with pytest.raises(UnknownEncodingError):
        decode(content)
