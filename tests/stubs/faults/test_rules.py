from __future__ import annotations

from dataclasses import dataclass

import pytest
from orgbilling_stubs.faults import errors
from orgbilling_stubs.faults.rules import MOST_RULES, Effect, Latency, RateLimit, Rule, Rules, Stale
from orgbilling_stubs.http.errors import Problem

GET = "getOrgBilling"
POST = "redeemOrgVoucher"
DOWN = Effect(status=503)


@dataclass
class Request:
    organization: str = "org_a"
    now_ms: int = 1_000


@pytest.fixture
def rules():
    listed = {GET: frozenset({200, 429, 503}), POST: frozenset({200, 409, 429, 503})}
    return Rules(listed, {GET: "GET", POST: "POST"})


def struck(rules, operation=GET, method="GET", **request):
    return [hit.standing.rule.id for hit in rules.match(operation, method, Request(**request))]


def test_a_rule_without_filters_strikes_everything(rules):
    rules.add(Rule(DOWN))
    assert struck(rules) == ["flt_1"]
    assert struck(rules, POST, "POST") == ["flt_1"]


def test_filters_narrow(rules):
    rules.add(Rule(DOWN, operations=(GET,), id="by_operation"))
    rules.add(Rule(DOWN, organizations=("org_b",), id="by_organization"))
    rules.add(Rule(DOWN, methods=("POST",), id="by_method"))
    assert struck(rules) == ["by_operation"]
    assert struck(rules, method="HEAD") == ["by_operation"]
    assert struck(rules, organization="org_b") == ["by_operation", "by_organization"]
    assert struck(rules, POST, "POST") == ["by_method"]


def test_only_the_next_so_many(rules):
    rules.add(Rule(DOWN, times=2))
    assert [len(struck(rules)) for _ in range(4)] == [1, 1, 0, 0]
    assert rules.list()[0].spent
    assert rules.covering(GET).rules == ()


def test_every_kth(rules):
    rules.add(Rule(DOWN, every=3))
    assert [len(struck(rules)) for _ in range(7)] == [0, 0, 1, 0, 0, 1, 0]


def test_a_window_on_the_tenants_clock_excludes_its_end(rules):
    rules.add(Rule(DOWN, from_ms=1_000, until_ms=2_000))
    assert [len(struck(rules, now_ms=at)) for at in (999, 1_000, 1_999, 2_000)] == [0, 1, 1, 0]


def failures(rules, **rule):
    rules.clear()
    rules.add(Rule(DOWN, **{"probability": 0.1, "seed": 7} | rule))
    return [number for number in range(1_000) if struck(rules)]


def test_chance_strikes_the_same_requests_each_time(rules):
    first = failures(rules)
    assert 70 <= len(first) <= 130
    assert failures(rules) == first
    assert failures(rules, id="another_name") == first
    assert failures(rules, seed=8) != first
    assert len(failures(rules, probability=1)) == 1_000


def test_ids_begin_anew_when_all_are_cleared(rules):
    assert [rules.add(Rule(DOWN)).id, rules.add(Rule(DOWN)).id] == ["flt_1", "flt_2"]
    assert rules.clear() == 2
    assert rules.add(Rule(DOWN)).id == "flt_1"


def test_clearing_an_organization_leaves_the_others(rules):
    for organizations in (("org_a",), ("org_b",), ()):
        rules.add(Rule(DOWN, organizations=organizations))
    assert rules.clear("org_a") == 1
    assert [each.rule.id for each in rules.list()] == ["flt_2", "flt_3"]
    rules.remove("flt_3")
    assert struck(rules) == []
    assert struck(rules, organization="org_b") == ["flt_2"]


