"""What the errors of the domain are in HTTP: one table, by subject.

Of several errors that apply to a command, the client gets the one that `billing.decide` raises first,
whatever the order of the rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from orgbilling_openapi.suggestions import nearest

from orgbilling_stubs.billing import errors
from orgbilling_stubs.billing.errors import BillingError, ErrorCode
from orgbilling_stubs.http.errors import Problem, ProblemType
from orgbilling_stubs.tenants.store.errors import StoreError


class HttpError(NamedTuple):
    """An error of the domain in HTTP.

    status: its HTTP status. location: the member of the request that is at fault, for the control API. An
    error of the thirteen operations has none: `detail` says all, and the vendor's SDK loses `detail` where a
    problem document has `errors` (it looks for `errors[].field`).
    """

    error_code: ErrorCode
    status: int
    location: str | None = None


BILLING_ERRORS: tuple[HttpError, ...] = (
    HttpError(errors.IDEMPOTENCY_KEY_REUSED, 409),
    HttpError(errors.VOUCHER_UNKNOWN, 404),
    HttpError(errors.VOUCHER_EXPIRED, 410),
    HttpError(errors.VOUCHER_USED, 409),
    HttpError(errors.VOUCHER_LIMIT_REACHED, 409),
    HttpError(errors.VOUCHER_WITHOUT_EFFECT, 409),
    HttpError(errors.VOUCHER_EXISTS, 409, "body.code"),
    HttpError(errors.CONTRACT_EXISTS, 409, "body.contractId"),
    HttpError(errors.CONTRACT_NONE, 404),
    HttpError(errors.CONTRACT_UNKNOWN, 404),
    HttpError(errors.CONTRACT_ACTIVE, 409),
    HttpError(errors.CONTRACT_PENDING, 409),
    HttpError(errors.CONTRACT_EXPIRED, 410),
    HttpError(errors.CONTRACT_CANCELLED, 410),
    HttpError(errors.STRIPE_CUSTOMER_NONE, 409),
    HttpError(errors.AMOUNT_NOT_CHARGEABLE, 422),
    HttpError(errors.SESSION_UNKNOWN, 404, "path.session"),
    HttpError(errors.SESSION_EXPIRED, 410, "path.session"),
    HttpError(errors.SESSION_COMPLETE, 409, "path.session"),
    HttpError(errors.SESSION_UNPAID, 409, "path.session"),
    HttpError(errors.CONTRACT_NOT_ACTIVE, 409),
    HttpError(errors.CONTRACT_NOT_CANCELLED, 409),
    HttpError(errors.INSTALLMENT_UNKNOWN, 404, "path.index"),
    HttpError(errors.INVOICE_UNKNOWN, 404, "path.number"),
    HttpError(errors.INVOICE_NOT_DUE, 409, "path.number"),
    HttpError(errors.INVOICE_HAS_PAYMENT_PAGE, 409, "path.number"),
    HttpError(errors.INVOICE_INDIVISIBLE, 409, "body.amountUsd"),
    HttpError(errors.INVOICE_OVERPAID, 409, "body.amountUsd"),
    HttpError(errors.PAYMENT_TOO_SMALL, 422, "body.amountUsd"),
    HttpError(errors.PAYMENT_METHOD_NONE, 409),
    HttpError(errors.CARD_DECLINED, 402),
    HttpError(errors.PROJECT_UNKNOWN, 404, "body.project"),
    HttpError(errors.MODEL_UNKNOWN, 404, "body.model"),
    HttpError(errors.METER_UNKNOWN, 404, "body.slug"),
    HttpError(errors.CLOCK_TOO_EARLY, 409),
    HttpError(errors.INSTANT_NONE, 409),
    HttpError(errors.NOTHING_TO_UNDO, 409),
    HttpError(errors.VERSION_OUTDATED, 409),
    HttpError(errors.SNAPSHOT_UNKNOWN, 404, "path.snapshot"),
)

ROWS: Mapping[str, ProblemType] = {
    error.error_code.code: ProblemType(error.error_code.code, error.status, error.error_code.message)
    for error in BILLING_ERRORS
}
"""The row of the error table for each code of the domain."""

_LOCATIONS = {error.error_code.code: error.location for error in BILLING_ERRORS}


INSTANT_INVALID = ProblemType(
    "instant_invalid", 422, "expected an RFC 3339 instant in the years 1972 to 8999, UTC"
)
"""A text that `tenants.clock.billing_instant` does not take; of the control API and of fault rules."""


def store_problem(error: StoreError) -> Problem:
    """The problem document's error for an error of the store."""
    headers = {} if error.retry_after_s is None else {"Retry-After": str(error.retry_after_s)}
    return Problem(ProblemType(error.code, error.status, error.detail), headers=headers)


def problem(error: BillingError) -> Problem:
    """The problem document's error for an error of the domain."""
    location = _LOCATIONS[error.code]
    if location is None:
        return Problem(ROWS[error.code], detail=error.message)
    message = error.message + nearest(error.value or "", error.names, 0.65)
    row = {"message": message, "location": location, "value": error.value}
    return Problem(ROWS[error.code], [row], detail=message)
