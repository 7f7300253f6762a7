"""Commands: what a client or the control API asks for, in the imperative."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class OpenCheckout:
    """Open a Stripe Checkout session for a top-up; amount in the smallest currency unit."""

    amount_cents: int
    currency: str


@dataclass(frozen=True, slots=True)
class PayCheckout:
    """Pay an open checkout session; its webhook arrives so many seconds later, once for each number."""

    session_id: str
    webhook_delays_s: Sequence[int] = (0,)


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


@dataclass(frozen=True, slots=True)
class RedeemVoucher:
    """Redeem a voucher code."""

    code: str


@dataclass(frozen=True, slots=True)
class SubscribeContract:
    """Bind the tenant to an enterprise contract."""

    contract_id: str


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
class RecordUsage:
    """Record token usage of a project (by its place) through a model, and charge for it."""

    project: int
    model: str
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
    | RecordUsage
    | RecordMeter
    | ChangePrices
    | IssueVoucher
    | RefundCredits
    | AdjustBalance
    | ChangeCheckoutSettings
)
