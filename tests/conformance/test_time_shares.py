from __future__ import annotations

from typing import Any

import pytest
from orgbilling_conformance import clock, conform
from orgbilling_conformance.scenarios import reading
from orgbilling_conformance.suite import UNASKED
from orgbilling_conformance.time_shares import LEAST_REQUESTS, SHARED, TimeShares

PLANNED = {"fast": 50, "slow": 50, "other": 50}


def test_while_there_is_time_everything_is_asked() -> None:
    shares = TimeShares(60, PLANNED, 0.0)
    for _ in range(100):
        assert shares.affords("fast")
        shares.add("fast", 0.01)
    assert list(shares.sample("fast", range(34))) == list(range(34))
    assert shares.left_out == {}


def test_a_slow_operation_gets_what_the_fast_ones_leave() -> None:
    shares = TimeShares(60, PLANNED, 0.0)
    shares.add("fast", 0.1)
    asked = 0
    while shares.affords("slow"):
        shares.add("slow", 3.0)
        asked += 1
    assert 3.0 * asked == pytest.approx(60 * SHARED - 50 * 0.1, abs=3.0)
    assert shares.affords("fast")
    assert shares.left_out == {"slow": 1}
    assert "slow answers in 3.0 s: it was asked 14 times, and 1 request left out" in shares.remark("slow")


def test_where_all_are_slow_all_get_the_same() -> None:
    shares = TimeShares(60, PLANNED, 0.0)
    asked = dict.fromkeys(PLANNED, 0)
    for _ in range(60):
        for name in PLANNED:
            if shares.affords(name):
                shares.add(name, 1.0)
                asked[name] += 1
    assert set(asked.values()) == {16}


def test_the_slowest_operation_is_asked_some_times_and_a_series_is_cut_to_its_beginning() -> None:
    shares = TimeShares(10, PLANNED, 0.0)
    for _ in range(LEAST_REQUESTS):
        assert shares.affords("slow")
        assert list(shares.sample("slow", range(34)))[:1] == [0]
        shares.add("slow", 10.0)
    assert not shares.affords("slow")
    assert list(shares.sample("slow", range(34))) == [0]


def test_a_rate_is_a_reason_of_its_own() -> None:
    shares = TimeShares(6, PLANNED, 0.2)
    while shares.affords("slow"):
        shares.add("slow", 0.01)
    assert "slow may be asked every 0.2 s (--rate)" in shares.remark("slow")


def test_what_is_no_operation_is_never_left_out() -> None:
    shares = TimeShares(1, PLANNED, 0.0)
    shares.add("", 50.0)
    assert shares.affords("")
    assert list(shares.sample("", [1, 2])) == [1, 2]


def test_what_is_left_out_is_no_evidence_and_fails_no_rule(suite: Any) -> None:
    run = suite(max_time=10)
    for _ in range(LEAST_REQUESTS):
        run.shares.add("getOrgLedger", 30.0)
    sent = run.guard.sent
    exchange = run.ask("getOrgLedger")
    assert (exchange.response.failure, run.guard.sent) == (UNASKED, sent)
    assert not run.judges(exchange)
    for step in (reading.repeat, reading.defaults, reading.windows, reading.conditional, reading.negotiation):
        step(run)
    assert run.findings() == ()
    assert not any(line.startswith("GET /org/ledger") for line in run.statuses())


class SlowLedger:
    """A clock that stands still but while the ledger is asked: each time that takes some seconds."""

    def __init__(self, seconds: float) -> None:
        self.now, self.seconds = 0.0, seconds

    def change_response(self, path: str, status: int, headers: dict[str, str], body: Any) -> Any:
        self.now += self.seconds if path == "/org/ledger" else 0.001
        return status, headers, body


@pytest.mark.slow
def test_a_slow_operation_is_asked_less_often_and_the_report_says_so(
    mutated_app: Any, token: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = SlowLedger(3.0)
    monkeypatch.setattr(clock, "seconds", lambda: slow.now)
    report = conform(mutated_app(slow.change_response), token=token(), quick=True)
    assert (report.verdict, report.errors) == ("conforms", ())
    assert slow.now < 60
    [note] = [note for note in report.notes if note.startswith("getOrgLedger answers in 3.0 s")]
    assert "left out for want of time" in note
    skipped = {skipped.rule for skipped in report.skipped if skipped.operation == "getOrgLedger"}
    asked = {case.rule for case in report.cases if case.operation == "getOrgLedger" and case.evaluations}
    assert "json" in asked
    assert skipped
    assert not skipped & asked


def test_the_time_has_an_end_by_default(
    mutated_app: Any, token: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = SlowLedger(3.0)
    monkeypatch.setattr(clock, "seconds", lambda: slow.now)

    def change_response(path: str, *rest: Any) -> Any:
        slow.now += 4.0
        return slow.change_response(path, *rest)

    report = conform(mutated_app(change_response), token=token(), quick=True)
    assert slow.now < 75
    assert report.errors == ()
