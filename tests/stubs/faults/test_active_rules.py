from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pytest
from orgbilling_openapi import description as descriptions
from orgbilling_stubs.billing import instants
from orgbilling_stubs.faults import effects, errors
from orgbilling_stubs.faults.active_rules import MOST_RULES, ActiveRules, documented_members
from orgbilling_stubs.faults.effects import parse
from orgbilling_stubs.faults.effects.effect import FlagEffect
from orgbilling_stubs.faults.effects.null_arrays import NullArrays
from orgbilling_stubs.faults.rule_log import RuleLog
from orgbilling_stubs.faults.rules import FaultRule, RuleState
from orgbilling_stubs.faults.rules import parse as parse_rule
from orgbilling_stubs.faults.scenario_rules import ScenarioRules
from orgbilling_stubs.http.errors import Problem
from orgbilling_stubs.tenants.store.memory import MemoryStore
from orgbilling_stubs.tenants.store.sqlite import SqliteStore

NOON_MS = instants.parse("2026-03-10T12:00:00Z")
GET = "getOrgBilling"
POST = "redeemOrgVoucher"
DOWN = parse({"status": 503})


class NoTenants:
    """A service without organizations."""

    def peek(self, organization):
        return None

    def existing(self, organization):
        return None


@dataclass
class Request:
    organization: str = "org_a"
    now_ms: int = NOON_MS


@pytest.fixture
def rules():
    listed = {GET: frozenset({200, 429, 503}), POST: frozenset({200, 409, 429, 503})}
    return ActiveRules(listed, {GET: "GET", POST: "POST"}, ScenarioRules(NoTenants()))


def fired_rules(rules, operation=GET, method="GET", **request):
    fired = rules.fire(operation, method, Request(**request))
    rules.record_counters(fired)
    return [firing.state.rule.id for firing in fired]


def test_a_rule_without_filters_fires_for_everything(rules):
    rules.add(FaultRule(DOWN))
    assert fired_rules(rules) == ["flt_1"]
    assert fired_rules(rules, POST, "POST") == ["flt_1"]


def test_filters_narrow(rules):
    rules.add(FaultRule(DOWN, operations=(GET,), id="by_operation"))
    rules.add(FaultRule(DOWN, organizations=("org_b",), id="by_organization"))
    rules.add(FaultRule(DOWN, methods=("POST",), id="by_method"))
    assert fired_rules(rules) == ["by_operation"]
    assert fired_rules(rules, method="HEAD") == ["by_operation"]
    assert fired_rules(rules, organization="org_b") == ["by_operation", "by_organization"]
    assert fired_rules(rules, POST, "POST") == ["by_method"]


def test_only_the_next_so_many(rules):
    rules.add(FaultRule(DOWN, times=2))
    assert [len(fired_rules(rules)) for _ in range(4)] == [1, 1, 0, 0]
    assert rules.list() == []
    assert rules.applicable(GET).rules == ()
    [spent] = rules.spent()
    assert (spent.rule.id, spent.matched, spent.fired) == ("flt_1", 4 - 2, 2)
    assert rules.get("flt_1") is spent


def test_a_spent_rule_makes_room_for_the_next(rules):
    for _ in range(3):
        for _ in range(MOST_RULES):
            rules.add(FaultRule(DOWN, times=1))
        assert len(fired_rules(rules)) == MOST_RULES
    assert rules.list() == []
    assert [state.rule.id for state in rules.spent()] == [f"flt_{n}" for n in range(2_901, 3_001)]


def test_a_spent_rule_can_be_removed_cleared_and_made_anew(rules):
    for organizations in ((), ("org_a",), ("org_b",)):
        rules.add(FaultRule(DOWN, organizations=organizations, times=1))
    for organization in ("org_a", "org_b"):
        fired_rules(rules, organization=organization)
    assert [state.rule.id for state in rules.spent("org_b")] == ["flt_1", "flt_3"]
    rules.clear("org_b")
    rules.remove("flt_2")
    assert [state.rule.id for state in rules.spent()] == ["flt_1"]
    rules.add(FaultRule(DOWN, id="flt_1"))
    assert rules.get("flt_1").fired == 0
    rules.clear()
    assert (rules.list(), rules.spent()) == ([], [])


