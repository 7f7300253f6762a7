"""Decisions: the events that a command causes, or the error that keeps it from happening.

A decision looks at the tenant and changes nothing; `billing.apply` does that, with the events.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from orgbilling_stubs.billing import commands, contract_catalog, errors, events, ids, vouchers
from orgbilling_stubs.billing import contract as contracts
from orgbilling_stubs.billing.contract import Contract
from orgbilling_stubs.billing.errors import BillingError
from orgbilling_stubs.billing.events import Event
from orgbilling_stubs.billing.tenant import Checkout, Tenant
from orgbilling_stubs.billing.tenant_config import VoucherTerms


def decide(tenant: Tenant, command: commands.Command, now_ms: int) -> list[Event]:
    """The events that a command causes on a tenant that has been advanced to `now_ms`.

    Raises BillingError when the state does not allow it.
    """
    return _DECISIONS[type(command)](tenant, command, now_ms)


def _next_id_parts(tenant: Tenant) -> tuple[int, str, int]:
    """What the id of the tenant's next event is derived from: no two events have the same parts."""
    return tenant.config.seed, tenant.config.identity_seed, tenant.billing_events + 1


def _check_discount(contract: Contract | None, terms: VoucherTerms, now_ms: int) -> None:
    """Raise BillingError for a discount that would be used up on a contract and leave it as it is.

    Without a contract that runs or waits for its payment, a discount is kept for the next one.
    """
    if contract is None or contract.status not in ("active", "pending_payment"):
        return
    if contracts.discounted(contract, terms.discount_percent, now_ms).schedule == contract.schedule:
        raise BillingError(errors.VOUCHER_WITHOUT_EFFECT, terms.code)


def _redeem_voucher(tenant: Tenant, command: commands.RedeemVoucher, now_ms: int) -> list[Event]:
    terms = vouchers.redeemable(tenant.vouchers, tenant.redeemed, command.code)
    if not terms.credit_micros:
        _check_discount(tenant.contract, terms, now_ms)
    balance_micros = tenant.ledger.balance_micros + terms.credit_micros
    return [events.VoucherRedeemed(terms.code, terms.credit_micros, terms.discount_percent, balance_micros)]


def _open_checkout(tenant: Tenant, command: commands.OpenCheckout, now_ms: int) -> list[Event]:
    session_id = ids.checkout_session(*_next_id_parts(tenant))
    return [events.CheckoutOpened(session_id, command.amount_cents, command.currency)]


def _payable_session(tenant: Tenant, session_id: str, now_ms: int) -> Checkout:
    """A session that is open or complete; raises BillingError for one that is unknown or expired."""
    checkout = tenant.checkouts.get(session_id)
    if checkout is None:
        raise BillingError(errors.SESSION_UNKNOWN)
    if checkout.status(now_ms) == "expired":
        raise BillingError(errors.SESSION_EXPIRED)
    return checkout


def _pay_checkout(tenant: Tenant, command: commands.PayCheckout, now_ms: int) -> list[Event]:
    if _payable_session(tenant, command.session_id, now_ms).completed:
        return []
    webhooks_ms = sorted(now_ms + 1_000 * seconds for seconds in command.webhook_delays_s)
    return [events.CheckoutCompleted(command.session_id, webhooks_ms)]


def _decline_checkout(tenant: Tenant, command: commands.DeclineCheckout, now_ms: int) -> list[Event]:
    if _payable_session(tenant, command.session_id, now_ms).completed:
        return []
    return [events.CheckoutDeclined(command.session_id, command.code)]


def _expire_checkout(tenant: Tenant, command: commands.ExpireCheckout, now_ms: int) -> list[Event]:
    if _payable_session(tenant, command.session_id, now_ms).completed:
        raise BillingError(errors.SESSION_COMPLETE)
    return [events.CheckoutExpired(command.session_id)]


def _deliver_webhook(tenant: Tenant, command: commands.DeliverWebhook, now_ms: int) -> list[Event]:
    checkout = tenant.checkouts.get(command.session_id)
    if checkout is None:
        raise BillingError(errors.SESSION_UNKNOWN)
    if not checkout.completed:
        raise BillingError(errors.SESSION_UNPAID)
    return [] if checkout.settled else [events.PaymentSettled(command.session_id)]


def _open_portal(tenant: Tenant, command: commands.OpenPortal, now_ms: int) -> list[Event]:
    if tenant.stripe_customer_id is None:
        raise BillingError(errors.STRIPE_CUSTOMER_NONE)
    return [events.PortalOpened(ids.portal_session(*_next_id_parts(tenant)))]


def _subscribe_contract(tenant: Tenant, command: commands.SubscribeContract, now_ms: int) -> list[Event]:
    terms = contract_catalog.subscribable(tenant.offers, command.contract_id, now_ms)
    current = tenant.contract
    if current is not None and current.status == "active":
        raise BillingError(errors.CONTRACT_ACTIVE, command.contract_id)
    if current is not None and current.status == "pending_payment":
        if current.terms.contract_id != terms.contract_id:
            raise BillingError(errors.CONTRACT_PENDING, command.contract_id)
        assert current.session_id is not None
        return [events.ContractSubscribed(terms.contract_id, current.session_id)]
    return [
        events.ContractSubscribed(
            terms.contract_id, ids.checkout_session("contract", *_next_id_parts(tenant))
        )
    ]


