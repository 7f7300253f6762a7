from __future__ import annotations

import pytest

SCHEMA = "/api/v1/schemas/TenantBillingProfile.json"


@pytest.mark.parametrize(
    ("headers", "origin"),
    [
        ({"host": "localhost:4010"}, "http://localhost:4010"),
        ({"host": "127.0.0.1"}, "http://127.0.0.1"),
        ({"host": "[::1]:80"}, "http://[::1]:80"),
        ({"host": "mock.example"}, "https://mock.example"),
        ({"host": "a", "x-forwarded-host": "api.example, b"}, "https://api.example"),
        ({"host": '"><script>'}, "http://127.0.0.1:4010"),
        ({"host": "é" * 300}, "http://127.0.0.1:4010"),
        ({"host": ""}, "http://127.0.0.1:4010"),
    ],
)
def test_the_schema_is_at_the_host_that_was_asked(ask, headers, origin):
    answer = ask("GET", "/org/billing", headers=headers)
    assert answer.json["$schema"] == origin + SCHEMA


@pytest.mark.parametrize(
    ("headers", "url"),
    [
        ({"host": "mock:4010"}, "http://mock:4010/pay"),
        ({"host": "mock", "x-forwarded-proto": "https"}, "https://mock/pay"),
        ({"host": "mock", "x-forwarded-proto": "javascript"}, "http://mock/pay"),
    ],
)
def test_our_own_urls_keep_the_scheme_of_the_connection(ask, headers, url):
    answer = ask("POST", "/org/billing/checkout", b'{"amount":500}', headers=headers)
    assert answer.json["url"] == url
