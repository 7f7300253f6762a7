"""Refusals of the domain: each has a name, a status and one row in this table."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus


@dataclass(frozen=True, slots=True)
class ErrorCode:
    """A kind of refusal: its name, HTTP status and what it tells the client."""

    name: str
    status: int
    detail: str


class BillingError(Exception):
    """A command that the tenant's state does not allow."""

    def __init__(self, kind: ErrorCode, location: str | None = None, value: str | None = None) -> None:
        super().__init__(kind.name)
        self.kind = kind
        self.name = kind.name
        self.status = kind.status
        self.title = HTTPStatus(kind.status).phrase
        self.detail = kind.detail
        self.errors: list[dict[str, object]] = (
            [] if location is None else [{"message": kind.detail, "location": location, "value": value}]
        )


VOUCHER_UNKNOWN = ErrorCode("voucher_unknown", 404, "voucher not found")
VOUCHER_EXPIRED = ErrorCode("voucher_expired", 410, "voucher has expired")
VOUCHER_USED = ErrorCode("voucher_used", 409, "voucher has already been redeemed")
VOUCHER_LIMIT_REACHED = ErrorCode("voucher_limit_reached", 409, "voucher redemption limit reached")
VOUCHER_WITHOUT_EFFECT = ErrorCode(
    "voucher_without_effect", 409, "the contract has no service fee left to discount"
)
CONTRACT_NONE = ErrorCode("contract_none", 404, "no enterprise contract")
CONTRACT_UNKNOWN = ErrorCode("contract_unknown", 404, "enterprise contract not found")
CONTRACT_ACTIVE = ErrorCode("contract_active", 409, "an enterprise contract is already active")
CONTRACT_PENDING = ErrorCode("contract_pending", 409, "another enterprise contract is awaiting payment")
CONTRACT_EXPIRED = ErrorCode("contract_expired", 410, "enterprise contract has expired")
CONTRACT_CANCELLED = ErrorCode("contract_cancelled", 410, "enterprise contract has been cancelled")
STRIPE_CUSTOMER_NONE = ErrorCode(
    "stripe_customer_none", 409, "no Stripe customer yet: top up once to create one"
)
SESSION_UNKNOWN = ErrorCode("session_unknown", 404, "checkout session not found")
SESSION_EXPIRED = ErrorCode("session_expired", 410, "checkout session has expired")
SESSION_COMPLETE = ErrorCode("session_complete", 409, "checkout session is already paid")
SESSION_UNPAID = ErrorCode("session_unpaid", 409, "checkout session has not been paid")
CONTRACT_NOT_ACTIVE = ErrorCode("contract_not_active", 409, "no enterprise contract is active")
CONTRACT_NOT_CANCELLED = ErrorCode("contract_not_cancelled", 409, "no cancelled contract can be resumed")
INSTALLMENT_UNKNOWN = ErrorCode("installment_unknown", 404, "the payment schedule has no such installment")
PROJECT_UNKNOWN = ErrorCode("project_unknown", 404, "the organization has no such project")
MODEL_UNKNOWN = ErrorCode("model_unknown", 404, "the price list has no such model")
METER_UNKNOWN = ErrorCode("meter_unknown", 404, "the price list has no such event or service")
CLOCK_TOO_EARLY = ErrorCode("clock_too_early", 409, "the organization did not exist at that instant")
INSTANT_NONE = ErrorCode("instant_none", 409, "the organization has no such instant ahead of it")
NOTHING_TO_UNDO = ErrorCode("nothing_to_undo", 409, "there is no command to take back")
SNAPSHOT_UNKNOWN = ErrorCode("snapshot_unknown", 404, "snapshot not found")
IDEMPOTENCY_KEY_REUSED = ErrorCode(
    "idempotency_key_reused", 409, "Idempotency-Key was already used with a different request"
)

ERROR_CODES: tuple[ErrorCode, ...] = (
    IDEMPOTENCY_KEY_REUSED,
    VOUCHER_UNKNOWN,
    VOUCHER_EXPIRED,
    VOUCHER_USED,
    VOUCHER_LIMIT_REACHED,
    VOUCHER_WITHOUT_EFFECT,
    CONTRACT_NONE,
    CONTRACT_UNKNOWN,
    CONTRACT_ACTIVE,
    CONTRACT_PENDING,
    CONTRACT_EXPIRED,
    CONTRACT_CANCELLED,
    STRIPE_CUSTOMER_NONE,
    SESSION_UNKNOWN,
    SESSION_EXPIRED,
    SESSION_COMPLETE,
    SESSION_UNPAID,
    CONTRACT_NOT_ACTIVE,
    CONTRACT_NOT_CANCELLED,
    INSTALLMENT_UNKNOWN,
    PROJECT_UNKNOWN,
    MODEL_UNKNOWN,
    METER_UNKNOWN,
    CLOCK_TOO_EARLY,
    INSTANT_NONE,
    NOTHING_TO_UNDO,
    SNAPSHOT_UNKNOWN,
)
"""Every refusal of the domain, in order of precedence."""
