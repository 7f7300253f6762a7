from __future__ import annotations

from typing import Any

import jsonschema_rs
import pytest
from orgbilling_stubs.http.assisted_input import (
    assisted_errors,
    canonical_name,
    same_name,
    suggestion,
    with_described_spelling,
)

CLOCK = {
    "type": "object",
    "required": ["mode"],
    "oneOf": [
        {
            "additionalProperties": False,
            "required": ["at"],
            "properties": {"mode": {"const": "frozen"}, "at": {"type": "string", "format": "date-time"}},
        },
        {"additionalProperties": False, "properties": {"mode": {"enum": ["live", "server"]}}},
    ],
}
STATE = {"anyOf": [{"type": "string", "enum": ["low-balance", "nulls"]}, {"type": "integer", "maximum": 25}]}
SCHEMA: dict[str, Any] = {
    "$ref": "#/$defs/Body",
    "$defs": {
        "Clock": CLOCK,
        "Body": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "clock": {"$ref": "#/$defs/Clock"},
                "state": STATE,
                "states": {"type": "array", "items": STATE},
                "day": {"allOf": [{"type": "string", "format": "date-time"}]},
                "size": {"type": "integer"},
            },
            "dependentSchemas": {"size": {"properties": {"state": {"const": "nulls"}}}},
        },
    },
}
LIVE = "no member `a`; live takes no other member"
VALIDATOR = jsonschema_rs.Draft202012Validator(SCHEMA, validate_formats=True)


def spelled(value: Any) -> Any:
    return with_described_spelling(SCHEMA, SCHEMA, value)


def errors(value: Any) -> list[tuple[str, str]]:
    return [(row["location"], row["message"]) for row in assisted_errors(SCHEMA, VALIDATOR, value, "body")]


def test_spellings_of_a_name_are_one_name() -> None:
    assert {canonical_name(name) for name in ("low_balance", "Low-Balance", "low balance", "lowBalance")} == {
        "lowbalance"
    }
    assert same_name("LOW_BALANCE", ["low-balance", "nulls"]) == "low-balance"
    assert same_name("ab", ["a-b", "a_b"]) is None


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ({"state": "low_balance"}, {"state": "low-balance"}),
        ({"states": ["LowBalance", "3", 3]}, {"states": ["low-balance", 3, 3]}),
        ({"clock": {"mode": "FROZEN"}}, {"clock": {"mode": "frozen"}}),
        ({"day": "2026-03-10"}, {"day": "2026-03-10T00:00:00Z"}),
    ],
)  # fmt: skip
def test_other_spellings_are_read(written: Any, read: Any) -> None:
    assert spelled(written) == read


@pytest.mark.parametrize(
    "value", [{"size": "3"}, {"state": "other"}, {"new": "x"}, {"day": "2026-03-10T12:00:00"}, [], "x", 5]
)
def test_everything_else_stays(value: Any) -> None:
    assert spelled(value) == value


@pytest.mark.parametrize(
    ("value", "location", "message"),
    [
        ({"clock": {"mode": "frozen"}}, "body.clock", "frozen needs `at`"),
        ({"clock": {"mode": "live", "a": 1}}, "body.clock.a", LIVE),
        ({"clock": "frozen"}, "body.clock", "expected object"),
        ({"state": 26}, "body.state", "expected number <= 25"),
        ({"state": True}, "body.state", "expected string or integer"),
        ({"stat": 1}, "body.stat", 'unexpected property; did you mean "state"?'),
        ({"zzz": 1}, "body.zzz", "unexpected property; expected one of clock, state, states, day, size"),
        ({"size": 1, "state": 3}, "body.state", 'expected "nulls", since `size` is given'),
    ],
)  # fmt: skip
def test_an_error_says_what_was_meant(value: Any, location: str, message: str) -> None:
    assert errors(value) == [(location, message)]


def test_the_alternative_that_was_meant_says_everything() -> None:
    assert errors({"clock": {"mode": "frozen", "now": "2026-03-10T00:00:00Z"}}) == [
        ("body.clock.now", "no member `now`; frozen takes `at`"),
        ("body.clock", "frozen needs `at`"),
    ]


def test_a_name_that_is_nearly_right_is_answered_with_the_right_one() -> None:
    expected = 'expected value to be one of "low-balance, nulls"; did you mean "low-balance"?'
    assert errors({"state": "low-balanc"}) == [("body.state", expected)]


def test_a_suggestion_is_near() -> None:
    assert suggestion("low_balanc", ["low-balance", "nulls"]) == '; did you mean "low-balance"?'
    assert suggestion("zebra", ["low-balance", "nulls"]) == ""