def test_every_kth(rules):
    rules.add(FaultRule(DOWN, every=3))
    assert [len(fired_rules(rules)) for _ in range(7)] == [0, 0, 1, 0, 0, 1, 0]


def test_a_window_on_the_tenants_clock_excludes_its_end(rules):
    rules.add(FaultRule(DOWN, from_ms=NOON_MS, until_ms=NOON_MS + 1_000))
    assert [
        len(fired_rules(rules, now_ms=at_ms))
        for at_ms in (NOON_MS - 1, NOON_MS, NOON_MS + 999, NOON_MS + 1_000)
    ] == [0, 1, 1, 0]


def failures(rules, **rule):
    rules.clear()
    rules.add(FaultRule(DOWN, **{"probability": 0.1, "seed": 7} | rule))
    return [number for number in range(1_000) if fired_rules(rules)]


def test_chance_fires_for_the_same_requests_each_time(rules):
    first = failures(rules)
    assert 70 <= len(first) <= 130
    assert failures(rules) == first
    assert failures(rules, id="another_name") == first
    assert failures(rules, seed=8) != first
    assert len(failures(rules, probability=1)) == 1_000


def test_ids_begin_anew_when_all_are_cleared(rules):
    assert [rules.add(FaultRule(DOWN)).id, rules.add(FaultRule(DOWN)).id] == ["flt_1", "flt_2"]
    assert rules.clear() == 2
    assert rules.add(FaultRule(DOWN)).id == "flt_1"


def test_clearing_an_organization_leaves_the_others(rules):
    for organizations in (("org_a",), ("org_b",), ()):
        rules.add(FaultRule(DOWN, organizations=organizations))
    assert rules.clear("org_a") == 1
    assert [each.rule.id for each in rules.list()] == ["flt_2", "flt_3"]
    rules.remove("flt_3")
    assert fired_rules(rules) == []
    assert fired_rules(rules, organization="org_b") == ["flt_2"]


REFUSED = [
    (errors.OPERATION_UNKNOWN, FaultRule(DOWN, operations=("getNothing",))),
    (errors.METHOD_UNUSED, FaultRule(DOWN, operations=(GET,), methods=("POST",))),
    (errors.LIMIT_INVALID, FaultRule(DOWN, times=0)),
    (errors.LIMIT_INVALID, FaultRule(DOWN, times=-1)),
    (errors.LIMIT_INVALID, FaultRule(DOWN, every=0)),
    (errors.LIMIT_INVALID, FaultRule(DOWN, probability=1.1)),
    (errors.LIMIT_INVALID, FaultRule(DOWN, probability=0)),
    (errors.LIMIT_INVALID, FaultRule(DOWN, probability=1e-30)),
    (errors.LIMIT_INVALID, FaultRule(DOWN, from_ms=2, until_ms=2)),
    (errors.EFFECT_EMPTY, FaultRule(())),
    (errors.STATUS_UNLISTED, FaultRule(parse({"status": 409}))),
    (errors.STATUS_UNLISTED, FaultRule(parse({"status": 418}), operations=(GET,))),
]


@pytest.mark.parametrize(("row", "rule"), REFUSED, ids=[row.code for row, _ in REFUSED])
def test_a_rule_that_makes_no_sense_is_refused(rules, row, rule):
    with pytest.raises(Problem) as caught:
        rules.add(rule)
    assert (caught.value.code, caught.value.status) == (row.code, row.status)
    assert rules.list() == []


def test_an_unlisted_status_needs_force(rules):
    rules.add(FaultRule(parse({"status": 409}), operations=(POST,)))
    rules.add(FaultRule(parse({"status": 418}), force=True))
    assert len(rules.list()) == 2


