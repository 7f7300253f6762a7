"""What every page of the stub has in common, whichever application it belongs to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from orgbilling_stubs.http.page_middleware import STRICT_HEADERS

BROWSER = {"accept": "text/html"}
PAGES = [
    "/_mock/",
    "/_mock/requests",
    "/_mock/checkout/org_standard/cs_unknown",
    "/_mock/portal/org_standard/x",
]


@pytest.mark.slow_beyond(1)
@pytest.mark.parametrize("path", PAGES)
def test_console_and_hosted_pages_have_the_same_headers(serve: Callable[..., Any], path: str) -> None:
    page = serve()("GET", path, None, headers=BROWSER)
    assert {name: page.headers[name] for name in STRICT_HEADERS} == STRICT_HEADERS


@pytest.mark.slow_beyond(3)
@pytest.mark.parametrize("path", [*PAGES, "/", "/nowhere"])
def test_every_page_says_its_language(serve: Callable[..., Any], path: str) -> None:
    page = serve()("GET", path, None, headers=BROWSER | {"accept-language": "de"})
    assert page.headers["content-language"] == "en"
    assert '<html lang="en">' in page.text


@pytest.mark.slow_beyond(2)
@pytest.mark.parametrize("path", PAGES)
def test_head_has_the_headers_of_get_and_no_body(serve: Callable[..., Any], path: str) -> None:
    call = serve()
    page, head = (call(method, path, None, headers=BROWSER) for method in ("GET", "HEAD"))
    assert head.content == b""
    assert (head.status_code, head.headers["content-type"]) == (
        page.status_code,
        page.headers["content-type"],
    )