REFUSED = [
    (errors.OPERATION_UNKNOWN, Rule(DOWN, operations=("getNothing",))),
    (errors.METHOD_UNUSED, Rule(DOWN, operations=(GET,), methods=("POST",))),
    (errors.LIMIT_INVALID, Rule(DOWN, times=0)),
    (errors.LIMIT_INVALID, Rule(DOWN, times=-1)),
    (errors.LIMIT_INVALID, Rule(DOWN, every=0)),
    (errors.LIMIT_INVALID, Rule(DOWN, probability=1.1)),
    (errors.LIMIT_INVALID, Rule(DOWN, probability=0)),
    (errors.LIMIT_INVALID, Rule(DOWN, probability=1e-30)),
    (errors.LIMIT_INVALID, Rule(DOWN, from_ms=2, until_ms=2)),
    (errors.EFFECT_EMPTY, Rule(Effect())),
    (errors.EFFECT_EMPTY, Rule(Effect(late=True, detail="no status"))),
    (errors.EFFECTS_CONFLICT, Rule(Effect(reset=True, hang_ms=1))),
    (errors.EFFECTS_CONFLICT, Rule(Effect(reset=True, truncate_bytes=1))),
    (errors.EFFECTS_CONFLICT, Rule(Effect(hang_ms=1, drip_bytes_per_s=1))),
    (errors.EFFECTS_CONFLICT, Rule(Effect(status=503, nulls=True))),
    (errors.EFFECT_INVALID, Rule(Effect(latency=Latency(-1)))),
    (errors.EFFECT_INVALID, Rule(Effect(latency=Latency(5, "uniform", 4)))),
    (errors.EFFECT_INVALID, Rule(Effect(latency=Latency(5, "gaussian")))),
    (errors.EFFECT_INVALID, Rule(Effect(drip_bytes_per_s=0))),
    (errors.EFFECT_INVALID, Rule(Effect(truncate_bytes=-2))),
    (errors.EFFECT_INVALID, Rule(Effect(hang_ms=0))),
    (errors.EFFECT_INVALID, Rule(Effect(status=503, retry_after_s=-1))),
    (errors.EFFECT_INVALID, Rule(Effect(stale=Stale()))),
    (errors.EFFECT_INVALID, Rule(Effect(stale=Stale(1, 1)))),
    (errors.EFFECT_INVALID, Rule(Effect(field=""))),
    (errors.EFFECT_INVALID, Rule(Effect(rate_limit=RateLimit(0)))),
    (errors.STATUS_INVALID, Rule(Effect(status=199))),
    (errors.STATUS_INVALID, Rule(Effect(status=600), force=True)),
    (errors.STATUS_UNLISTED, Rule(Effect(status=409))),
    (errors.STATUS_UNLISTED, Rule(Effect(status=418), operations=(GET,))),
]


@pytest.mark.parametrize(("row", "rule"), REFUSED, ids=[row.name for row, _ in REFUSED])
def test_a_rule_that_makes_no_sense_is_refused(rules, row, rule):
    with pytest.raises(Problem) as caught:
        rules.add(rule)
    assert (caught.value.name, caught.value.status) == (row.name, row.status)
    assert rules.list() == []


def test_what_the_contract_does_not_list_has_to_be_forced(rules):
    rules.add(Rule(Effect(status=409), operations=(POST,)))
    rules.add(Rule(Effect(status=418), force=True))
    assert len(rules.list()) == 2


def test_an_id_is_used_once(rules):
    rules.add(Rule(DOWN, id="flt_1"))
    assert rules.add(Rule(DOWN)).id == "flt_2"
    with pytest.raises(Problem, match=errors.RULE_EXISTS.name):
        rules.add(Rule(DOWN, id="flt_1"))


@pytest.mark.parametrize("ask", [Rules.get, Rules.remove])
def test_an_unknown_rule_is_refused(rules, ask):
    with pytest.raises(Problem, match=errors.RULE_UNKNOWN.name):
        ask(rules, "flt_9")


def test_rules_are_bounded(rules):
    for _ in range(MOST_RULES):
        rules.add(Rule(DOWN))
    with pytest.raises(Problem, match=errors.RULES_FULL.name):
        rules.add(Rule(DOWN))


def test_covering_tells_whom_the_rules_name(rules):
    assert rules.covering(GET) == ((), frozenset())
    rules.add(Rule(DOWN, organizations=("org_a", "org_b")))
    rules.add(Rule(DOWN, organizations=("org_c",), operations=(POST,)))
    assert rules.covering(GET).organizations == {"org_a", "org_b"}
    assert rules.covering(POST).organizations == {"org_a", "org_b", "org_c"}
    rules.add(Rule(DOWN))
    assert rules.covering(GET).organizations is None
