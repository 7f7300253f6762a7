"""Decisions: what a command makes happen, or why it is refused. Nothing here changes anything."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from orgbilling_stubs.billing import commands as do
from orgbilling_stubs.billing import contract as contracts
from orgbilling_stubs.billing import contract_catalog, errors, ids, vouchers
from orgbilling_stubs.billing import events as on
from orgbilling_stubs.billing.contract import Contract
from orgbilling_stubs.billing.errors import BillingError
from orgbilling_stubs.billing.events import Event
from orgbilling_stubs.billing.tenant import Checkout, Tenant
from orgbilling_stubs.billing.tenant_config import VoucherTerms


def decide(tenant: Tenant, command: do.Command, now_ms: int) -> list[Event]:
    """The events that a command causes on a tenant that has been advanced to `now_ms`.

    Raises Refusal when the state does not allow it.
    """
    return _DECISIONS[type(command)](tenant, command, now_ms)


def _name(tenant: Tenant) -> tuple[int, str, int]:
    """What makes an id of this tenant's next event unique."""
    return tenant.config.seed, tenant.config.identity_seed, tenant.billing_events + 1


def _discountable(contract: Contract | None, terms: VoucherTerms, now_ms: int) -> None:
    """Raise Refusal for a discount that would be used up on a contract and leave it as it is.

    Without a contract that runs or waits for its payment, a discount is kept for the next one.
    """
    if contract is None or contract.status not in ("active", "pending_payment"):
        return
    if contracts.discounted(contract, terms.discount_percent, now_ms).schedule == contract.schedule:
        raise BillingError(errors.VOUCHER_WITHOUT_EFFECT, terms.code)


def _redeem(tenant: Tenant, command: do.RedeemVoucher, now_ms: int) -> list[Event]:
    terms = vouchers.redeemable(tenant.vouchers, tenant.redeemed, command.code)
    if not terms.credit_micros:
        _discountable(tenant.contract, terms, now_ms)
    balance_micros = tenant.ledger.balance_micros + terms.credit_micros
    return [on.VoucherRedeemed(terms.code, terms.credit_micros, terms.discount_percent, balance_micros)]


def _open_checkout(tenant: Tenant, command: do.OpenCheckout, now_ms: int) -> list[Event]:
    session_id = ids.checkout_session(*_name(tenant))
    return [on.CheckoutOpened(session_id, command.amount_cents, command.currency)]


def _open_session(tenant: Tenant, session_id: str, now_ms: int) -> Checkout:
    """A session that is open or complete; raises Refusal for one that is unknown or expired."""
    checkout = tenant.checkouts.get(session_id)
    if checkout is None:
        raise BillingError(errors.SESSION_UNKNOWN)
    if checkout.status(now_ms) == "expired":
        raise BillingError(errors.SESSION_EXPIRED)
    return checkout


def _pay(tenant: Tenant, command: do.PayCheckout, now_ms: int) -> list[Event]:
    if _open_session(tenant, command.session_id, now_ms).completed:
        return []
    webhooks_ms = sorted(now_ms + 1_000 * seconds for seconds in command.webhook_delays_s)
    return [on.CheckoutCompleted(command.session_id, webhooks_ms)]


def _decline(tenant: Tenant, command: do.DeclineCheckout, now_ms: int) -> list[Event]:
    if _open_session(tenant, command.session_id, now_ms).completed:
        return []
    return [on.CheckoutDeclined(command.session_id, command.code)]


def _expire(tenant: Tenant, command: do.ExpireCheckout, now_ms: int) -> list[Event]:
    if _open_session(tenant, command.session_id, now_ms).completed:
        raise BillingError(errors.SESSION_COMPLETE)
    return [on.CheckoutExpired(command.session_id)]


def _deliver(tenant: Tenant, command: do.DeliverWebhook, now_ms: int) -> list[Event]:
    checkout = tenant.checkouts.get(command.session_id)
    if checkout is None:
        raise BillingError(errors.SESSION_UNKNOWN)
    if not checkout.completed:
        raise BillingError(errors.SESSION_UNPAID)
    return [] if checkout.settled else [on.PaymentSettled(command.session_id)]


def _open_portal(tenant: Tenant, command: do.OpenPortal, now_ms: int) -> list[Event]:
    if tenant.stripe_customer_id is None:
        raise BillingError(errors.STRIPE_CUSTOMER_NONE)
    return [on.PortalOpened(ids.portal_session(*_name(tenant)))]


