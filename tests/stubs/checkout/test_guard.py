from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from orgbilling_stubs.checkout.guard import MOST_FIELDS, RequestGuard, form_fields, own_origin
from orgbilling_stubs.checkout.settings import HostedPageSettings
from orgbilling_stubs.http.errors import Problem
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
    return Request(scope, receive)


def read_form(sent: Request, settings: HostedPageSettings | None = None) -> Mapping[str, str]:
    return asyncio.run(RequestGuard(settings or HostedPageSettings()).read_form(sent))


def read_json(sent: Request, settings: HostedPageSettings | None = None) -> bytes:
    return asyncio.run(RequestGuard(settings or HostedPageSettings()).read_json(sent))


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
    with pytest.raises(Problem, match="foreign_origin"):
        read_form(request(**FORM, **headers))


@pytest.mark.parametrize("origin", [None, OWN, "http://localhost:3000", "https://listed.example"])
def test_json_may_come_from_this_machine_and_from_listed_origins(origin: str | None) -> None:
    headers = JSON | ({"origin": origin} if origin else {})
    sent = request(b"{}", **headers)
    assert read_json(sent, HostedPageSettings(cors=["https://listed.example"])) == b"{}"


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost.evil.example"])
def test_json_from_elsewhere_is_refused(origin: str) -> None:
    with pytest.raises(Problem, match="foreign_origin"):
        read_json(request(**JSON, origin=origin), HostedPageSettings(cors=["*"]))


@pytest.mark.parametrize(
    "media", ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"]
)
def test_what_a_form_can_send_is_not_json(media: str) -> None:
    with pytest.raises(Problem, match="media_wrong"):
        read_json(request(content_type=media))


@pytest.mark.parametrize(
    "host", ["localhost:4010", "127.0.0.1", "[::1]:4010", "app.localhost:80", "tunnel.example"]
)
def test_a_server_of_this_machine_has_a_name_of_this_machine(host: str) -> None:
    settings = HostedPageSettings(cors=["https://tunnel.example", "*"])
    read_form(request(host=host, **FORM), settings)
    read_json(request(host=host, **JSON), settings)


@pytest.mark.parametrize("host", ["evil.example:4010", "localhost.evil.example", "", "*"])
@pytest.mark.parametrize(("read", "media"), [(read_form, FORM), (read_json, JSON)])
def test_a_rebound_name_is_refused(read: Any, media: dict[str, str], host: str) -> None:
    sent = request(host=host, **media)
    with pytest.raises(Problem, match="foreign_origin"):
        read(sent)
    read(sent, HostedPageSettings(loopback=False))


def test_a_form_is_a_form() -> None:
    assert read_form(request(b"a=1&b=&a=2", **FORM)) == {"a": "2", "b": ""}
    for media in ({}, {"content_type": "text/plain"}, {"content_type": "multipart/form-data"}):
        with pytest.raises(Problem, match="media_wrong"):
            read_form(request(b"a=1", **media))


def test_fields_are_few_and_always_text() -> None:
    assert form_fields(b"name=%FF%C3%A4&x=\xff") == {"name": "\ufffdä", "x": "ÿ"}
    assert len(form_fields(b"&".join(b"a%d=" % number for number in range(MOST_FIELDS)))) == MOST_FIELDS
    with pytest.raises(Problem, match="body_malformed"):
        form_fields(b"a=1&" * (MOST_FIELDS + 1))


def test_our_own_origin_is_what_the_client_sees() -> None:
    assert own_origin(request(host="x:1")) == "http://x:1"
    assert own_origin(request(x_forwarded_host="y", x_forwarded_proto="https")) == "https://y"
