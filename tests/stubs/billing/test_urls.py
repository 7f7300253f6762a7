from __future__ import annotations

import pytest
from orgbilling_stubs.billing.urls import is_safe_redirect


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:3000/ok",
        "https://a.example",
        "HTTPS://a.example/?q=1#x",
        "http://localhost",
        "http://127.0.0.1:65535/",
        "http://[::1]:3000/",
        "http://my_container:8080/",
        "http://user:word@a-b.example./",
        "http://bücher.example/",
        "http://a.example:/",
        "http://a.example?s={CHECKOUT_SESSION_ID}",
    ],
)
def test_web_addresses_are_safe(url: str) -> None:
    assert is_safe_redirect(url)


@pytest.mark.parametrize(
    "url",
    [
        None,
        "",
        "/ok",
        "//a.example/ok",
        "javascript:alert(1)",
        "data:text/html,x",
        "http:",
        "https:///x",
        "http://a.example/\r\nSet-Cookie: x=1",
        "http://a.example/a b",
        "http://[::1",
        "http://[bad",
        "http://[bad]/",
        "http://[v1.a]/",
        "http://a[::1]/",
        "http://[::1]a:80/",
        "http://a.example:99999/",
        "http://x:99999999/",
        "http://x:0/",
        "http://x:-1/",
        "http://x:abc/",
        "http://user@:80/",
        "http://a..b/",
        "http://.a/",
        "http://-a/",
        "http://a<b>/",
        "http://%/",
        "http://{CHECKOUT_SESSION_ID}/",
        "http://evil\\@a.example/",
        "http://999.1.1.1/",
        f"http://{'a' * 64}/",
        f"http://{'a.' * 127}example/",
        " https://a.example",
    ],
)
def test_nothing_else_is(url: str | None) -> None:
    assert not is_safe_redirect(url)
