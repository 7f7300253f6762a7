"""Commands: what a client or the control API asks for, in the imperative."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from orgbilling_stubs.billing.billing_details import BillingDetails
from orgbilling_stubs.billing.payment_cards import PaymentCard


@dataclass(frozen=True, slots=True)
class OpenCheckout:
    """Open a Stripe Checkout session for a top-up; amount in the smallest currency unit.

    created_by: the user who asks, here and in the commands below; None is the tenant's admin.
    return_origin: the web origin of the app that asks, to which the customer may go back, here and below.
    """

    amount_minor: int
    currency: str
    created_by: str | None = None
    return_origin: str | None = None


@dataclass(frozen=True, slots=True)
class PayCheckout:
    """Pay an open checkout session; its webhook arrives so many seconds later, once for each number.

    card: the card that pays; None is the customer's usual card.
    """

    session_id: str
    webhook_delays_s: Sequence[int] = (0,)
    card: PaymentCard | None = None


@dataclass(frozen=True, slots=True)
class DeclineCheckout:
    """Decline the card of an open checkout session with a Stripe decline code."""

    session_id: str
    code: str


@dataclass(frozen=True, slots=True)
class ExpireCheckout:
    """Expire an open checkout session now."""

    session_id: str


@dataclass(frozen=True, slots=True)
class DeliverWebhook:
    """Let the webhook of a paid checkout session arrive now."""

    session_id: str


@dataclass(frozen=True, slots=True)
class OpenPortal:
    """Open a Stripe billing-portal session."""

    return_origin: str | None = None


@dataclass(frozen=True, slots=True)
class RedeemVoucher:
    """Redeem a voucher code."""

    code: str
    created_by: str | None = None


@dataclass(frozen=True, slots=True)
class SubscribeContract:
    """Bind the tenant to an enterprise contract."""

    contract_id: str
    created_by: str | None = None
    return_origin: str | None = None


@dataclass(frozen=True, slots=True)
class OfferContract:
    """Draw up a contract (the members of `tenant_config.ContractTerms` that the caller chose)."""

    terms: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class CancelContract:
    """Cancel the running contract."""


@dataclass(frozen=True, slots=True)
class ResumeContract:
    """Let a cancelled contract run again."""


@dataclass(frozen=True, slots=True)
class MarkInstallment:
    """Mark an installment, by its place in the schedule, as paid or as overdue."""

    index: int
    paid: bool


@dataclass(frozen=True, slots=True)
class PayInvoice:
    """Pay an invoice, by its number, with the card on file.

    amount_micros: what to pay of it, in micro-USD; None is all that remains.
    """

    number: str
    amount_micros: int | None = None


@dataclass(frozen=True, slots=True)
class ChangePaymentMethod:
    """Keep another card on file; it makes the payments that need no customer."""

    card: PaymentCard


@dataclass(frozen=True, slots=True)
class ChangeBillingDetails:
    """Change whom invoices are addressed to."""

    details: BillingDetails


@dataclass(frozen=True, slots=True)
class RecordUsage:
    """Record token usage of a project (by its place) through a model, and charge for it.

    model: None stands for the first of the price list.
    """

    project: int
    model: str | None
    source: str
    input_tokens: int
    output_tokens: int
    messages: int
    sessions: int


@dataclass(frozen=True, slots=True)
class RecordMeter:
    """Record context-engine events (`event`) or service operations (`service`), and charge for them."""

    meter: str
    slug: str
    count: int


@dataclass(frozen=True, slots=True)
class ChangePrices:
    """Change prices, in nano-USD; what is None or not named stays. Models: slug → (input, output) per 1K."""

    input_per_1k_nanos: int | None = None
    output_per_1k_nanos: int | None = None
    token_per_1k_nanos: int | None = None
    character_month_nanos: int | None = None
    events: Mapping[str, int] | None = None
    services: Mapping[str, int] | None = None
    models: Mapping[str, Sequence[int]] | None = None


@dataclass(frozen=True, slots=True)
class IssueVoucher:
    """Create a voucher; state is `open`, `expired`, `used` or `limit_reached`."""

    code: str
    credit_micros: int
    discount_percent: int
    state: str = "open"


@dataclass(frozen=True, slots=True)
class RefundCredits:
    """Take credits back and return their money, in micro-USD."""

    amount_micros: int
    description: str


@dataclass(frozen=True, slots=True)
class AdjustBalance:
    """Correct the credit balance by a signed amount in micro-USD."""

    amount_micros: int
    description: str


@dataclass(frozen=True, slots=True)
class ChangeCheckoutSettings:
    """Choose redirects and webhook timing of the hosted pages for this tenant; None = the server's."""

    success_url: str | None = None
    cancel_url: str | None = None
    webhook_delays_s: Sequence[int] | None = None
    return_url: str | None = None


@dataclass(frozen=True, slots=True)
class ClearScenarioFaults:
    """End the fault rules of the scenario that the organization shows."""


Command = (
    OpenCheckout
    | PayCheckout
    | DeclineCheckout
    | ExpireCheckout
    | DeliverWebhook
    | OpenPortal
    | RedeemVoucher
    | SubscribeContract
    | OfferContract
    | CancelContract
    | ResumeContract
    | MarkInstallment
    | PayInvoice
    | ChangePaymentMethod
    | ChangeBillingDetails
    | RecordUsage
    | RecordMeter
    | ChangePrices
    | IssueVoucher
    | RefundCredits
    | AdjustBalance
    | ChangeCheckoutSettings
    | ClearScenarioFaults
)