def _offer_contract(tenant: Tenant, command: commands.OfferContract, now_ms: int) -> list[Event]:
    contract_id = command.terms.get("contract_id") or ids.uuid("contract", *_next_id_parts(tenant))
    return [events.ContractOffered(contract_catalog.complete_terms(command.terms, contract_id.lower()))]


def _cancel_contract(tenant: Tenant, command: commands.CancelContract, now_ms: int) -> list[Event]:
    if tenant.contract is None or tenant.contract.status != "active":
        raise BillingError(errors.CONTRACT_NOT_ACTIVE)
    return [events.ContractCancelled()]


def _resume_contract(tenant: Tenant, command: commands.ResumeContract, now_ms: int) -> list[Event]:
    contract = tenant.contract
    if contract is None or contract.status != "cancelled" or now_ms >= contract.end_ms:
        raise BillingError(errors.CONTRACT_NOT_CANCELLED)
    return [events.ContractResumed()]


def _mark_installment(tenant: Tenant, command: commands.MarkInstallment, now_ms: int) -> list[Event]:
    contract = tenant.contract
    if contract is None or contract.status in ("draft", "pending_payment"):
        raise BillingError(errors.CONTRACT_NOT_ACTIVE)
    if not 0 <= command.index < len(contract.schedule):
        raise BillingError(errors.INSTALLMENT_UNKNOWN, str(command.index))
    if contract.schedule[command.index].paid and command.paid:
        return []
    return [events.InstallmentMarked(command.index, command.paid)]


def _record_usage(tenant: Tenant, command: commands.RecordUsage, now_ms: int) -> list[Event]:
    if not 0 <= command.project < len(tenant.config.projects):
        raise BillingError(errors.PROJECT_UNKNOWN, str(command.project))
    if command.model not in tenant.model_prices:
        raise BillingError(errors.MODEL_UNKNOWN, command.model)
    return [
        events.UsageRecorded(
            command.project,
            command.model,
            command.source,
            command.input_tokens,
            command.output_tokens,
            command.messages,
            command.sessions,
        )
    ]


def _record_meter(tenant: Tenant, command: commands.RecordMeter, now_ms: int) -> list[Event]:
    if (command.meter, command.slug) not in tenant.unit_prices:
        raise BillingError(errors.METER_UNKNOWN, command.slug)
    return [events.MeterRecorded(command.meter, command.slug, command.count)]


def _change_prices(tenant: Tenant, command: commands.ChangePrices, now_ms: int) -> list[Event]:
    return [
        events.PricesChanged(
            command.input_per_1k_nanos,
            command.output_per_1k_nanos,
            command.token_per_1k_nanos,
            command.character_month_nanos,
            command.events,
            command.services,
            command.models,
        )
    ]


def _issue_voucher(tenant: Tenant, command: commands.IssueVoucher, now_ms: int) -> list[Event]:
    return [
        events.VoucherIssued(command.code, command.credit_micros, command.discount_percent, command.state)
    ]


def _refund_credits(tenant: Tenant, command: commands.RefundCredits, now_ms: int) -> list[Event]:
    return [events.CreditsRefunded(command.amount_micros, command.description)]


def _adjust_balance(tenant: Tenant, command: commands.AdjustBalance, now_ms: int) -> list[Event]:
    return [events.BalanceAdjusted(command.amount_micros, command.description)]


def _change_checkout_settings(
    tenant: Tenant, command: commands.ChangeCheckoutSettings, now_ms: int
) -> list[Event]:
    return [
        events.CheckoutSettingsChanged(
            command.success_url, command.cancel_url, command.webhook_delays_s, command.return_url
        )
    ]


_DECISIONS: dict[type[commands.Command], Callable[[Tenant, Any, int], list[Event]]] = {
    commands.OpenCheckout: _open_checkout,
    commands.PayCheckout: _pay_checkout,
    commands.DeclineCheckout: _decline_checkout,
    commands.ExpireCheckout: _expire_checkout,
    commands.DeliverWebhook: _deliver_webhook,
    commands.OpenPortal: _open_portal,
    commands.RedeemVoucher: _redeem_voucher,
    commands.SubscribeContract: _subscribe_contract,
    commands.OfferContract: _offer_contract,
    commands.CancelContract: _cancel_contract,
    commands.ResumeContract: _resume_contract,
    commands.MarkInstallment: _mark_installment,
    commands.RecordUsage: _record_usage,
    commands.RecordMeter: _record_meter,
    commands.ChangePrices: _change_prices,
    commands.IssueVoucher: _issue_voucher,
    commands.RefundCredits: _refund_credits,
    commands.AdjustBalance: _adjust_balance,
    commands.ChangeCheckoutSettings: _change_checkout_settings,
}
