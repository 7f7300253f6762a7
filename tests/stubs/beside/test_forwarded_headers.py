from __future__ import annotations

from orgbilling_stubs.beside import forwarded_headers
from orgbilling_stubs.beside.forwarded_headers import is_overridden, request_headers, response_headers

UPSTREAM, PUBLIC = "https://api.example.com/billing/v1", "http://localhost:4010/api/v1"


def sent(*received, has_body=True, token=None):
    return request_headers(list(received), b"api.example.com", has_body=has_body, token=token)


def passed(*received, upstream=UPSTREAM, public=PUBLIC):
    return response_headers(list(received), upstream, public, prefix="/api/v1")


def test_what_is_about_one_connection_ends_here():
    headers = sent(
        (b"host", b"localhost:4010"),
        (b"connection", b"close, X-Hop"),
        (b"x-hop", b"1"),
        (b"keep-alive", b"timeout=5"),
        (b"te", b"trailers"),
        (b"transfer-encoding", b"chunked"),
        (b"upgrade", b"websocket"),
        (b"proxy-authorization", b"Basic x"),
        (b"proxy-connection", b"keep-alive"),
        (b"expect", b"100-continue"),
        (b"accept", b"*/*"),
    )
    assert headers == [(b"host", b"api.example.com"), (b"accept", b"*/*"), (b"via", b"1.1 orgbilling")]
    assert passed((b"Connection", b"X-Hop"), (b"X-Hop", b"1"), (b"Trailer", b"x"), (b"ETag", b'"1"')) == [
        (b"etag", b'"1"'),
        (b"via", b"1.1 orgbilling"),
    ]


def test_a_connection_header_takes_nothing_away_that_the_recipient_needs():
    assert (b"authorization", b"Bearer x") in sent(
        (b"connection", b"authorization"), (b"authorization", b"Bearer x")
    )


def test_gateways_on_the_way_are_told_in_their_order():
    assert sent((b"via", b"1.0 proxy"))[-1] == (b"via", b"1.0 proxy, 1.1 orgbilling")
    assert passed((b"Via", b"2 edge"))[-1] == (b"via", b"2 edge, 1.1 orgbilling")


def test_what_a_proxy_says_about_the_client_is_not_the_real_apis():
    said = ((b"forwarded", b"for=1.2.3.4"), (b"x-forwarded-host", b"a"), (b"x-real-ip", b"1.2.3.4"))
    assert sent(*said) == [(b"host", b"api.example.com"), (b"via", b"1.1 orgbilling")]


def test_only_codings_are_asked_for_that_can_be_undone(monkeypatch):
    offered = (b"accept-encoding", b"gzip, BR;q=0.9, dcz, zstd")
    assert (b"accept-encoding", b"gzip, BR;q=0.9, zstd") in sent(offered)
    monkeypatch.setattr(forwarded_headers, "known", lambda: {"gzip": None, "deflate": None})
    assert (b"accept-encoding", b"gzip, deflate;q=0.5") in sent(
        (b"accept-encoding", b"gzip, br, deflate;q=0.5, zstd")
    )
    assert b"accept-encoding" not in dict(sent((b"accept-encoding", b"br")))


def test_a_token_takes_the_place_of_all_credentials():
    headers = dict(sent((b"authorization", b"Bearer mine"), (b"cookie", b"__session=mine"), token="theirs"))
    assert headers[b"authorization"] == b"Bearer theirs"
    assert b"cookie" not in headers


def test_a_read_has_no_body():
    length = (b"content-length", b"3")
    assert b"content-length" not in dict(sent(length, has_body=False))
    assert length in sent(length)


def test_cookies_become_those_of_the_stub():
    value = b"a=1; Domain=api.example.com; Path=/billing/v1/org; Secure; HttpOnly; SameSite=None; Partitioned"
    assert passed((b"Set-Cookie", value))[0] == (b"set-cookie", b"a=1; Path=/api/v1/org; HttpOnly")
    secure = passed((b"Set-Cookie", value), public="https://box.example/api/v1")[0][1]
    assert secure == b"a=1; Path=/api/v1/org; Secure; HttpOnly; SameSite=None"
    assert b"Secure" in passed((b"Set-Cookie", b"__Host-a=1; Secure; Path=/"))[0][1]


def test_a_redirect_within_the_real_api_leads_back_to_the_stub():
    def led(location, upstream=UPSTREAM):
        return passed((b"Location", location), upstream=upstream)[0][1]

    assert (
        led(b"https://api.example.com/billing/v1/org/billing?x=1")
        == b"http://localhost:4010/api/v1/org/billing?x=1"
    )
    assert led(b"/billing/v1/org") == b"/api/v1/org"
    assert led(b"/org", "https://api.example.com") == b"/api/v1/org"
    for elsewhere in (
        b"https://api.example.com/billing/v10",
        b"https://login.example.com/",
        b"//evil.example",
        b"org",
    ):
        assert led(elsewhere) == elsewhere


def test_cross_origin_headers_are_the_stubs_own():
    assert passed((b"Access-Control-Allow-Origin", b"https://app.example.com"))[:-1] == []


def test_a_request_that_overrides_its_method_is_known():
    assert is_overridden([(b"x-http-method-override", b"DELETE")], b"")
    assert is_overridden([], b"days=1&_method=delete")
    assert not is_overridden([(b"x-method", b"DELETE")], b"days_method=1")
