from __future__ import annotations

from typing import Any

import jsonschema_rs
import pytest
from orgbilling_openapi import control_description
from orgbilling_stubs.faults.rules import FaultRule, RuleState, parse

REQUESTS: list[dict[str, Any]] = [
    {"effect": {"status": 502}},
    {"effect": {"status": 429, "detail": "slow down", "retryAfterSeconds": 0}, "times": 3, "force": True},
    {"effect": {"latency": {"ms": 0, "distribution": "uniform", "maxMs": 9}}, "methods": ["GET"]},
    {"effect": {"dripBytesPerSecond": 10, "truncateBytes": 0}, "every": 2},
    {"effect": {"hangMs": 5, "late": True}, "probability": 0.1, "seed": 7},
    {"effect": {"stale": {"seconds": 60}, "nulls": True, "field": "extra"}},
    {"effect": {"rateLimit": {"limit": 1}}, "operations": ["getOrgBilling"], "organizations": ["org_a"]},
    {"effect": {"reset": True}, "from": "2026-03-10T12:00:00Z", "until": "2026-03-11T00:00:00Z", "id": "a"},
]


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda each: next(iter(each["effect"])))
def test_a_rule_is_shown_as_it_was_asked_for(request_: dict[str, Any]) -> None:
    root = {"components": control_description.load()["components"]}
    asked = jsonschema_rs.Draft202012Validator({"$ref": "#/components/schemas/FaultRequest", **root})
    answered = jsonschema_rs.Draft202012Validator(
        {"$ref": "#/components/schemas/Fault", **root}, validate_formats=True
    )
    assert asked.is_valid(request_)
    shown = RuleState(parse(request_)).document()
    answered.validate(shown)
    for name, value in request_.items():
        if name == "effect":
            assert all(
                shown["effect"][part] == each or each.items() <= shown["effect"][part].items()
                for part, each in value.items()
            )
        else:
            assert shown[name] == value


def test_what_is_left_out_is_what_a_rule_has_by_itself() -> None:
    rule = parse({"effect": {"reset": True}}, ("org_a",))
    assert rule == FaultRule(rule.effects, organizations=("org_a",))


def test_the_canonical_text_has_only_what_differs_from_the_defaults() -> None:
    document: dict[str, Any] = {
        "id": "mine",
        "seed": 7,
        "probability": 0.1,
        "every": 1,
        "force": False,
        "from": "2026-03-10T12:00:00.000Z",
        "operations": ["getOrgBilling"],
        "effect": {"latency": {"ms": 5, "maxMs": 600_000}, "reset": False, "detail": "é", "status": 503},
    }
    assert parse(document).canonical() == (
        '{"effect":{"detail":"é","latency":{"ms":5},"status":503},"from":"2026-03-10T12:00:00Z",'
        '"operations":["getOrgBilling"],"probability":0.1}'
    )
    assert FaultRule(()).canonical() == '{"effect":{}}'


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda each: next(iter(each["effect"])))
def test_a_rule_can_be_read_back(request_: dict[str, Any]) -> None:
    rule = parse(request_)
    assert parse(rule.document()) == rule