def test_an_id_is_used_once(rules):
    rules.add(FaultRule(DOWN, id="flt_1"))
    assert rules.add(FaultRule(DOWN)).id == "flt_2"
    with pytest.raises(Problem, match=errors.RULE_EXISTS.code):
        rules.add(FaultRule(DOWN, id="flt_1"))


@pytest.mark.parametrize("ask", [ActiveRules.get, ActiveRules.remove])
def test_an_unknown_rule_is_refused(rules, ask):
    with pytest.raises(Problem, match=errors.RULE_UNKNOWN.code):
        ask(rules, "flt_9")


def test_rules_are_bounded(rules):
    for _ in range(MOST_RULES):
        rules.add(FaultRule(DOWN))
    with pytest.raises(Problem, match=errors.RULES_FULL.code):
        rules.add(FaultRule(DOWN))


def test_applicable_rules_tell_whom_they_name(rules):
    assert rules.applicable(GET) == ((), frozenset())
    rules.add(FaultRule(DOWN, organizations=("org_a", "org_b")))
    rules.add(FaultRule(DOWN, organizations=("org_c",), operations=(POST,)))
    assert rules.applicable(GET).organizations == {"org_a", "org_b"}
    assert rules.applicable(POST).organizations == {"org_a", "org_b", "org_c"}
    rules.add(FaultRule(DOWN))
    assert rules.applicable(GET).organizations is None


def fired_matches(document):
    state = RuleState(parse_rule(document))
    return [number for number in range(1, 101) if state.fire("GET", Request()) is not None]


EXAMPLE = {"probability": 0.1, "seed": 7, "operations": [GET], "effect": {"status": 503}}
FIRED = [29, 61, 76, 91, 94]


def test_the_draws_of_a_rule_stay_as_they_are():
    assert fired_matches(EXAMPLE) == FIRED


def test_a_new_effect_does_not_change_the_draws_of_other_rules(monkeypatch):
    @dataclass(frozen=True, slots=True)
    class Shout(FlagEffect):
        member: ClassVar = "aaa"
        description: ClassVar = "Letters are capitals."

    monkeypatch.setattr(effects, "EFFECTS", (Shout, *effects.EFFECTS))
    assert effects.parse({"aaa": True, "nulls": True}) == (Shout(), NullArrays())
    assert fired_matches(EXAMPLE) == FIRED
    assert fired_matches(EXAMPLE | {"effect": {"status": 503, "aaa": True}}) != FIRED


@pytest.fixture
def restart():
    """Rules anew, from the log of one store."""
    store = MemoryStore()
    listed = {GET: frozenset({200, 429, 503}), POST: frozenset({200, 409, 429, 503})}
    scenarios = ScenarioRules(NoTenants())
    return lambda: ActiveRules(listed, {GET: "GET", POST: "POST"}, scenarios, log=RuleLog(store))


def test_rules_survive_a_restart(restart):
    before = restart()
    before.add(FaultRule(DOWN, probability=0.5, seed=7, from_ms=NOON_MS, organizations=("org_a",)))
    before.add(FaultRule(parse({"latency": {"ms": 5}}), id="mine"))
    before.add(FaultRule(DOWN))
    before.remove("mine")
    after = restart()
    assert [state.rule for state in after.list()] == [state.rule for state in before.list()]
    assert fired_rules(after) == fired_rules(before)
    assert after.add(FaultRule(DOWN)).id == "flt_3"
    after.clear("org_a")
    assert [state.rule.id for state in restart().list()] == ["flt_2", "flt_3"]
    after.clear()
    assert restart().list() == []


