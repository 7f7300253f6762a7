from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

import pytest
from orgbilling_conformance import clock
from orgbilling_conformance.conform import conform
from orgbilling_conformance.exchange import Response
from orgbilling_conformance.rate_limits import (
    GIVEN_UP,
    LIMITED_IN_TURN,
    PATIENCE_S,
    TRIES,
    RateLimitError,
    RateLimits,
    retry_after_s,
)
from orgbilling_conformance.reports.summary import action
from orgbilling_conformance.scenarios import access, reading, writing

NOW_S = 1_770_000_000


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    kept: list[float] = []
    monkeypatch.setattr(clock, "pause", kept.append)
    monkeypatch.setattr(clock, "epoch_s", lambda: NOW_S)
    return kept


def limited(value: str | None = None) -> Response:
    return Response(429, (("retry-after", value),) if value is not None else ())


@pytest.mark.parametrize(
    ("value", "tries", "seconds"),
    [
        ("0", 1, 0.0),
        ("7", 3, 7.0),
        (" 7 ", 1, 7.0),
        ("7, 7", 1, 7.0),
        ("99999999999999999999", 1, 999_999_999.0),
        (format_datetime(datetime.fromtimestamp(NOW_S + 12, UTC), usegmt=True), 1, 12.0),
        (format_datetime(datetime.fromtimestamp(NOW_S - 12, UTC), usegmt=True), 1, 0.0),
        (None, 1, 1.0),
        (None, 3, 4.0),
        ("", 2, 2.0),
        ("soon", 1, 1.0),
        ("-5", 1, 1.0),
        ("1.5", 1, 1.0),
        ("٣", 1, 1.0),
        ("Thu, 99 Foo 2026 00:00:00 GMT", 1, 1.0),
        ("Fri, 31 Dec 99999 23:59:59 GMT", 2, 2.0),
    ],
)
def test_retry_after(value: str | None, tries: int, seconds: float) -> None:
    assert retry_after_s(value, tries) == seconds


def test_waits_are_bounded_and_said(pauses: list[float]) -> None:
    limits = RateLimits(10)
    assert limits.remarks() == []
    assert limits.wait("a", limited("4"), 1)
    assert not limits.wait("a", limited("31"), 1)
    assert not limits.wait("a", limited("7"), 1)
    assert not limits.wait("a", limited("0"), TRIES + 1)
    assert not limits.affords("a")
    assert pauses == [4.0]
    assert "waited 4.0 s in all, 1 time," in limits.remarks()[0]


def test_an_operation_that_is_always_limited_is_given_up_and_others_are_not() -> None:
    limits = RateLimits(1000)
    for _ in range(GIVEN_UP):
        assert not limits.wait("a", limited("1"), TRIES + 1)
    assert not limits.wait("a", limited("1"), 1)
    assert limits.wait("b", limited("1"), 1)


def test_an_operation_that_was_given_up_is_not_asked_any_more() -> None:
    limits = RateLimits(1000)
    for _ in range(GIVEN_UP):
        assert not limits.wait("a", limited("0"), TRIES + 1)
    assert not limits.affords("a")
    assert limits.affords("b")
    assert limits.left_out == {"a": 1}
    assert "a is limited in its rate (429)" in limits.remarks()[-1]
    assert "1 request left out" in limits.remarks()[-1]


def test_another_answer_in_between_shows_that_an_operation_is_not_always_limited() -> None:
    limits = RateLimits(1000)
    for _ in range(GIVEN_UP * 2):
        assert not limits.wait("a", limited("0"), TRIES + 1)
        limits.answered("a")
    assert limits.affords("a")


def test_a_longer_wait_closes_the_operation_until_it_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(clock, "seconds", lambda: now[0])
    limits = RateLimits(1000)
    assert not limits.wait("a", limited(str(int(PATIENCE_S) + 1)), 1)
    assert not limits.affords("a")
    now[0] += PATIENCE_S + 1
    assert limits.affords("a")


def test_a_limit_of_everything_ends_the_run() -> None:
    limits = RateLimits(1000)
    for name in map(str, range(LIMITED_IN_TURN - 1)):
        assert not limits.wait(name, limited("3600"), 1)
    with pytest.raises(RateLimitError, match=r"asks to wait 3,600 s"):
        limits.wait("last", limited("3600"), 1)


@pytest.mark.parametrize("header", ["3600", "1"])
def test_a_run_that_is_limited_for_long_stops_asking_and_says_so(
    header: str, mutated_app: Any, token: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A Retry-After beyond what a run waits, and one that never comes true."""
    count = 0

    def change_response(path: str, status: int, headers: dict[str, str], body: Any) -> Any:
        nonlocal count
        count += 1
        if count > 20:
            return 429, headers | {"retry-after": header, "content-type": "text/plain"}, {}
        return status, headers, body

    report = conform(mutated_app(change_response), token=token(), quick=True, strict=True, documents=False)
    assert count < 120
    assert report.verdict == "inconclusive"
    assert report.findings == ()
    assert "limits its rate (429)" in report.reasons[0]
    assert "wait as long as it asks" in action(report)


@pytest.mark.slow
def test_one_operation_that_is_limited_is_given_up(mutated_app: Any, token: Any) -> None:
    asked = 0

    def change_response(path: str, status: int, headers: dict[str, str], body: Any) -> Any:
        nonlocal asked
        asked += path == "/org/ledger"
        if path == "/org/ledger":
            return 429, headers | {"retry-after": "1", "content-type": "text/plain"}, {}
        return status, headers, body

    report = conform(mutated_app(change_response), token=token(), quick=True, strict=True, documents=False)
    assert asked <= GIVEN_UP * (TRIES + 1)
    assert report.findings == ()
    assert any("getOrgLedger is limited in its rate" in note for note in report.notes)
    assert "wait as long as it asks" in action(report)


@pytest.mark.slow
def test_what_stays_limited_fails_no_rule(
    suite: Any, mutated_app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every second request and every operation of a kind, in each scripted step."""
    count = 0

    def change_response(path: str, status: int, headers: dict[str, str], body: Any) -> Any:
        nonlocal count
        count += 1
        if count % 2 or path in ("/org/ledger", "/org/billing/portal"):
            return 429, headers | {"retry-after": "3600", "content-type": "text/html"}, {}
        return status, headers, body

    writes = ("redeem", "checkout", "portal", "methods")
    run = suite(mutated_app(change_response), allow_write=writes, voucher="WELCOME50")
    monkeypatch.setattr(run.rate_limits, "wait", lambda *_: False)  # ask on, to look at each step
    for step in (
        reading.reach,
        reading.edges,
        reading.defaults,
        reading.windows,
        reading.repeat,
        reading.conditional,
        reading.negotiation,
        access.credentials,
        access.foreign,
        writing.bodies,
        writing.vouchers,
        writing.checkouts,
        writing.portal,
        writing.methods,
        reading.safe,
        reading.intermittent,
    ):
        step(run)
    assert [finding.key for finding in run.findings()] == []
    assert run.evidence.not_judged["rate-limited"] > 100
