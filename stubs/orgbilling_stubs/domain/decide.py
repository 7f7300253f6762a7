"""Decisions: what a command makes happen, or why it is refused. Nothing here changes anything."""

from __future__ import annotations

from . import ids, offers, refusals, vouchers
from .commands import Command, OpenCheckout, OpenPortal, PayCheckout, RedeemVoucher, SubscribeContract
from .events import (
    CheckoutCompleted,
    CheckoutOpened,
    ContractSubscribed,
    Event,
    PaymentSettled,
    PortalOpened,
    VoucherRedeemed,
)
from .refusals import Refusal
from .tenant import Tenant


def decide(tenant: Tenant, command: Command, now_ms: int) -> list[Event]:
    """The events that a command causes on a tenant that has been advanced to `now_ms`.

    Raises Refusal when the state does not allow it.
    """
    match command:
        case RedeemVoucher():
            return _redeem(tenant, command)
        case OpenCheckout():
            session_id = ids.checkout_session(*_name(tenant))
            return [CheckoutOpened(session_id, command.amount_cents, command.currency)]
        case PayCheckout():
            return _pay(tenant, command, now_ms)
        case OpenPortal():
            if tenant.stripe_customer_id is None:
                raise Refusal(refusals.NO_CUSTOMER)
            return [PortalOpened(ids.portal_session(*_name(tenant)))]
        case SubscribeContract():
            return _subscribe(tenant, command, now_ms)


def _name(tenant: Tenant) -> tuple[int, str, int]:
    """What makes an id of this tenant's next event unique."""
    return tenant.plan.seed, tenant.plan.organisation, tenant.version + 1


def _redeem(tenant: Tenant, command: RedeemVoucher) -> list[Event]:
    terms = vouchers.redeemable(tenant.plan, tenant.redeemed, command.code)
    balance_micros = tenant.ledger.balance_micros + terms.credit_micros
    return [VoucherRedeemed(terms.code, terms.credit_micros, terms.discount_percent, balance_micros)]


def _pay(tenant: Tenant, command: PayCheckout, now_ms: int) -> list[Event]:
    checkout = tenant.checkouts.get(command.session_id)
    if checkout is None:
        raise Refusal(refusals.SESSION_UNKNOWN)
    status = checkout.status(now_ms)
    if status == "expired":
        raise Refusal(refusals.SESSION_EXPIRED)
    if status == "complete":
        return []
    return [CheckoutCompleted(command.session_id), PaymentSettled(command.session_id)]


def _subscribe(tenant: Tenant, command: SubscribeContract, now_ms: int) -> list[Event]:
    terms = offers.offered(tenant.plan.contract, command.contract_id, now_ms)
    current = tenant.contract
    if current is not None and current.status == "active":
        raise Refusal(refusals.CONTRACT_ACTIVE, "body.contractId", command.contract_id)
    if current is not None and current.status == "pending_payment":
        if current.terms.contract_id != terms.contract_id:
            raise Refusal(refusals.CONTRACT_PENDING, "body.contractId", command.contract_id)
        assert current.session_id is not None
        return [ContractSubscribed(terms.contract_id, current.session_id)]
    return [ContractSubscribed(terms.contract_id, ids.checkout_session("contract", *_name(tenant)))]
