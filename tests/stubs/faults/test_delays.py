from __future__ import annotations

from statistics import median

from orgbilling_stubs.faults.delays import delay_ms
from orgbilling_stubs.faults.rules import Effect, Hit, Latency, Rule, Standing


def delays(latency, seed=1):
    standing = Standing(Rule(Effect(latency=latency), seed=seed))
    return [delay_ms(Hit(standing, number)) for number in range(1, 2_001)]


def test_a_rule_without_latency_waits_for_nothing():
    assert delay_ms(Hit(Standing(Rule(Effect(status=503))), 1)) == 0


def test_fixed_is_fixed():
    assert set(delays(Latency(40))) == {40}


def test_uniform_reaches_from_least_to_most():
    found = delays(Latency(10, "uniform", 20))
    assert (min(found), max(found)) == (10, 20)
    assert 13 <= median(found) <= 17


def test_lognormal_has_its_median_a_tail_and_an_end():
    found = delays(Latency(100, "lognormal", 450, 700))
    assert 90 <= median(found) <= 110
    assert min(found) < 40
    assert max(found) == 450


def test_the_same_seed_waits_the_same():
    latency = Latency(100, "lognormal")
    assert delays(latency) == delays(latency)
    assert delays(latency, seed=2) != delays(latency)
