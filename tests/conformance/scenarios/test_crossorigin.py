from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from orgbilling_conformance.scenarios import access, writing

ALLOW = "access-control-allow-origin"
Rows = dict[str, str]


def found(suite_run: Any) -> set[tuple[str, str]]:
    return {(finding.rule, finding.pointer) for finding in suite_run.findings()}


class Shop:
    """Answers preflights and GETs with the headers given, whoever asks; `status` of a preflight."""

    def __init__(self, preflight: Rows, answer: Rows, status: int = 204, success: int = 200) -> None:
        self.rows = {"OPTIONS": preflight, "GET": answer}
        self.statuses = {"OPTIONS": status, "GET": success}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        status = self.statuses.get(scope["method"], 405)
        rows = [(name.encode(), value.encode()) for name, value in self.rows.get(scope["method"], {}).items()]
        await send({"type": "http.response.start", "status": status, "headers": rows})
        await send({"type": "http.response.body", "body": b"{}"})


def test_the_stub_breaks_nothing(suite: Any) -> None:
    run = suite(allow_write=["methods"])
    access.foreign(run)
    access.caller(run)
    writing.methods(run)
    assert run.findings() == ()
    passed = {case.rule for case in run.cases() if case.outcome == "passed"}
    assert {"origin", "origin-own", "preflight"} <= passed


def test_a_foreign_origin_with_credentials(suite: Any, mutated_app: Any) -> None:
    def run(path: str, status: int, headers: Rows, body: Any) -> Any:
        more = {ALLOW: access.FOREIGN, "access-control-allow-credentials": "true"}
        return status, headers | more, body

    suite_run = suite(mutated_app(run))
    access.foreign(suite_run)
    assert {rule for rule, _ in found(suite_run)} == {"origin"}


EVERYBODY: Rows = {ALLOW: "*"}
WITH_TOKEN: Rows = {ALLOW: "*", "access-control-allow-headers": "authorization"}
OWN: Rows = {ALLOW: "http://localhost:3000", "access-control-allow-headers": "authorization"}


@pytest.mark.parametrize(
    ("answer", "success", "rules"),
    [
        ({}, 200, set()),
        (EVERYBODY, 200, set()),
        (OWN, 200, set()),
        ({"access-control-allow-credentials": "true"}, 200, {("origin-own", access.PLACE)}),
        ({"access-control-allow-credentials": "true"}, 404, set()),
    ],
)
def test_the_origin_of_the_token(suite: Any, answer: Rows, success: int, rules: set[Any]) -> None:
    run = suite(Shop({}, answer, success=success))
    access.caller(run)
    assert {each for each in found(run) if each[0].startswith("origin")} == rules


def test_a_token_without_an_origin_is_said(suite: Any) -> None:
    run = suite(Shop({}, {}), token="opaque")
    access.caller(run)
    assert [skipped.reason for skipped in run.skipped()] == ["the token names no origin (azp)"]
    assert run.guard.sent == 0


@pytest.mark.parametrize(
    ("shop", "pointers"),
    [
        (Shop({}, {}), set()),
        (Shop({}, {}, status=405), set()),
        (Shop(WITH_TOKEN, EVERYBODY), set()),
        (Shop(OWN, OWN, status=200), set()),
        (Shop({}, EVERYBODY), {access.PLACE}),
        (Shop(WITH_TOKEN, EVERYBODY, status=405), {access.PLACE}),
        (Shop({}, EVERYBODY, status=401), {access.PLACE}),
        (Shop({"retry-after": "0"}, EVERYBODY, status=429), set()),
        (Shop({}, EVERYBODY, status=503), set()),
        (Shop({}, EVERYBODY, success=500), set()),
        (Shop(WITH_TOKEN, {}), {access.PLACE}),
        (Shop(EVERYBODY, EVERYBODY), {"header/Access-Control-Allow-Headers"}),
    ],
)
def test_a_preflight_says_what_the_answer_says(suite: Any, shop: Shop, pointers: set[str]) -> None:
    run = suite(shop, allow_write=["methods"])
    access.preflight(run, "getOrgBilling", "/org/billing", "GET")
    assert {pointer for rule, pointer in found(run) if rule == "preflight"} == pointers


def test_the_origin_is_that_of_a_page(suite: Any, token: Callable[..., str]) -> None:
    for azp, origin in (
        ("https://app.example.com", "https://app.example.com"),
        ("https://a.example/b", None),
    ):
        assert access.own(suite(token=token(azp=azp))) == origin