def test_a_rule_that_has_struck_as_often_as_it_was_to_does_not_come_back(restart):
    before = restart()
    before.add(FaultRule(DOWN, times=1, id="once"))
    before.add(FaultRule(DOWN, times=3, id="thrice"))
    assert fired_rules(before) == ["once", "thrice"]
    assert [state.rule.id for state in before.list()] == ["thrice"]
    after = restart()
    [thrice], [once] = after.list(), after.spent()
    assert (once.rule.id, once.fired) == ("once", 1)
    assert (thrice.rule.id, thrice.matched, thrice.fired) == ("thrice", 1, 1)
    assert [fired_rules(after) for _ in range(3)] == [["thrice"], ["thrice"], []]


def test_two_processes_share_the_rules_of_one_store(restart):
    one, other = restart(), restart()
    assert [one.add(FaultRule(DOWN)).id, other.add(FaultRule(DOWN)).id] == ["flt_1", "flt_2"]
    assert [state.rule.id for state in one.list()] == ["flt_1", "flt_2"]
    other.remove("flt_1")
    with pytest.raises(Problem, match=errors.RULE_UNKNOWN.code):
        one.remove("flt_1")


def test_rules_know_the_statuses_of_the_contract():
    rules = ActiveRules.of(descriptions.load(), ScenarioRules(NoTenants()))
    rules.add(FaultRule(parse({"status": 502}), operations=("createOrgBillingCheckout",)))
    rules.add(FaultRule(parse({"status": 404}), operations=("getOrgContract",), methods=("GET",)))
    assert len(rules.list()) == 2


def test_the_members_of_every_schema_are_known():
    known = documented_members(descriptions.load())
    assert {"creditBalance", "$schema", "status", "errors", "location", "amount"} <= known
    assert "surprise" not in known


def test_a_process_learns_what_another_one_has_changed(tmp_path):
    listed = {GET: frozenset({200, 503})}
    stores = [SqliteStore(tmp_path / "world.db") for _ in range(2)]
    one, other = (
        ActiveRules(listed, {GET: "GET"}, ScenarioRules(NoTenants()), log=RuleLog(store)) for store in stores
    )
    assert other.shared
    one.add(FaultRule(DOWN, times=1))
    assert other.may_fire(GET, None)
    assert fired_rules(other) == ["flt_1"]
    assert not one.may_fire(GET, None)
    assert fired_rules(one) == []
    for store in stores:
        store.close()


@pytest.mark.parametrize("times", [1, 3])
def test_a_rule_fires_so_many_times_whichever_processes_race_for_it(restart, times):
    racing = [restart() for _ in range(4)]
    racing[0].add(FaultRule(DOWN, times=times))
    for rules in racing:
        assert rules.may_fire(GET, None)
    fired = 0
    while True:
        # All of them see the rule before one has counted.
        seen = [(rules, rules.fire(GET, "GET", Request())) for rules in racing]
        if not any(tentative for _, tentative in seen):
            break
        fired += sum(len(rules.record_counters(tentative)) for rules, tentative in seen)
        for rules in racing:
            rules.list()
    assert fired == times
    assert [rules.list() for rules in racing] == [[]] * 4
    assert [rules.spent()[0].fired for rules in racing] == [times] * 4


def test_requests_that_are_answered_at_once_share_a_rule(rules):
    rules.add(FaultRule(DOWN, times=1))
    first, second = (rules.fire(GET, "GET", Request()) for _ in range(2))
    assert [len(rules.record_counters(tentative)) for tentative in (first, second)] == [1, 0]
    assert rules.fire(GET, "GET", Request()) == ()


def test_matches_at_which_a_limited_rule_does_not_fire_are_counted(rules):
    rules.add(FaultRule(DOWN, times=2, every=3))
    assert [len(fired_rules(rules)) for _ in range(8)] == [0, 0, 1, 0, 0, 1, 0, 0]


def test_a_rate_limit_of_a_limited_rule_keeps_its_bucket(rules):
    rules.add(FaultRule(parse({"rateLimit": {"limit": 1, "windowSeconds": 60}}), times=3))
    [first] = rules.record_counters(rules.fire(GET, "GET", Request()))
    [second] = rules.record_counters(rules.fire(GET, "GET", Request()))
    assert first.effects[0] is second.effects[0]
