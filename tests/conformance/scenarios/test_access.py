from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from orgbilling_conformance import tokens
from orgbilling_conformance.scenarios import access
from orgbilling_stubs.auth import key_file, keys
from orgbilling_stubs.auth.bad_tokens import BAD_TOKENS
from orgbilling_stubs.auth.tokens import ClerkSession
from orgbilling_stubs.tenants.clock import wall_ms


def found(suite_run: Any) -> set[tuple[str, str]]:
    return {(finding.rule, finding.operation) for finding in suite_run.findings()}


def test_the_stub_lets_no_bad_token_in(suite: Any, token: Callable[..., str]) -> None:
    run = suite(token=token("org_standard"), expired_token=token("org_standard", age_ms=7_200_000))
    access.credentials(run)
    access.expired(run)
    assert run.findings() == ()
    assert run.guard.sent > 100
    assert {case.rule for case in run.cases() if case.outcome == "passed"} >= {
        "token-missing",
        "token-bad",
        "token-expired",
    }


@pytest.mark.slow
def test_organizations_are_apart_on_the_stub(suite: Any, token: Callable[..., str]) -> None:
    run = suite(token=token("org_standard"), second_token=token("org_contract_active"))
    access.isolation(run)
    assert run.findings() == ()
    assert "isolation" in {case.rule for case in run.cases() if case.outcome == "passed"}


@pytest.mark.slow
def test_a_server_that_believes_everybody(suite: Any, stub: Any, token: Callable[..., str]) -> None:
    good = f"Bearer {token('org_standard')}".encode()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            rest = [row for row in scope["headers"] if row[0] != b"authorization"]
            scope = scope | {"headers": [*rest, (b"authorization", good)]}
        await stub(scope, receive, send)

    run = suite(
        app,
        token=token("org_standard"),
        second_token=token("org_b"),
        expired_token=token("org_standard", age_ms=7_200_000),
    )
    access.credentials(run)
    access.expired(run)
    access.isolation(run)
    rules = {rule for rule, _ in found(run)}
    assert {"token-missing", "token-bad", "token-expired", "isolation"} <= rules
    assert "error" in {finding.severity for finding in run.findings() if finding.rule == "isolation"}


@pytest.mark.slow
def test_a_server_that_lets_the_request_choose(suite: Any, stub: Any, token: Callable[..., str]) -> None:
    other = f"Bearer {token('org_b')}".encode()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and any(key == b"x-org-id" for key, _ in scope["headers"]):
            rest = [row for row in scope["headers"] if row[0] != b"authorization"]
            scope = scope | {"headers": [*rest, (b"authorization", other)]}
        await stub(scope, receive, send)

    run = suite(app, token=token("org_standard"), second_token=token("org_b"))
    access.isolation(run)
    assert found(run) == {("isolation", "getOrgBilling")}


def test_what_is_lacking_is_said(suite: Any, token: Callable[..., str]) -> None:
    for given, skipped_reasons in (
        ({}, "needs --second-token"),
        ({"second_token": token("org_standard")}, "both tokens name one organization"),
        ({"second_token": "opaque"}, "the second token gets 401"),
    ):
        run = suite(token=token("org_standard"), **given)
        access.isolation(run)
        assert [skipped.reason for skipped in run.skipped()] == [skipped_reasons]
    run = suite(token="opaque")
    access.credentials(run)
    assert any("no JWT" in skipped.reason for skipped in run.skipped()) or run.cases()


@pytest.mark.slow
def test_a_cache_that_mixes_what_names_no_tenant(
    suite: Any, mutated_app: Any, token: Callable[..., str]
) -> None:
    first: list[Any] = []

    def change_response(path: str, status: int, headers: dict[str, str], body: Any) -> Any:
        if path == "/org/usage-summary" and status == 200:
            first.append(body)
            body = first[0]
        return status, headers, body

    run = suite(mutated_app(change_response), token=token("org_standard"), second_token=token("org_new_org"))
    access.isolation(run)
    assert ("isolation", "getOrgUsageSummary") in found(run)
    assert {finding.severity for finding in run.findings()} == {"warning"}


def test_what_belongs_to_one() -> None:
    assert access.owned([{"tenantId": "a"}, {"x": {"tenantId": "c"}}, {"tenantId": ""}]) == {"a", "c"}
    assert access.rows([{"entryId": "1", "tenantId": "a"}]) == access.rows(
        [{"entryId": "1", "tenantId": "b"}]
    )
    assert access.rows([{"entryId": "1", "amountUsd": 1}]) != access.rows([{"entryId": "1", "amountUsd": 2}])
    assert access.rows(None) == access.rows([{"model": "m"}]) == set()


