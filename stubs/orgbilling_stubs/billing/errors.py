"""Refusals of the domain: each has a name, a status and one row in this table."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of refusal: its name, HTTP status and what it tells the client."""

    name: str
    status: int
    detail: str


class Refusal(Exception):  # noqa: N818 -- a refusal is an answer, not an error of ours
    """A command that the tenant's state does not allow."""

    def __init__(self, kind: Kind, location: str | None = None, value: str | None = None) -> None:
        super().__init__(kind.name)
        self.kind = kind
        self.name = kind.name
        self.status = kind.status
        self.title = HTTPStatus(kind.status).phrase
        self.detail = kind.detail
        self.errors: list[dict[str, object]] = (
            [] if location is None else [{"message": kind.detail, "location": location, "value": value}]
        )


VOUCHER_UNKNOWN = Kind("voucher_unknown", 404, "voucher not found")
VOUCHER_EXPIRED = Kind("voucher_expired", 410, "voucher has expired")
VOUCHER_USED = Kind("voucher_used", 409, "voucher has already been redeemed")
VOUCHER_LIMIT = Kind("voucher_limit_reached", 409, "voucher redemption limit reached")
VOUCHER_IDLE = Kind("voucher_without_effect", 409, "the contract has no service fee left to discount")
CONTRACT_NONE = Kind("contract_none", 404, "no enterprise contract")
CONTRACT_UNKNOWN = Kind("contract_unknown", 404, "enterprise contract not found")
CONTRACT_ACTIVE = Kind("contract_active", 409, "an enterprise contract is already active")
CONTRACT_PENDING = Kind("contract_pending", 409, "another enterprise contract is awaiting payment")
CONTRACT_EXPIRED = Kind("contract_expired", 410, "enterprise contract has expired")
CONTRACT_CANCELLED = Kind("contract_cancelled", 410, "enterprise contract has been cancelled")
NO_CUSTOMER = Kind("stripe_customer_none", 409, "no Stripe customer yet: top up once to create one")
SESSION_UNKNOWN = Kind("session_unknown", 404, "checkout session not found")
SESSION_EXPIRED = Kind("session_expired", 410, "checkout session has expired")
SESSION_COMPLETE = Kind("session_complete", 409, "checkout session is already paid")
SESSION_UNPAID = Kind("session_unpaid", 409, "checkout session has not been paid")
CONTRACT_NOT_ACTIVE = Kind("contract_not_active", 409, "no enterprise contract is active")
CONTRACT_NOT_CANCELLED = Kind("contract_not_cancelled", 409, "no cancelled contract can be resumed")
INSTALLMENT_UNKNOWN = Kind("installment_unknown", 404, "the payment schedule has no such installment")
PROJECT_UNKNOWN = Kind("project_unknown", 404, "the organization has no such project")
MODEL_UNKNOWN = Kind("model_unknown", 404, "the price list has no such model")
METER_UNKNOWN = Kind("meter_unknown", 404, "the price list has no such event or service")
CLOCK_TOO_EARLY = Kind("clock_too_early", 409, "the organization did not exist at that instant")
INSTANT_NONE = Kind("instant_none", 409, "the organization has no such instant ahead of it")
NOTHING_TO_UNDO = Kind("nothing_to_undo", 409, "there is no command to take back")
SNAPSHOT_UNKNOWN = Kind("snapshot_unknown", 404, "snapshot not found")
IDEMPOTENCY_REUSED = Kind(
    "idempotency_key_reused", 409, "Idempotency-Key was already used with a different request"
)

KINDS: tuple[Kind, ...] = (
    IDEMPOTENCY_REUSED,
    VOUCHER_UNKNOWN,
    VOUCHER_EXPIRED,
    VOUCHER_USED,
    VOUCHER_LIMIT,
    VOUCHER_IDLE,
    CONTRACT_NONE,
    CONTRACT_UNKNOWN,
    CONTRACT_ACTIVE,
    CONTRACT_PENDING,
    CONTRACT_EXPIRED,
    CONTRACT_CANCELLED,
    NO_CUSTOMER,
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
