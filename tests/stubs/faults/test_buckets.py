from __future__ import annotations

import pytest
from orgbilling_stubs.faults import buckets
from orgbilling_stubs.faults.buckets import Allowance, Buckets
from orgbilling_stubs.faults.rules import RateLimit


class Time:
    ms = 1_000_000

    def __call__(self):
        return self.ms


@pytest.fixture
def time():
    return Time()


def test_a_bucket_empties_and_fills_evenly(time):
    held = Buckets(time)
    limit = RateLimit(2, 10)
    assert held.take(1, "a", limit) == Allowance(2, 1, 1_005, 0)
    assert held.take(1, "a", limit) == Allowance(2, 0, 1_010, 0)
    assert held.take(1, "a", limit) == Allowance(2, 0, 1_010, 5)
    time.ms += 4_999
    assert held.take(1, "a", limit).retry_s == 1
    time.ms += 1
    assert held.take(1, "a", limit) == Allowance(2, 0, 1_015, 0)
    time.ms += 3_600_000
    assert held.take(1, "a", limit).remaining == 1


def test_each_rule_and_organization_has_its_own(time):
    held = Buckets(time)
    limit = RateLimit(1)
    assert [held.take(*key, limit).retry_s for key in ((1, "a"), (1, "b"), (2, "a"), (1, "a"))] == [
        0,
        0,
        0,
        60,
    ]


def test_a_clock_that_goes_back_takes_nothing_away(time):
    held = Buckets(time)
    held.take(1, "a", RateLimit(2, 10))
    time.ms -= 60_000
    assert held.take(1, "a", RateLimit(2, 10)).remaining == 0


def test_buckets_are_bounded(time, monkeypatch):
    monkeypatch.setattr(buckets, "MOST_BUCKETS", 2)
    held = Buckets(time)
    answers = [held.take(1, each, RateLimit(1)).retry_s for each in ("a", "b", "c", "a")]
    assert answers == [0, 0, 0, 0]


def test_the_headers():
    assert Allowance(5, 3, 1_700_000_000, 0).headers() == [
        (b"x-ratelimit-limit", b"5"),
        (b"x-ratelimit-remaining", b"3"),
        (b"x-ratelimit-reset", b"1700000000"),
    ]
