from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from orgbilling_stubs.checkout.submissions import SubmissionReader
from orgbilling_stubs.http.errors import Problem
from orgbilling_stubs.http.origin_policy import NetworkSettings, OriginPolicy
from orgbilling_stubs.http.page_middleware import scope_with_public_url
from orgbilling_stubs.http.public_url import PublicUrls
from starlette.requests import Request

OWN = "http://127.0.0.1:4010"
FORM = {"content_type": "application/x-www-form-urlencoded; charset=utf-8"}
JSON = {"content_type": "application/json; charset=utf-8"}


def request(body: bytes = b"", host: str = "127.0.0.1:4010", **headers: str) -> Request:
    named = {"host": host, "content_length": str(len(body)), **headers}

    async def receive() -> Mapping[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/",
        "scheme": "http",
        "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in named.items()],
    }
    url = PublicUrls().of(scope, dict(scope["headers"]))
    return Request(scope_with_public_url(scope, url), receive)


def read_form(sent: Request) -> Mapping[str, str]:
    return asyncio.run(SubmissionReader(OriginPolicy()).read_form(sent))


def read_json(sent: Request, *cors: str) -> bytes:
    return asyncio.run(SubmissionReader(OriginPolicy(NetworkSettings(cors=cors))).read_json(sent))


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": OWN},
        {"sec_fetch_site": "same-origin", "origin": "http://localhost:5173"},
        {"sec_fetch_site": "none"},
    ],
)
def test_our_own_pages_and_programs_may_submit_forms(headers: dict[str, str]) -> None:
    read_form(request(**FORM, **headers))


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:4011"},
        {"origin": OWN, "sec_fetch_site": "cross-site"},
        {"origin": OWN, "sec_fetch_site": "same-site"},
    ],
)
def test_pages_of_other_origins_may_not(headers: dict[str, str]) -> None:
    with pytest.raises(Problem, match="origin_refused"):
        read_form(request(**FORM, **headers))


@pytest.mark.parametrize("origin", [None, OWN, "http://localhost:3000", "https://listed.example"])
def test_json_may_come_from_this_machine_and_from_listed_origins(origin: str | None) -> None:
    headers = JSON | ({"origin": origin} if origin else {})
    sent = request(b"{}", **headers)
    assert read_json(sent, "https://listed.example") == b"{}"


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost.evil.example"])
def test_json_from_elsewhere_is_refused(origin: str) -> None:
    with pytest.raises(Problem, match="origin_refused"):
        read_json(request(**JSON, origin=origin), "*")


@pytest.mark.parametrize(
    "media", ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"]
)
def test_what_a_form_can_send_is_not_json(media: str) -> None:
    with pytest.raises(Problem, match="media_wrong"):
        read_json(request(content_type=media))


def test_a_form_is_a_form() -> None:
    assert read_form(request(b"a=1&b=&a=2", **FORM)) == {"a": "2", "b": ""}
    for media in ({}, {"content_type": "text/plain"}, {"content_type": "multipart/form-data"}):
        with pytest.raises(Problem, match="media_wrong"):
            read_form(request(b"a=1", **media))
