from __future__ import annotations

from typing import Any

import pytest

pytest_plugins = ["pytester"]

CONFTEST = """
import json, pytest

@pytest.fixture(scope="session")
def conform_target():
    from orgbilling_stubs.app import build
    from orgbilling_stubs.auth.key_file import load_signing_key
    from orgbilling_stubs.auth.tokens import ClerkSession, mint_token
    from orgbilling_stubs.tenants.clock import wall_ms
    inner = build().asgi

    async def app(scope, receive, send):
        async def changed(message):
            body = message["type"] == "http.response.body"
            if CHANGED and body and scope["path"].endswith("/org/billing"):
                changed = message["body"].replace(b'"currency":"USD"', b'"currency":12345')
                message = message | {"body": changed}
            await send(message)
        await inner(scope, receive, changed if scope["type"] == "http" else send)
    return {"app": app, "token": mint_token(load_signing_key(), ClerkSession("org_new_org"), wall_ms())}
"""


def run(pytester: pytest.Pytester, *arguments: str) -> Any:
    """Run it in a process of its own: what the stub is made of cannot be imported twice."""
    return pytester.runpytest_subprocess("--orgbilling-quick", *arguments)


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    """Arguments that load our plugin and no other, for that takes seconds."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    return "-p", "orgbilling_conformance.plugin"


@pytest.mark.slow
def test_one_test_per_rule_and_operation(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(**{"tests/conftest": f"CHANGED = False\n{CONFTEST}"})
    result = run(pytester)
    counts = result.parseoutcomes()
    assert counts["passed"] > 300
    assert counts["skipped"] > 100
    assert "failed" not in counts
    result.stdout.fnmatch_lines(["*orgbilling: conforms*"])


@pytest.mark.slow
def test_a_broken_rule_is_one_failed_test_that_says_why(
    pytester: pytest.Pytester, alone: tuple[str, str]
) -> None:
    pytester.makepyfile(test_mine=f"CHANGED = True\n{CONFTEST}")
    result = run(pytester, "-q", *alone)
    assert result.parseoutcomes()["failed"] == 1
    result.stdout.fnmatch_lines(
        [
            "*orgbilling-schema-type?getOrgBilling?*",
            "error: schema-type on getOrgBilling at /currency",
            "expected string",
            "observed integer: 12345*",
            "curl -sS *",
        ]
    )


@pytest.mark.slow
def test_without_a_target_nothing_is_added(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_mine(): pass")
    assert run(pytester).parseoutcomes() == {"passed": 1}


@pytest.mark.slow
def test_an_address_that_nobody_answers_fails_the_verdict(
    pytester: pytest.Pytester, alone: tuple[str, str]
) -> None:
    result = run(pytester, "--orgbilling-url", "http://127.0.0.1:9", "-q", *alone)
    assert result.parseoutcomes()["failed"] == 1
    result.stdout.fnmatch_lines(["inconclusive", "http://127.0.0.1:9*"])
