"""What a client asks for, in the imperative."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class OpenCheckout:
    """Open a Stripe Checkout session for a top-up; amount in the smallest currency unit."""

    amount_cents: int
    currency: str


@dataclass(frozen=True, slots=True)
class PayCheckout:
    """Pay an open checkout session, and let its webhook arrive."""

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


Command = OpenCheckout | PayCheckout | OpenPortal | RedeemVoucher | SubscribeContract
