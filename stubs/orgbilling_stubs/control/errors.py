"""Every error of the control API beyond those of HTTP and of billing, in order of precedence."""

from __future__ import annotations

from orgbilling_stubs.api.errors import INSTANT_INVALID
from orgbilling_stubs.http.errors import Problem, ProblemType

TOKEN_MISSING = ProblemType(
    "control_token_missing", 401, "send the control token that the server printed at its start"
)
TOKEN_WRONG = ProblemType("control_token_wrong", 401, "this is not the control token that the server printed")
MEDIA_REFUSED = ProblemType("media_refused", 415, "a body needs the content type application/json")
ORGANIZATION_UNKNOWN = ProblemType(
    "organization_unknown",
    404,
    "no such organization yet; a request with its token or a command creates it",
)
ORGANIZATION_INVALID = ProblemType(
    "organization_invalid", 404, "this is no organization id: use 1 to 128 letters, digits and `_.-`"
)
ORGANIZATION_EXISTS = ProblemType("organization_exists", 409, "the organization exists")
PERSONA_INVALID = ProblemType("persona_invalid", 422, "the persona cannot be used")
SCENARIO_UNKNOWN = ProblemType("scenario_unknown", 422, "no such scenario: see GET /scenarios")
DURATION_INVALID = ProblemType(
    "duration_invalid", 422, "expected a duration such as P1M, PT90S, -P7D, 1h or +1 month"
)
CLOCK_TOO_FAR = ProblemType(
    "clock_too_far", 409, "more than five years ahead at once, or outside the years 1972 to 8999, UTC"
)
CHECKOUT_NONE = ProblemType("checkout_none", 404, "no checkout session has been opened")
URL_INVALID = ProblemType(
    "url_invalid", 422, "expected an absolute http or https URL with a valid host and port"
)
BUNDLE_INVALID = ProblemType("bundle_invalid", 422, "the bundle cannot be replayed")

TABLE = (
    TOKEN_MISSING,
    TOKEN_WRONG,
    MEDIA_REFUSED,
    ORGANIZATION_UNKNOWN,
    ORGANIZATION_INVALID,
    ORGANIZATION_EXISTS,
    PERSONA_INVALID,
    SCENARIO_UNKNOWN,
    INSTANT_INVALID,
    DURATION_INVALID,
    CLOCK_TOO_FAR,
    CHECKOUT_NONE,
    URL_INVALID,
    BUNDLE_INVALID,
)


def error_at(
    row: ProblemType, location: str | None = None, value: object = None, message: str | None = None
) -> Problem:
    """The problem of a row; with a location, it names the value there."""
    if location is None:
        return Problem(row, detail=message)
    return Problem(row, [{"message": message or row.detail, "location": location, "value": value}])
