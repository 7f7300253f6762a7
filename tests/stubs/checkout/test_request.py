from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from orgbilling_stubs.checkout.request import Request, fields, read
from orgbilling_stubs.http.errors import Problem
from orgbilling_stubs.http.origin import Origins


async def nothing() -> Mapping[str, Any]:
    return {"type": "http.request", "body": b"a=1&b=&a=2", "more_body": False}


def asked(path: str, method: str = "GET", query: bytes = b"", **headers: str) -> Request | None:
    scope = {
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query,
        "scheme": "http",
        "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()],
    }
    return read(scope, nothing, Origins())


def test_segments_are_split_before_they_are_decoded() -> None:
    request = asked("/_mock/checkout/org%2Fa%20%C3%A4/cs_1/invoices/x%2F1", query=b"a=1", host="x:1")
    assert request is not None
    assert (request.area, request.organization, request.session_id) == ("checkout", "org/a ä", "cs_1")
    assert request.rest == ("invoices", "x/1")
    assert request.base == "/_mock/checkout/org%2Fa%20%C3%A4/cs_1"
    assert request.query == {"a": "1"}
    assert request.origin == "http://x:1"


@pytest.mark.parametrize(
    "path",
    ["/", "/_mock/checkout", "/_mock/checkout/org", "/_mock/checkout//cs", "/x/checkout/o/s", "/_mock/a/b/"],
)
def test_other_paths_are_no_sessions(path: str) -> None:
    assert asked(path) is None


def test_head_is_a_get() -> None:
    request = asked("/_mock/portal/org/bps", "HEAD")
    assert request is not None
    assert request.method == "GET"


def test_a_form_is_a_form() -> None:
    media = "application/x-www-form-urlencoded; charset=utf-8"
    request = asked("/_mock/checkout/o/s", "POST", content_type=media, content_length="10")
    assert request is not None
    assert asyncio.run(request.form()) == {"a": "2", "b": ""}
    other = asked("/_mock/checkout/o/s", "POST", content_type="text/plain", content_length="10")
    assert other is not None
    with pytest.raises(Problem, match="media_wrong"):
        asyncio.run(other.form())


def test_fields_are_few_and_always_text() -> None:
    assert fields(b"name=%FF%C3%A4&x=\xff") == {"name": "\ufffdä", "x": "ÿ"}
    with pytest.raises(Problem, match="body_malformed"):
        fields(b"a=1&" * 100)
