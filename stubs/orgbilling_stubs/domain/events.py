"""What happened: frozen facts in the past tense, each writable as one JSON object."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True, slots=True)
class TenantCreated:
    """An organisation came to be; its history up to `as_of_ms` follows from persona and seed."""

    persona: Mapping[str, Any]
    seed: int
    as_of_ms: int


@dataclass(frozen=True, slots=True)
class CheckoutOpened:
    """A Stripe Checkout session for a credit top-up was opened; amount in cents."""

    session_id: str
    amount_cents: int
    currency: str


@dataclass(frozen=True, slots=True)
class CheckoutCompleted:
    """The customer paid on the hosted page."""

    session_id: str


@dataclass(frozen=True, slots=True)
class PaymentSettled:
    """Stripe's webhook arrived: what was paid for takes effect."""

    session_id: str


@dataclass(frozen=True, slots=True)
class PortalOpened:
    """A Stripe billing-portal session was opened."""

    session_id: str


@dataclass(frozen=True, slots=True)
class VoucherRedeemed:
    """A voucher was redeemed; `balance_micros` is the balance right after it."""

    code: str
    credit_micros: int
    discount_percent: int
    balance_micros: int


@dataclass(frozen=True, slots=True)
class ContractSubscribed:
    """The tenant was bound to an enterprise contract and owes its first payment."""

    contract_id: str
    session_id: str


Event = (
    TenantCreated
    | CheckoutOpened
    | CheckoutCompleted
    | PaymentSettled
    | PortalOpened
    | VoucherRedeemed
    | ContractSubscribed
)

KINDS: dict[str, type[Event]] = {
    kind.__name__: kind
    for kind in (
        TenantCreated,
        CheckoutOpened,
        CheckoutCompleted,
        PaymentSettled,
        PortalOpened,
        VoucherRedeemed,
        ContractSubscribed,
    )
}
"""Every kind of event by its name in the log."""


class UnknownEventError(ValueError):
    """The log holds an event that this version does not know."""


def encode(event: Event) -> dict[str, Any]:
    """The event as a JSON-able object, its kind first."""
    return {"kind": type(event).__name__} | {f.name: getattr(event, f.name) for f in fields(event)}


def decode(document: Mapping[str, Any]) -> Event:
    """The event that `encode` wrote.

    Raises UnknownEventError for a kind or members that this version does not know.
    """
    members = dict(document)
    kind = members.pop("kind", None)
    if kind not in KINDS:
        raise UnknownEventError(f"unknown event {kind!r}")
    try:
        return KINDS[kind](**members)
    except TypeError as error:
        raise UnknownEventError(f"event {kind} has other members than this version knows: {error}") from error


@dataclass(frozen=True, slots=True)
class Idempotency:
    """An Idempotency-Key and the fingerprint of the request that first used it."""

    key: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Record:
    """An event at its place in a tenant's log."""

    sequence: int
    at_ms: int
    event: Event
    idempotency: Idempotency | None = None
