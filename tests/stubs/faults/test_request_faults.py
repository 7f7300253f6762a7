from __future__ import annotations

from dataclasses import dataclass, field

from orgbilling_stubs.faults.delivery import Delivery
from orgbilling_stubs.faults.documented_responses import InjectedError
from orgbilling_stubs.faults.effects.stale import Stale
from orgbilling_stubs.faults.overrides import Override
from orgbilling_stubs.faults.request_faults import RequestFaults
from orgbilling_stubs.faults.rules import FiredRule, RuleState, parse


@dataclass
class Request:
    """What effects see of a request."""

    operation: str = "getOrgBilling"
    organization: str = "org_a"
    service: None = None
    response_headers: dict[bytes, bytes] = field(default_factory=dict)
    success_status: int | None = None

    def documented_error(self, status, detail=None, retry_after_s=None):
        return InjectedError(status, detail or "documented", retry_after_s=retry_after_s)


def faults(*effects, override=None):
    rules = [parse({"id": f"flt_{number}", "effect": effect}) for number, effect in enumerate(effects, 1)]
    return RequestFaults(override, tuple(FiredRule(RuleState(rule), 1) for rule in rules))


def status(*effects, override=None):
    error = faults(*effects, override=override).error_response(Request())
    return None if error is None else error.status


def test_effects_of_several_rules_combine():
    combined = faults({"status": 503, "detail": "first"}, {"nulls": True}, {"latency": {"ms": 5}})
    error = combined.error_response(Request())
    assert (error.status, error.detail, combined.delay_ms) == (503, "first", 5)
    assert combined.changes_body
    assert combined.changed_body(b"[]") == b"null"


def test_the_older_rule_wins():
    error = faults(
        {"status": 503}, {"status": 429, "detail": "second", "retryAfterSeconds": 9}
    ).error_response(Request())
    assert (error.status, error.detail, error.retry_after_s) == (503, "documented", 1)
    past = faults({"stale": {"commands": 1}}, {"stale": {"seconds": 9}}).tenants(Request(), None)
    assert past.stale == Stale(commands=1)


def test_delays_add_up():
    override = Override(delay_ms=1)
    assert faults({"latency": {"ms": 2}}, {"latency": {"ms": 3}}, override=override).delay_ms == 6


def test_a_connection_ends_once():
    ended = faults({"reset": True}, {"hangMs": 5, "late": True}, {"truncateBytes": 3})
    assert ended.delivery == Delivery(reset=True)


def test_late_belongs_to_the_end_of_its_rule():
    assert faults({"hangMs": 5, "late": True}).delivery == Delivery(hang_ms=5, late=True)


def test_a_response_that_is_chosen_beats_every_rule():
    assert status({"status": 503}, override=Override(code=401)) == 401
    assert status({"status": 503}, override=Override(code=200)) is None
    assert status({"status": 503}, override=Override(example="default")) is None
    assert status({"status": 503}, override=Override(delay_ms=5)) == 503
    limit = {"rateLimit": {"limit": 1}, "status": 503}
    assert status(limit, limit, override=Override(code=401)) == 401


def test_a_status_that_succeeds_is_the_operations_own_response():
    request = Request()
    assert faults({"status": 202}).error_response(request) is None
    assert request.success_status == 202


def test_a_reached_limit_is_heard_before_a_status_and_the_fewest_requests_left_are_shown():
    request = Request()
    limited = faults({"status": 503}, {"rateLimit": {"limit": 1}}, {"rateLimit": {"limit": 5}})
    assert limited.error_response(request).status == 503
    assert request.response_headers[b"x-ratelimit-limit"] == b"1"
    error = limited.error_response(request)
    assert (error.status, error.retry_after_s) == (429, 60)


def test_the_longest_wait_counts_when_two_limits_are_reached():
    limits = [{"rateLimit": {"limit": 1, "seconds": seconds}} for seconds in (5, 60, 30)]
    limited = faults(*limits)
    limited.error_response(Request())
    assert limited.error_response(Request()).retry_after_s == 60


def test_what_is_no_json_stays_as_it_is():
    changed = faults({"nulls": True, "field": "x"})
    assert changed.changed_body(b"not json") == b"not json"


def test_the_journal_is_told_in_one_line():
    override = Override(code=401, applied="code=401")
    combined = faults({"status": 503}, {"nulls": True}, override=override)
    assert combined.applied().text == "override code=401, rule flt_1, rule flt_2"
    assert faults().applied().text == ""


def test_the_example_of_the_documentation():
    slow = {"latency": {"ms": 200}, "nulls": True}
    down = {"status": 503}
    slower = {"latency": {"ms": 300}, "status": 500}
    first, second = faults(slow, down, slower), faults(slow, slower)
    assert [first.delay_ms, second.delay_ms] == [500, 500]
    assert [first.error_response(Request()).status, second.error_response(Request()).status] == [503, 500]
    assert first.changed_body(b'{"errors":[]}') == b'{"errors":null}'
    assert faults(slow, down, slower, override=Override(code=200)).error_response(Request()) is None
