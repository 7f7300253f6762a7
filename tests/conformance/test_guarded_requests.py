from __future__ import annotations

import pytest
from orgbilling_conformance import fuzz, guard
from orgbilling_conformance.api_description import ApiDescription
from orgbilling_conformance.exchange import Request

REFUSED = (
    "Host", "Connection", "Transfer-Encoding", "TE", "Trailer", "Upgrade", "Keep-Alive", "Proxy-Connection",
    "Proxy-Authorization", "Content-Length", "content_length", "X-HTTP-Method-Override", "X-HTTP-Method",
    "X-Method-Override", "X-Original-URL", "X-Rewrite-URL", "X-Forwarded-Host", "Authorization", "Expect",
    "Accept ", "", "Acc\nept",
)  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_headers_that_say_whom_or_what_or_how_long(name: str) -> None:
    for written in (name, name.lower(), name.upper()):
        assert guard.content_refusal(Request("GET", "/x", headers=((written, "1"),)))


@pytest.mark.parametrize("value", ["a\r\nB: c", "a\x00", "é", " a", "a ", "\t", "a\n"])
def test_values_of_headers_that_are_more_than_one_line(value: str) -> None:
    assert guard.content_refusal(Request("GET", "/x", headers=(("Accept", value),))) == "the header Accept"
    assert not guard.content_refusal(Request("GET", "/x", headers=(("Accept", "a/b, c/d;q=0.1"),)))


@pytest.mark.parametrize(
    "query",
    [
        *("x=1 HTTP/1.1\r\nHost: a", "a b", "a#b", "é", "\ud800", "\x7f", "x" * 60_001),
        *("_method=DELETE", "a=1&_METHOD=put", "%5Fmethod=DELETE", "_method"),
    ],
)
def test_queries_that_end_the_line_or_name_a_method(query: str) -> None:
    assert guard.content_refusal(Request("GET", "/x", query))


def test_what_the_corpus_keeps_to_send_may_be_sent(api: ApiDescription) -> None:
    rows = fuzz.corpus_requests(api, set(api.operations))
    assert {row: problem for row in rows if (problem := guard.content_refusal(row))} == {}
    assert not any("override" in name.lower() for row in rows for name, _ in row.headers)
