from __future__ import annotations

from orgbilling_stubs.faults.overrides import Override
from orgbilling_stubs.faults.plan import plan
from orgbilling_stubs.faults.rules import Effect, Hit, Latency, RateLimit, Rule, Standing


def hit(identifier="flt_1", **effect):
    return Hit(Standing(Rule(Effect(**effect), id=identifier)), 1)


def test_effects_of_several_rules_combine():
    made = plan(None, [hit(status=503, detail="first"), hit(nulls=True), hit(latency=Latency(5))])
    assert (made.status, made.effect.detail, made.effect.nulls, made.delay_ms) == (503, "first", True, 5)


def test_the_older_rule_wins():
    made = plan(None, [hit(status=503), hit(status=429, detail="second", retry_after_s=9)])
    assert (made.status, made.effect.detail, made.effect.retry_after_s) == (503, None, None)


def test_delays_add_up():
    assert plan(Override(delay_ms=1), [hit(latency=Latency(2)), hit(latency=Latency(3))]).delay_ms == 6


def test_a_connection_ends_once():
    made = plan(None, [hit(reset=True), hit(hang_ms=5, late=True), hit(truncate_bytes=3)])
    assert (made.effect.reset, made.effect.hang_ms, made.effect.late, made.effect.truncate_bytes) == (
        True,
        None,
        False,
        None,
    )


def test_an_override_beats_every_rule():
    assert plan(Override(code=401), [hit(status=503)]).status == 401
    assert plan(Override(code=200), [hit(status=503)]).status is None
    assert plan(Override(example="default"), [hit(status=503)]).status is None
    assert plan(Override(delay_ms=5), [hit(status=503)]).status == 503


def test_limits_are_kept_apart():
    limited = hit(rate_limit=RateLimit(1))
    assert plan(None, [hit(status=503), limited]).limits == (limited,)


def test_the_journal_is_told_in_one_line():
    made = plan(Override(code=401, applied="code=401"), [hit("a", status=503), hit("b", nulls=True)])
    assert made.text == "override code=401, rule a, rule b"
    assert plan(None, []).text == ""
