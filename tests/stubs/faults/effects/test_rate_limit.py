from __future__ import annotations

import pytest
from orgbilling_stubs.faults.effects import rate_limit
from orgbilling_stubs.faults.effects.rate_limit import Allowance, Buckets, RateLimit

START_MS = 1_000_000


@pytest.fixture
def take():
    buckets = Buckets()

    def take(at_ms=START_MS, organization="a", limit=2, seconds=10):
        return buckets.take(organization, limit, seconds, at_ms)

    return take


def test_a_bucket_empties_and_fills_evenly(take):
    assert take() == Allowance(2, 1, 1_005, 0)
    assert take() == Allowance(2, 0, 1_010, 0)
    assert take() == Allowance(2, 0, 1_010, 5)
    assert take(START_MS + 4_999).retry_s == 1
    assert take(START_MS + 5_000) == Allowance(2, 0, 1_015, 0)
    assert take(START_MS + 3_605_000).remaining == 1


def test_each_organization_has_its_own_bucket(take):
    waits = [take(organization=name, limit=1, seconds=60).retry_s for name in ("a", "b", "a")]
    assert waits == [0, 0, 60]


def test_each_rule_has_its_own_buckets():
    one, other = RateLimit(1), RateLimit(1)
    assert one == other
    assert one.buckets is not other.buckets


def test_a_clock_that_goes_back_takes_nothing_away(take):
    take()
    assert take(START_MS - 60_000).remaining == 0


def test_buckets_are_bounded(take, monkeypatch):
    monkeypatch.setattr(rate_limit, "MOST_BUCKETS", 2)
    waits = [take(organization=name, limit=1).retry_s for name in ("a", "b", "c", "a")]
    assert waits == [0, 0, 0, 0]


def test_the_headers():
    assert Allowance(5, 3, 1_700_000_000, 0).headers() == {
        b"x-ratelimit-limit": b"5",
        b"x-ratelimit-remaining": b"3",
        b"x-ratelimit-reset": b"1700000000",
    }
