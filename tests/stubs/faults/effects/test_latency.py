from __future__ import annotations

from statistics import median

from orgbilling_stubs.faults.effects.latency import Latency
from orgbilling_stubs.faults.rules import FaultRule, FiredRule, RuleState


def delays(latency, seed=1):
    active = RuleState(FaultRule((latency,), seed=seed))
    return [latency.delay_ms(FiredRule(active, number)) for number in range(1, 2_001)]


def test_fixed_is_fixed():
    assert set(delays(Latency(40))) == {40}


def test_uniform_reaches_from_least_to_most():
    drawn = delays(Latency(10, "uniform", 20))
    assert (min(drawn), max(drawn)) == (10, 20)
    assert 13 <= median(drawn) <= 17


def test_lognormal_has_its_median_a_tail_and_an_end():
    drawn = delays(Latency(100, "lognormal", 450, 700))
    assert 90 <= median(drawn) <= 110
    assert min(drawn) < 40
    assert max(drawn) == 450


def test_the_same_seed_waits_the_same():
    latency = Latency(100, "lognormal")
    assert delays(latency) == delays(latency)
    assert delays(latency, seed=2) != delays(latency)
