from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from orgbilling_conformance.scenarios import reading

STEPS = {
    "defaults": reading.defaults,
    "windows": reading.windows,
    "repeat": reading.repeat,
    "safe": reading.safe,
    "conditional": reading.conditional,
    "negotiation": reading.negotiation,
    "edges": reading.edges,
}


def found(suite_run: Any) -> set[tuple[str, str]]:
    return {(finding.rule, finding.operation) for finding in suite_run.findings()}


@pytest.mark.slow_beyond(3)
@pytest.mark.parametrize("name", STEPS)
def test_the_stub_breaks_nothing(suite: Any, token: Callable[..., str], name: str) -> None:
    run = suite(token=token("org_standard"))
    reading.reach(run)
    STEPS[name](run)
    assert run.findings() == ()
    assert run.guard.sent > 9


def change_response(operation: str, change: Callable[[Any, int], Any]) -> Any:
    """Change the successes of one path; the change gets the body and how often it was asked."""
    count = 0

    def run(path: str, status: int, headers: dict[str, str], body: Any) -> Any:
        nonlocal count
        if path == operation and status == 200:
            count += 1
            body = change(body, count)
        return status, headers, body

    return run


def test_a_default_that_is_not_30_days(suite: Any, mutated_app: Any, token: Callable[..., str]) -> None:
    def app_of(inner: Any) -> Any:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] == "http" and scope["path"].endswith("/ledger") and not scope["query_string"]:
                scope = scope | {"query_string": b"days=7"}
            await inner(scope, receive, send)

        return app

    run = suite(app_of(mutated_app()), token=token("org_standard"))
    reading.defaults(run)
    assert found(run) == {("default-window", "getOrgLedger")}


@pytest.mark.slow
def test_a_window_that_is_ignored(suite: Any, mutated_app: Any, token: Callable[..., str]) -> None:
    def app_of(inner: Any) -> Any:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] == "http" and scope["path"].endswith("/ledger"):
                scope = scope | {"query_string": b"days=365"}
            await inner(scope, receive, send)

        return app

    run = suite(app_of(mutated_app()), token=token("org_standard"))
    reading.windows(run)
    assert ("window-honored", "getOrgLedger") in found(run)


@pytest.mark.slow
def test_rows_lost_between_others(suite: Any, mutated_app: Any, token: Callable[..., str]) -> None:
    def lose(body: Any, count: int) -> Any:
        return body if len(body) > 150 else body[: len(body) // 2] + body[len(body) // 2 + 1 :]

    run = suite(mutated_app(change_response("/org/ledger", lose)), token=token("org_standard"))
    reading.windows(run)
    assert found(run) == {("window-complete", "getOrgLedger")}


def test_counts_that_fall(suite: Any, mutated_app: Any) -> None:
    run = suite(
        mutated_app(change_response("/org/events", lambda body, count: body | {"totalEvents": 100 - count}))
    )
    reading.windows(run)
    assert found(run) == {("window-monotone", "getOrgContextEngineEvents")}


def test_answers_that_never_repeat(suite: Any, mutated_app: Any) -> None:
    run = suite(
        mutated_app(change_response("/org/billing", lambda body, count: body | {"creditBalance": count}))
    )
    reading.repeat(run)
    [finding] = run.findings()
    assert (finding.rule, finding.pointer) == ("stable", "/creditBalance")


def test_reading_that_costs(suite: Any, mutated_app: Any) -> None:
    run = suite(
        mutated_app(change_response("/org/billing", lambda body, count: body | {"creditBalance": -count}))
    )
    reading.safe(run)
    assert found(run) == {("safe", "getOrgBilling")}


def test_an_etag_that_is_always_right(suite: Any) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        conditional = any(key == b"if-none-match" for key, _ in scope["headers"])
        headers = [(b"content-type", b"application/json"), (b"etag", b'"x"')]
        await send({"type": "http.response.start", "status": 304 if conditional else 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"[]"})

    run = suite(app)
    reading.conditional(run)
    pointers = {finding.pointer for finding in run.findings() if finding.rule == "conditional"}
    assert pointers == {"body", "status"}


def test_failures_that_come_and_go(suite: Any, mutated_app: Any) -> None:
    def run(path: str, status: int, headers: dict[str, str], body: Any) -> Any:
        run.count += 1  # type: ignore[attr-defined]
        return (500 if run.count % 2 else status), headers, body  # type: ignore[attr-defined]

    run.count = 0  # type: ignore[attr-defined]
    suite_run = suite(mutated_app(run))
    reading.repeat(suite_run)
    reading.intermittent(suite_run)
    assert "intermittent" in {rule for rule, _ in found(suite_run)}


def test_differences_and_numbers() -> None:
    assert reading.difference({"a": [1, {"b": 2}]}, {"a": [1, {"b": 3}]}) == "/a/*/b"
    assert reading.difference([1], [1, 2]) == ""
    assert reading.number({"a": True}, "a") is reading.number([], "a") is None
    assert reading.entries("x") == reading.entries(None) == {}
