"""The errors of overrides and fault rules, in order of precedence."""

from __future__ import annotations

from orgbilling_stubs.http.errors import Problem, ProblemType

PREFERENCE_MALFORMED = ProblemType("preference_malformed", 400, "the preferences cannot be read (RFC 7240)")
CODE_INVALID = ProblemType("code_invalid", 400, "code: expected a status from 200 to 599")
CODE_UNLISTED = ProblemType(
    "code_unlisted", 400, "code: the API description lists no such status here; add force"
)
EXAMPLE_UNKNOWN = ProblemType("example_unknown", 400, "example: the API description has no such example here")
DELAY_INVALID = ProblemType(
    "delay_invalid", 400, "delay: expected milliseconds, or seconds with s; at most 600s"
)
SCENARIO_UNKNOWN = ProblemType("scenario_unknown", 400, "scenario: there is no scenario of this name")

OPERATION_UNKNOWN = ProblemType(
    "operation_unknown", 422, "operations: the API description has no such operation"
)
METHOD_UNUSED = ProblemType("method_unused", 422, "methods: no operation of this rule has such a method")
STATUS_UNLISTED = ProblemType(
    "status_unlisted", 422, "effect.status: not listed for every operation of the rule; add force: true"
)
EFFECT_EMPTY = ProblemType("effect_empty", 422, "effect: the rule does nothing")
EFFECTS_CONFLICT = ProblemType("effects_conflict", 422, "effect: these cannot happen to one response")
LIMIT_INVALID = ProblemType("limit_invalid", 422, "the limits of the rule make no sense")
EFFECT_INVALID = ProblemType(
    "effect_invalid", 422, "effect: a member is out of range, or contradicts another"
)
RULE_EXISTS = ProblemType("rule_exists", 409, "there is a rule with this id")
RULE_UNKNOWN = ProblemType("rule_unknown", 404, "there is no rule with this id")
RULES_FULL = ProblemType("rules_full", 409, "there are 1000 rules already: delete some")

OVERRIDES = (
    PREFERENCE_MALFORMED,
    CODE_INVALID,
    CODE_UNLISTED,
    EXAMPLE_UNKNOWN,
    DELAY_INVALID,
    SCENARIO_UNKNOWN,
)
"""Errors of the overrides of a request, in order of precedence."""

STANDING = (
    RULE_EXISTS,
    RULES_FULL,
    OPERATION_UNKNOWN,
    METHOD_UNUSED,
    LIMIT_INVALID,
    EFFECT_EMPTY,
    EFFECTS_CONFLICT,
    EFFECT_INVALID,
    STATUS_UNLISTED,
    RULE_UNKNOWN,
)
"""Errors of whoever adds, reads or removes rules, in order of precedence."""

TABLE = OVERRIDES + STANDING


def at(row: ProblemType, location: str, value: object, message: str | None = None) -> Problem:
    """The problem of a rule, with the member that is at fault. message: instead of the row's own text."""
    text = message or row.detail
    return Problem(row, [{"message": text, "location": location, "value": value}], detail=text)
