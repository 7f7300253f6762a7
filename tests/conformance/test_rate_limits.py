from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

import pytest
from orgbilling_conformance import clock
from orgbilling_conformance.exchange import Response
from orgbilling_conformance.rate_limits import GIVEN_UP, TRIES, RateLimits, retry_after_s
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
    assert limits.remark() == ""
    assert limits.wait("a", limited("4"), 1)
    assert not limits.wait("a", limited("31"), 1)
    assert not limits.wait("a", limited("7"), 1)
    assert not limits.wait("a", limited("0"), TRIES + 1)
    assert pauses == [4.0]
    assert "waited 4.0 s in all, 1 time," in limits.remark()


def test_an_operation_that_is_always_limited_is_given_up_and_others_are_not() -> None:
    limits = RateLimits(1000)
    for _ in range(GIVEN_UP):
        assert not limits.wait("a", limited("1"), TRIES + 1)
    assert not limits.wait("a", limited("1"), 1)
    assert limits.wait("b", limited("1"), 1)


def test_what_stays_limited_fails_no_rule(suite: Any, mutated_app: Any) -> None:
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
    ):
        step(run)
    assert [finding.key for finding in run.findings()] == []
    assert run.evidence.not_judged["rate-limited"] > 100
