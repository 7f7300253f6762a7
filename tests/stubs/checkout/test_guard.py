from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from orgbilling_stubs.checkout import guard
from orgbilling_stubs.checkout.request import Request
from orgbilling_stubs.checkout.settings import HostedPageSettings
from orgbilling_stubs.http.errors import Problem

OWN = "http://127.0.0.1:4010"


async def never() -> dict[str, object]:
    raise AssertionError("nobody reads the body")


REQUEST = Request("POST", "checkout", "o", "s", (), {}, {}, OWN, never)


def asked(**headers: str) -> Request:
    return replace(
        REQUEST, headers={name.replace("_", "-").encode(): value.encode() for name, value in headers.items()}
    )


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
    guard.form(asked(**headers), HostedPageSettings())


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
        guard.form(asked(**headers), HostedPageSettings())


@pytest.mark.parametrize("origin", [None, OWN, "http://localhost:3000", "https://listed.example"])
def test_json_may_come_from_this_machine_and_from_listed_origins(origin: str | None) -> None:
    headers = {"content_type": "application/json; charset=utf-8"} | ({"origin": origin} if origin else {})
    guard.json(asked(**headers), HostedPageSettings(cors=["https://listed.example"]))


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost.evil.example"])
def test_json_from_elsewhere_is_refused(origin: str) -> None:
    with pytest.raises(Problem, match="foreign_origin"):
        guard.json(asked(content_type="application/json", origin=origin), HostedPageSettings(cors=["*"]))


@pytest.mark.parametrize(
    "media", ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"]
)
def test_what_a_form_can_send_is_not_json(media: str) -> None:
    with pytest.raises(Problem, match="media_wrong"):
        guard.json(asked(content_type=media), HostedPageSettings())


def from_host(host: str) -> Request:
    return replace(asked(host=host, content_type="application/json"), origin=f"http://{host}")


@pytest.mark.parametrize(
    "host", ["localhost:4010", "127.0.0.1", "[::1]:4010", "app.localhost:80", "tunnel.example"]
)
def test_a_server_of_this_machine_has_a_name_of_this_machine(host: str) -> None:
    defaults = HostedPageSettings(cors=["https://tunnel.example", "*"])
    guard.form(from_host(host), defaults)
    guard.json(from_host(host), defaults)


@pytest.mark.parametrize("host", ["evil.example:4010", "localhost.evil.example", "", "*"])
@pytest.mark.parametrize("check", [guard.form, guard.json])
def test_a_rebound_name_is_refused(check: Callable[..., None], host: str) -> None:
    with pytest.raises(Problem, match="foreign_origin"):
        check(from_host(host), HostedPageSettings())
    check(from_host(host), HostedPageSettings(loopback=False))