def _subscribe(tenant: Tenant, command: do.SubscribeContract, now_ms: int) -> list[Event]:
    terms = contract_catalog.subscribable(tenant.offers, command.contract_id, now_ms)
    current = tenant.contract
    if current is not None and current.status == "active":
        raise BillingError(errors.CONTRACT_ACTIVE, command.contract_id)
    if current is not None and current.status == "pending_payment":
        if current.terms.contract_id != terms.contract_id:
            raise BillingError(errors.CONTRACT_PENDING, command.contract_id)
        assert current.session_id is not None
        return [on.ContractSubscribed(terms.contract_id, current.session_id)]
    return [on.ContractSubscribed(terms.contract_id, ids.checkout_session("contract", *_name(tenant)))]


def _offer(tenant: Tenant, command: do.OfferContract, now_ms: int) -> list[Event]:
    contract_id = command.terms.get("contract_id") or ids.uuid("contract", *_name(tenant))
    return [on.ContractOffered(contract_catalog.complete_terms(command.terms, contract_id.lower()))]


def _cancel(tenant: Tenant, command: do.CancelContract, now_ms: int) -> list[Event]:
    if tenant.contract is None or tenant.contract.status != "active":
        raise BillingError(errors.CONTRACT_NOT_ACTIVE)
    return [on.ContractCancelled()]


def _resume(tenant: Tenant, command: do.ResumeContract, now_ms: int) -> list[Event]:
    contract = tenant.contract
    if contract is None or contract.status != "cancelled" or now_ms >= contract.end_ms:
        raise BillingError(errors.CONTRACT_NOT_CANCELLED)
    return [on.ContractResumed()]


def _mark(tenant: Tenant, command: do.MarkInstallment, now_ms: int) -> list[Event]:
    contract = tenant.contract
    if contract is None or contract.status in ("draft", "pending_payment"):
        raise BillingError(errors.CONTRACT_NOT_ACTIVE)
    if not 0 <= command.index < len(contract.schedule):
        raise BillingError(errors.INSTALLMENT_UNKNOWN, str(command.index))
    if contract.schedule[command.index].paid and command.paid:
        return []
    return [on.InstallmentMarked(command.index, command.paid)]


def _use(tenant: Tenant, command: do.RecordUsage, now_ms: int) -> list[Event]:
    if not 0 <= command.project < len(tenant.config.projects):
        raise BillingError(errors.PROJECT_UNKNOWN, str(command.project))
    if command.model not in tenant.model_prices:
        raise BillingError(errors.MODEL_UNKNOWN, command.model)
    return [
        on.UsageRecorded(
            command.project,
            command.model,
            command.source,
            command.input_tokens,
            command.output_tokens,
            command.messages,
            command.sessions,
        )
    ]


def _meter(tenant: Tenant, command: do.RecordMeter, now_ms: int) -> list[Event]:
    if (command.meter, command.slug) not in tenant.unit_prices:
        raise BillingError(errors.METER_UNKNOWN, command.slug)
    return [on.MeterRecorded(command.meter, command.slug, command.count)]


def _reprice(tenant: Tenant, command: do.ChangePrices, now_ms: int) -> list[Event]:
    return [
        on.PricesChanged(
            command.input_per_1k_nanos,
            command.output_per_1k_nanos,
            command.token_per_1k_nanos,
            command.character_month_nanos,
            command.events,
            command.services,
            command.models,
        )
    ]


def _issue(tenant: Tenant, command: do.IssueVoucher, now_ms: int) -> list[Event]:
    return [on.VoucherIssued(command.code, command.credit_micros, command.discount_percent, command.state)]


def _refund(tenant: Tenant, command: do.RefundCredits, now_ms: int) -> list[Event]:
    return [on.CreditsRefunded(command.amount_micros, command.description)]


def _adjust(tenant: Tenant, command: do.AdjustBalance, now_ms: int) -> list[Event]:
    return [on.BalanceAdjusted(command.amount_micros, command.description)]


def _set_habits(tenant: Tenant, command: do.ChangeCheckoutSettings, now_ms: int) -> list[Event]:
    return [
        on.CheckoutSettingsChanged(
            command.success_url, command.cancel_url, command.webhook_delays_s, command.return_url
        )
    ]


_DECISIONS: dict[type[do.Command], Callable[[Tenant, Any, int], list[Event]]] = {
    do.OpenCheckout: _open_checkout,
    do.PayCheckout: _pay,
    do.DeclineCheckout: _decline,
    do.ExpireCheckout: _expire,
    do.DeliverWebhook: _deliver,
    do.OpenPortal: _open_portal,
    do.RedeemVoucher: _redeem,
    do.SubscribeContract: _subscribe,
    do.OfferContract: _offer,
    do.CancelContract: _cancel,
    do.ResumeContract: _resume,
    do.MarkInstallment: _mark,
    do.RecordUsage: _use,
    do.RecordMeter: _meter,
    do.ChangePrices: _reprice,
    do.IssueVoucher: _issue,
    do.RefundCredits: _refund,
    do.AdjustBalance: _adjust,
    do.ChangeCheckoutSettings: _set_habits,
}