class Keys:
    """Publishes a document at one path, and refuses everything else."""

    def __init__(self, path: str, document: Any) -> None:
        self.path, self.document = path, document
        self.asked: list[tuple[str, bool]] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        self.asked.append((scope["path"], any(name == b"authorization" for name, _ in scope["headers"])))
        here = scope["path"] == self.path
        headers = [(b"www-authenticate", b"Bearer")]
        await send({"type": "http.response.start", "status": 200 if here else 401, "headers": headers})
        await send({"type": "http.response.body", "body": json.dumps(self.document).encode()})


@pytest.mark.slow_beyond(1)
@pytest.mark.parametrize("path", ["/.well-known/jwks.json", "/v1/jwks"])
def test_a_published_key_is_taken_for_a_secret(suite: Any, path: str) -> None:
    key = key_file.load_signing_key().public
    app = Keys(path, keys.jwks(key))
    run = suite(app)
    access.credentials(run)
    assert run.tokens.public == key.pem().encode()
    assert [request for request in app.asked if not request[0].startswith("/api/v1/")][-1] == (path, False)
    entries = [case for case in run.cases() if case.rule == "token-bad"]
    assert min(entry.evaluations for entry in entries) == len(tokens.DERIVED) + len(tokens.KEYED) + 1


def test_without_a_published_key_nothing_is_made_of_it(suite: Any) -> None:
    run = suite(Keys("/", {}))
    access.credentials(run)
    assert run.tokens.public is None
    assert any("no public key" in note for note in run.notes)
    quiet = suite(app := Keys("/v1/jwks", keys.jwks(key_file.load_signing_key().public)), documents=False)
    access.credentials(quiet)
    assert {path for path, _ in app.asked if not path.startswith("/api/v1/org/")} == set()


def test_a_server_that_takes_its_public_key_for_a_secret(suite: Any, token: Callable[..., str]) -> None:
    key = key_file.load_signing_key().public
    taken = tokens.confused(token("org_standard"), key.pem().encode())

    class Confused(Keys):
        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            sent = dict(scope["headers"]).get(b"authorization", b"").decode()
            self.path = scope["path"] if sent == f"Bearer {taken}" else "/v1/jwks"
            await super().__call__(scope, receive, send)

    run = suite(Confused("/v1/jwks", keys.jwks(key)), token=token("org_standard"))
    access.credentials(run)
    found = {
        (finding.rule, finding.severity) for finding in run.findings() if finding.rule.startswith("token-")
    }
    assert found == {("token-bad", "error")}


def test_a_session_without_an_organization(suite: Any, stub: Any, token: Callable[..., str]) -> None:
    held = BAD_TOKENS["pending"].mint(key_file.load_signing_key(), ClerkSession("org_standard"), wall_ms())
    run = suite(pending_token=held)
    access.pending(run)
    assert run.findings() == ()
    assert {case.rule for case in run.cases() if case.rule.startswith("token-")} == {"token-pending"}
    good = f"Bearer {token('org_standard')}".encode()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        headers = [pair for pair in scope["headers"] if pair[0] != b"authorization"]
        await stub(scope | {"headers": [*headers, (b"authorization", good)]}, receive, send)

    taken = suite(app, pending_token=held)
    access.pending(taken)
    assert {(finding.rule, finding.severity) for finding in taken.findings()} == {
        ("token-pending", "warning")
    }
    none = suite()
    access.pending(none)
    assert [skipped.reason for skipped in none.skipped()] == ["needs --pending-token"]


def test_a_token_that_is_not_what_it_was_given_for_fails_nobody(
    suite: Any, token: Callable[..., str]
) -> None:
    for expired, held in (("garbage", "garbage"), (token(), token())):
        run = suite(expired_token=expired, pending_token=held)
        access.expired(run)
        access.pending(run)
        assert run.guard.sent == 0
        assert run.findings() == run.cases()[2:] == ()
        skipped_reasons = {skipped.rule: (skipped.operation, skipped.reason) for skipped in run.skipped()}
        assert skipped_reasons.keys() == {"token-expired", "token-pending"}
        assert skipped_reasons["token-expired"][1].startswith("--expired-token ")
        assert skipped_reasons["token-pending"] == (
            "*",
            "--pending-token does not say that its session is pending (sts)",
        )


def test_a_pending_token_that_ends_on_the_way_is_skipped_for_the_rest(
    suite: Any, token: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = suite(
        pending_token=BAD_TOKENS["pending"].mint(
            key_file.load_signing_key(), ClerkSession("org_standard"), wall_ms()
        )
    )
    reasons = iter(["", ""])
    monkeypatch.setattr(run.tokens, "unfit", lambda kind: next(reasons, "--pending-token has expired"))
    access.pending(run)
    assert run.guard.sent == 2
    assert [skipped.reason for skipped in run.skipped()] == ["--pending-token has expired"] * (
        len(run.api.gets) - 2
    )
