from __future__ import annotations

import pytest
from orgbilling_conformance.exchange import Request, Response, shorten, strings


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"NaN",
        b'{"a":Infinity}',
        b"\xff",
        b"{}{}",
        b'{"a":1,"a":2}',
        b"[" * 100_000,
        b"{'a':1}",
    ],
)
def test_what_is_no_json(body: bytes) -> None:
    assert Response(200, (), body).json is None
    assert not Response(200, (), body).succeeded


def test_curl_repeats_a_request_without_its_token() -> None:
    request = Request("POST", "/org/x", "a=1&b='", (("Content-Type", "application/json"),), b'{"a":"it\'s"}')
    command = request.curl("https://api.example.com/api/v1")
    assert command.startswith("curl -sS -X POST 'https://api.example.com/api/v1/org/x?a=1&b='\"'\"''")
    assert '-H "Authorization: Bearer $TOKEN"' in command
    assert '$TOKEN_ALG_NONE"' in Request("GET", "/x", auth="alg-none").curl("")
    assert "Authorization" not in Request("GET", "/x", auth="none").curl("")


def test_a_request_survives_its_json() -> None:
    request = Request("POST", "/x", "a", (("b", "c"),), b"\xff", "second", "why")
    assert Request.from_json(request.to_json()) == request


def test_headers_and_media_types() -> None:
    response = Response(
        200, (("Content-Type", "Application/JSON; charset=utf-8"), ("X", "1"), ("x", "2")), b"{}"
    )
    assert (response.media, response.header("x"), response.header("y")) == ("application/json", "1, 2", None)
    assert Request("GET", "/", "days=1&days=&x").values("days") == ["1", ""]
    assert Request("GET", "/", headers=(("Accept", "a"),)).header("accept") == "a"


def test_what_is_shown_is_short_and_holds_no_token() -> None:
    assert shorten("eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln") == "[redacted]"
    assert len(shorten("x" * 1000)) == 120
    assert sorted(strings({"a": ["b", {"c": "d"}], "e": 1})) == ["b", "d"]


@pytest.mark.parametrize(
    ("values", "media"),
    [
        (["application/json", "application/json"], "application/json"),
        (["Application/JSON ; charset=utf-8", "application/json"], "application/json"),
        (["application/json, application/json"], "application/json"),
        (["application/json", "text/html"], "application/json, text/html"),
        (['application/json; profile="a,b"'], "application/json"),
        ([], ""),
    ],
)
def test_a_media_type_that_is_sent_twice_counts_once(values: list[str], media: str) -> None:
    headers = tuple(("Content-Type", value) for value in values)
    assert Response(200, headers).media == media
