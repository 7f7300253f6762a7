from __future__ import annotations

from collections.abc import Callable
from typing import Any

from orgbilling_conformance.scenarios import access


def found(made: Any) -> set[tuple[str, str]]:
    return {(each.rule, each.operation) for each in made.findings()}


def test_the_stub_lets_no_bad_token_in(judge: Any, token: Callable[..., str]) -> None:
    made = judge(token=token("org_standard"), expired_token=token("org_standard", age_ms=7_200_000))
    access.credentials(made)
    access.expired(made)
    assert made.findings() == ()
    assert made.guard.sent > 100
    assert {case.rule for case in made.cases() if case.outcome == "passed"} >= {
        "token-missing",
        "token-bad",
        "token-expired",
    }


def test_organisations_are_apart_on_the_stub(judge: Any, token: Callable[..., str]) -> None:
    made = judge(token=token("org_standard"), second_token=token("org_contract_active"))
    access.isolation(made)
    assert made.findings() == ()
    assert "isolation" in {case.rule for case in made.cases() if case.outcome == "passed"}


def test_a_server_that_believes_everybody(judge: Any, stub: Any, token: Callable[..., str]) -> None:
    good = f"Bearer {token('org_standard')}".encode()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            rest = [row for row in scope["headers"] if row[0] != b"authorization"]
            scope = scope | {"headers": [*rest, (b"authorization", good)]}
        await stub(scope, receive, send)

    made = judge(
        app,
        token=token("org_standard"),
        second_token=token("org_b"),
        expired_token=token("org_standard", age_ms=7_200_000),
    )
    access.credentials(made)
    access.expired(made)
    access.isolation(made)
    rules = {rule for rule, _ in found(made)}
    assert {"token-missing", "token-bad", "token-expired", "isolation"} <= rules
    assert "error" in {each.severity for each in made.findings() if each.rule == "isolation"}


def test_a_server_that_lets_the_request_choose(judge: Any, stub: Any, token: Callable[..., str]) -> None:
    other = f"Bearer {token('org_b')}".encode()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and any(key == b"x-org-id" for key, _ in scope["headers"]):
            rest = [row for row in scope["headers"] if row[0] != b"authorization"]
            scope = scope | {"headers": [*rest, (b"authorization", other)]}
        await stub(scope, receive, send)

    made = judge(app, token=token("org_standard"), second_token=token("org_b"))
    access.isolation(made)
    assert found(made) == {("isolation", "getOrgBilling")}


def test_what_is_lacking_is_said(judge: Any, token: Callable[..., str]) -> None:
    for given, told in (
        ({}, "needs --second-token"),
        ({"second_token": token("org_standard")}, "both tokens name one organisation"),
        ({"second_token": "opaque"}, "the second token gets 401"),
    ):
        made = judge(token=token("org_standard"), **given)
        access.isolation(made)
        assert [each.reason for each in made.skipped()] == [told]
    made = judge(token="opaque")
    access.credentials(made)
    assert any("no JWT" in each.reason for each in made.skipped()) or made.cases()


def test_a_cache_that_mixes_what_names_no_tenant(judge: Any, spoiled: Any, token: Callable[..., str]) -> None:
    first: list[Any] = []

    def spoil(path: str, status: int, headers: dict[str, str], body: Any) -> Any:
        if path == "/org/usage-summary" and status == 200:
            first.append(body)
            body = first[0]
        return status, headers, body

    made = judge(spoiled(spoil), token=token("org_standard"), second_token=token("org_new_org"))
    access.isolation(made)
    assert ("isolation", "getOrgUsageSummary") in found(made)
    assert {each.severity for each in made.findings()} == {"warning"}


def test_what_belongs_to_one() -> None:
    assert access.owned([{"tenantId": "a"}, {"x": {"tenantId": "c"}}, {"tenantId": ""}]) == {"a", "c"}
    assert access.rows([{"entryId": "1", "tenantId": "a"}]) == access.rows(
        [{"entryId": "1", "tenantId": "b"}]
    )
    assert access.rows([{"entryId": "1", "amountUsd": 1}]) != access.rows([{"entryId": "1", "amountUsd": 2}])
    assert access.rows(None) == access.rows([{"model": "m"}]) == set()
