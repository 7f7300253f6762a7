from __future__ import annotations

import pytest
from orgbilling_stubs.http.application import HttpSettings
from orgbilling_stubs.http.cors import Cors
from orgbilling_stubs.http.origin_policy import NetworkSettings

APP = "http://localhost:3000"
PREFLIGHT = {
    "access-control-request-method": "POST",
    "access-control-request-headers": "authorization,content-type,idempotency-key,traceparent,prefer",
}


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        (APP, True),
        ("http://127.0.0.1:5173", True),
        ("https://[::1]:8443", True),
        ("http://app.localhost", True),
        ("http://localhost.evil.example", False),
        ("http://evil-localhost", False),
        ("https://example.com", False),
        ("null", False),
        ("", False),
    ],
)
def test_any_origin_on_this_machine_may_call(ask, origin, allowed):
    answer = ask("GET", "/org/billing", headers={"origin": origin})
    assert answer.status == 200
    assert answer.headers.get("access-control-allow-origin") == (origin if allowed else None)
    assert ("access-control-allow-credentials" in answer.headers) is allowed
    assert answer.headers["vary"] == "Origin"


def test_a_preflight_admits_what_a_browser_app_sends(ask):
    answer = ask("OPTIONS", "/org/vouchers/redeem", token=None, headers={"origin": APP, **PREFLIGHT})
    assert answer.status == 204
    allowed = answer.headers["access-control-allow-headers"].lower().split(", ")
    assert {"authorization", "content-type", "idempotency-key", "prefer", "traceparent"} <= set(allowed)
    assert answer.headers["access-control-allow-methods"] == "OPTIONS, POST"
    assert answer.headers["access-control-allow-origin"] == APP
    assert "access-control-allow-private-network" not in answer.headers


def test_a_preflight_of_an_unknown_path_passes_so_that_the_404_can_be_read(ask):
    assert ask("OPTIONS", "/nope", token=None, headers={"origin": APP, **PREFLIGHT}).status == 204
    answer = ask("GET", "/nope", headers={"origin": APP})
    assert (answer.status, answer.headers["access-control-allow-origin"]) == (404, APP)


def test_private_network_access_is_granted_when_asked_for(ask):
    asked = {"origin": APP, "access-control-request-private-network": "true", **PREFLIGHT}
    answer = ask("OPTIONS", "/org/billing", token=None, headers=asked)
    assert answer.headers["access-control-allow-private-network"] == "true"


def test_an_origin_that_may_not_call_gets_a_204_that_admits_nothing(ask):
    answer = ask("OPTIONS", "/org/billing", headers={"origin": "https://example.com", **PREFLIGHT})
    assert answer.status == 204
    assert not any(name.startswith("access-control") for name in answer.headers)


def test_a_list_of_origins_replaces_the_local_ones(make):
    ask = make(HttpSettings(network=NetworkSettings(cors=("https://app.example/",))))
    listed = ask("GET", "/org/billing", headers={"origin": "https://app.example"})
    assert listed.headers["access-control-allow-origin"] == "https://app.example"
    assert listed.headers["access-control-allow-credentials"] == "true"
    assert "access-control-allow-origin" not in ask("GET", "/org/billing", headers={"origin": APP}).headers


def test_a_star_admits_everyone_without_credentials(make):
    ask = make(HttpSettings(network=NetworkSettings(cors=("*",))))
    answer = ask("GET", "/org/billing", headers={"origin": "https://x.example"})
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in answer.headers


def test_what_an_app_needs_to_read_is_exposed(ask):
    exposed = ask("GET", "/org/billing", headers={"origin": APP}).headers["access-control-expose-headers"]
    assert {"ETag", "Link", "Retry-After", "WWW-Authenticate", "X-Trace-Id"} <= set(exposed.split(", "))


def test_an_error_can_be_read_by_the_app_too(ask):
    answer = ask("GET", "/org/billing", token=None, headers={"origin": APP})
    assert (answer.status, answer.headers["access-control-allow-origin"]) == (401, APP)


def test_a_preflight_allows_the_headers_that_a_client_wants_to_send() -> None:
    asked = {
        b"origin": b"http://localhost:3000",
        b"access-control-request-headers": b"baggage, x bad, Prefer",
    }
    allowed = dict(Cors().preflight(asked, b"GET"))[b"access-control-allow-headers"].split(b", ")
    assert b"baggage" in allowed
    assert b"x bad" not in allowed
    assert allowed.count(b"Prefer") == 1
