"""What the errors of the domain are in HTTP: one table, in order of precedence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from orgbilling_stubs.billing import errors
from orgbilling_stubs.billing.errors import BillingError, ErrorCode
from orgbilling_stubs.http.errors import Problem, ProblemType


class HttpError(NamedTuple):
    """An error of the domain in HTTP: its status, and the member of the request that is at fault."""

    error_code: ErrorCode
    status: int
    location: str | None = None


BILLING_ERRORS: tuple[HttpError, ...] = (
    HttpError(errors.IDEMPOTENCY_KEY_REUSED, 409),
    HttpError(errors.VOUCHER_UNKNOWN, 404, "body.code"),
    HttpError(errors.VOUCHER_EXPIRED, 410, "body.code"),
    HttpError(errors.VOUCHER_USED, 409, "body.code"),
    HttpError(errors.VOUCHER_LIMIT_REACHED, 409, "body.code"),
    HttpError(errors.VOUCHER_WITHOUT_EFFECT, 409, "body.code"),
    HttpError(errors.CONTRACT_NONE, 404),
    HttpError(errors.CONTRACT_UNKNOWN, 404, "body.contractId"),
    HttpError(errors.CONTRACT_ACTIVE, 409, "body.contractId"),
    HttpError(errors.CONTRACT_PENDING, 409, "body.contractId"),
    HttpError(errors.CONTRACT_EXPIRED, 410, "body.contractId"),
    HttpError(errors.CONTRACT_CANCELLED, 410, "body.contractId"),
    HttpError(errors.STRIPE_CUSTOMER_NONE, 409),
    HttpError(errors.SESSION_UNKNOWN, 404),
    HttpError(errors.SESSION_EXPIRED, 410),
    HttpError(errors.SESSION_COMPLETE, 409),
    HttpError(errors.SESSION_UNPAID, 409),
    HttpError(errors.CONTRACT_NOT_ACTIVE, 409),
    HttpError(errors.CONTRACT_NOT_CANCELLED, 409),
    HttpError(errors.INSTALLMENT_UNKNOWN, 404, "path.index"),
    HttpError(errors.PROJECT_UNKNOWN, 404, "body.project"),
    HttpError(errors.MODEL_UNKNOWN, 404, "body.model"),
    HttpError(errors.METER_UNKNOWN, 404, "body.slug"),
    HttpError(errors.CLOCK_TOO_EARLY, 409),
    HttpError(errors.INSTANT_NONE, 409),
    HttpError(errors.NOTHING_TO_UNDO, 409),
    HttpError(errors.SNAPSHOT_UNKNOWN, 404),
)

ROWS: Mapping[str, ProblemType] = {
    error.error_code.code: ProblemType(error.error_code.code, error.status, error.error_code.message)
    for error in BILLING_ERRORS
}
"""The row of the error table for each code of the domain."""

_LOCATIONS = {error.error_code.code: error.location for error in BILLING_ERRORS}


def problem(error: BillingError) -> Problem:
    """The problem document's error for an error of the domain."""
    location = _LOCATIONS[error.code]
    if location is None:
        return Problem(ROWS[error.code])
    return Problem(ROWS[error.code], [{"message": error.message, "location": location, "value": error.value}])
