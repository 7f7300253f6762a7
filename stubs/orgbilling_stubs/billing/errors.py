"""The errors of the domain: each has a code and a message. What they are in HTTP is in `api.errors`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ErrorCode:
    """One kind of error: its code, and what it says."""

    code: str
    message: str


class BillingError(Exception):
    """A command that the tenant's state does not allow.

    value: what the command named and the tenant does not have or allow, such as a voucher code. message: why
    in this case, instead of what the code says in general. names: those that exist,
    when `value` is a name that does not.
    """

    def __init__(self, error_code: ErrorCode, value: str | None = None, message: str | None = None) -> None:
        super().__init__(error_code.code)
        self.code = error_code.code
        self.message = message or error_code.message
        self.value = value
        self.names: tuple[str, ...] = ()


def unknown_name(error_code: ErrorCode, name: str, names: Iterable[str]) -> BillingError:
    """The error of a name that does not exist. names: those that do."""
    error = BillingError(error_code, name)
    error.names = tuple(names)
    return error


VOUCHER_UNKNOWN = ErrorCode("voucher_unknown", "voucher not found")
VOUCHER_EXPIRED = ErrorCode("voucher_expired", "voucher has expired")
VOUCHER_USED = ErrorCode("voucher_used", "voucher has already been redeemed")
VOUCHER_LIMIT_REACHED = ErrorCode("voucher_limit_reached", "voucher redemption limit reached")
VOUCHER_WITHOUT_EFFECT = ErrorCode(
    "voucher_without_effect", "the contract has no service fee left to discount"
)
VOUCHER_EXISTS = ErrorCode("voucher_exists", "there is a voucher of this code")
CONTRACT_EXISTS = ErrorCode("contract_exists", "there is a contract of this id")
CONTRACT_NONE = ErrorCode("contract_none", "no enterprise contract")
CONTRACT_UNKNOWN = ErrorCode("contract_unknown", "enterprise contract not found")
CONTRACT_ACTIVE = ErrorCode("contract_active", "an enterprise contract is already active")
CONTRACT_PENDING = ErrorCode("contract_pending", "another enterprise contract is awaiting payment")
CONTRACT_EXPIRED = ErrorCode("contract_expired", "enterprise contract has expired")
CONTRACT_CANCELLED = ErrorCode("contract_cancelled", "enterprise contract has been cancelled")
STRIPE_CUSTOMER_NONE = ErrorCode("stripe_customer_none", "no Stripe customer yet: top up once to create one")
AMOUNT_NOT_CHARGEABLE = ErrorCode(
    "amount_not_chargeable", "Stripe does not take this amount in this currency"
)
SESSION_UNKNOWN = ErrorCode("session_unknown", "checkout session not found")
SESSION_EXPIRED = ErrorCode("session_expired", "checkout session has expired")
SESSION_COMPLETE = ErrorCode("session_complete", "checkout session is already paid")
SESSION_UNPAID = ErrorCode("session_unpaid", "checkout session has not been paid")
CONTRACT_NOT_ACTIVE = ErrorCode("contract_not_active", "no enterprise contract is active")
CONTRACT_NOT_CANCELLED = ErrorCode("contract_not_cancelled", "no cancelled contract can be resumed")
INSTALLMENT_UNKNOWN = ErrorCode("installment_unknown", "the payment schedule has no such installment")
INVOICE_UNKNOWN = ErrorCode("invoice_unknown", "there is no invoice of this number")
INVOICE_NOT_DUE = ErrorCode("invoice_not_due", "this invoice is not due yet")
INVOICE_HAS_PAYMENT_PAGE = ErrorCode("invoice_has_payment_page", "this invoice is paid on its payment page")
INVOICE_INDIVISIBLE = ErrorCode("invoice_indivisible", "an installment is paid as a whole")
INVOICE_OVERPAID = ErrorCode("invoice_overpaid", "this is more than what remains to pay")
PAYMENT_TOO_SMALL = ErrorCode("payment_too_small", "this is less than the smallest unit of the currency")
PAYMENT_METHOD_NONE = ErrorCode("payment_method_none", "there is no card on file")
CARD_DECLINED = ErrorCode("card_declined", "the card was declined")
PROJECT_UNKNOWN = ErrorCode("project_unknown", "the organization has no such project")
MODEL_UNKNOWN = ErrorCode("model_unknown", "the price list has no such model")
METER_UNKNOWN = ErrorCode("meter_unknown", "the price list has no such event or service")
CLOCK_TOO_EARLY = ErrorCode("clock_too_early", "the organization did not exist at that instant")
INSTANT_NONE = ErrorCode("instant_none", "the organization has no such instant ahead of it")
NOTHING_TO_UNDO = ErrorCode("nothing_to_undo", "there is no command to take back")
VERSION_OUTDATED = ErrorCode("version_outdated", "another command has come since this version")
SNAPSHOT_UNKNOWN = ErrorCode("snapshot_unknown", "snapshot not found")
IDEMPOTENCY_KEY_REUSED = ErrorCode(
    "idempotency_key_reused", "Idempotency-Key was already used with a different request"
)

ERROR_CODES = {value.code: value for value in tuple(globals().values()) if isinstance(value, ErrorCode)}
"""Every error code of this module by its name."""
