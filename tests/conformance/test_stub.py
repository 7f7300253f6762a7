"""The stub before the suite: all stages, in process and over HTTP, twice the same; and every persona."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from orgbilling_conformance import Report, conform
from orgbilling_stubs.app import build
from orgbilling_stubs.auth import key_file
from orgbilling_stubs.auth.bad_tokens import BAD_TOKENS
from orgbilling_stubs.auth.tokens import ClerkSession
from orgbilling_stubs.settings import Settings
from orgbilling_stubs.tenants.clock import wall_ms
from serving import served

WRITES = ("redeem", "checkout", "portal", "methods")


def judged(token: Callable[..., str], name: str, **target: Any) -> Report:
    organization = f"org_standard_{name}"
    return conform(
        **target,
        token=token(organization),
        second_token=token(f"org_contract_active_{name}"),
        expired_token=token(organization, age_ms=7_200_000),
        pending_token=BAD_TOKENS["pending"].mint(
            key_file.load_signing_key(), ClerkSession(organization), wall_ms()
        ),
        allow_write=WRITES,
        voucher=(f"TEST-CREDIT-5-{name}", f"TEST-CREDIT-10-{name}"),
    )


@pytest.fixture(scope="module")
def address(_home: None) -> Iterator[str]:
    import uvicorn

    with served(uvicorn.Config(build(Settings()).asgi, log_level="critical")) as server:
        yield server.url


def sound(report: Report) -> None:
    assert (report.verdict, report.findings, report.reasons) == ("conforms", (), ())
    stages = [stage.name for stage in report.stages]
    assert stages == [
        *("access", "documents", "scripted", "corpus", "examples", "coverage", "fuzzing", "random-walk")
    ]
    assert all(stage.requests for stage in report.stages)


@pytest.mark.slow
def test_in_process_all_stages_twice_the_same(token: Callable[..., str]) -> None:
    first, again = (judged(token, "a", app=build(Settings()).asgi) for _ in range(2))
    sound(first)
    sound(again)
    assert [stage.requests for stage in first.stages] == [stage.requests for stage in again.stages]
    assert [case[:2] for case in cases(first)] == [case[:2] for case in cases(again)]


def cases(report: Report) -> list[tuple[str, str, str]]:
    return [(case.rule, case.operation, case.outcome) for case in report.cases]


@pytest.mark.slow
def test_over_http_all_stages_twice_the_same(token: Callable[..., str], address: str) -> None:
    first, again = (judged(token, name, url=address) for name in ("b", "c"))
    sound(first)
    sound(again)
    assert cases(first) == cases(again)


@pytest.mark.slow
def test_every_persona_is_sound(token: Callable[..., str]) -> None:
    from orgbilling_fixtures.personas import names

    app = build(Settings(seed=2)).asgi
    for name in names():
        report = conform(app, token=token(f"org_{name}"), quick=True)
        assert (name, report.verdict, report.findings) == (name, "conforms", ())
