"""Decisions: the events that a command causes, or the error that keeps it from happening.

A decision looks at the tenant and changes nothing; `billing.event_changes` does that, with the events.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from orgbilling_stubs.billing import commands, contract_catalog, errors, events, ids, vouchers
from orgbilling_stubs.billing import contract as contracts
from orgbilling_stubs.billing.contract import Contract
from orgbilling_stubs.billing.currencies import (
    chargeable_step_minor,
    smallest_unit,
    smallest_unit_micros,
    usd_micros_of,
)
from orgbilling_stubs.billing.errors import BillingError
from orgbilling_stubs.billing.events import Event
from orgbilling_stubs.billing.invoices import PAID, UPCOMING, invoice_numbered
from orgbilling_stubs.billing.tenant import Checkout, Tenant
from orgbilling_stubs.billing.tenant_config import VoucherTerms


def decide(tenant: Tenant, command: commands.Command, now_ms: int) -> list[Event]:
    """The events that a command causes on a tenant that has been advanced to `now_ms`.

    Raises BillingError when the state does not allow it.
    """
    return _DECISIONS[type(command)](tenant, command, now_ms)


def _next_session_id_parts(tenant: Tenant) -> tuple[str | int, ...]:
    """What the id of the session of the tenant's next event is derived from: no two events share it.

    The name of a scenario is a part, so that a page which was opened before the scenario does not show one of
    its sessions.
    """
    scenario = tenant.active_scenario
    parts = () if scenario is None else (scenario.name,)
    return tenant.config.session_id_parts(tenant.billing_events + 1, *parts)


def _check_discount(contract: Contract | None, terms: VoucherTerms, now_ms: int) -> None:
    """Raise BillingError for a discount that would be used up on a contract and leave it as it is.

    Without a contract that runs or waits for its payment, a discount is kept for the next one.
    """
    if contract is None or contract.status not in ("active", "pending_payment"):
        return
    if contracts.discounted(contract, terms.discount_percent, now_ms).schedule == contract.schedule:
        raise BillingError(errors.VOUCHER_WITHOUT_EFFECT)


def _redeem_voucher(tenant: Tenant, command: commands.RedeemVoucher, now_ms: int) -> list[Event]:
    terms = vouchers.redeemable(tenant.vouchers, tenant.redeemed, command.code)
    if not terms.credit_micros:
        _check_discount(tenant.contract, terms, now_ms)
    balance_micros = tenant.ledger.balance_micros + terms.credit_micros
    return [
        events.VoucherRedeemed(
            terms.code,
            terms.credit_micros,
            terms.discount_percent,
            balance_micros,
            command.created_by or tenant.admin(),
        )
    ]


def _open_checkout(tenant: Tenant, command: commands.OpenCheckout, now_ms: int) -> list[Event]:
    step_minor = chargeable_step_minor(command.currency)
    if command.amount_minor % step_minor:
        message = f"Stripe takes amounts in {command.currency} that are multiples of {step_minor}"
        raise BillingError(errors.AMOUNT_NOT_CHARGEABLE, str(command.amount_minor), message)
    if not usd_micros_of(command.amount_minor, command.currency):
        message = f"this amount in {command.currency} buys less than 0.01 credits"
        raise BillingError(errors.AMOUNT_NOT_CHARGEABLE, str(command.amount_minor), message)
    session_id = ids.checkout_session(*_next_session_id_parts(tenant))
    created_by = command.created_by or tenant.admin()
    return [
        events.CheckoutOpened(
            session_id, command.amount_minor, command.currency, created_by, command.return_origin
        )
    ]


def _payable_session(tenant: Tenant, session_id: str, now_ms: int) -> Checkout:
    """A session that is open or complete; raises BillingError for one that is unknown or expired."""
    checkout = tenant.checkouts.get(session_id)
    if checkout is None:
        raise BillingError(errors.SESSION_UNKNOWN, session_id)
    if checkout.status(now_ms) == "expired":
        raise BillingError(errors.SESSION_EXPIRED, session_id)
    return checkout


def _pay_checkout(tenant: Tenant, command: commands.PayCheckout, now_ms: int) -> list[Event]:
    if _payable_session(tenant, command.session_id, now_ms).completed:
        return []
    webhooks_ms = sorted(now_ms + 1_000 * seconds for seconds in command.webhook_delays_s)
    card = None if command.card is None else asdict(command.card)
    return [events.CheckoutCompleted(command.session_id, webhooks_ms, card)]


def _decline_checkout(tenant: Tenant, command: commands.DeclineCheckout, now_ms: int) -> list[Event]:
    if _payable_session(tenant, command.session_id, now_ms).completed:
        return []
    return [events.CheckoutDeclined(command.session_id, command.code)]


def _expire_checkout(tenant: Tenant, command: commands.ExpireCheckout, now_ms: int) -> list[Event]:
    if _payable_session(tenant, command.session_id, now_ms).completed:
        raise BillingError(errors.SESSION_COMPLETE, command.session_id)
    return [events.CheckoutExpired(command.session_id)]


def _deliver_webhook(tenant: Tenant, command: commands.DeliverWebhook, now_ms: int) -> list[Event]:
    checkout = tenant.checkouts.get(command.session_id)
    if checkout is None:
        raise BillingError(errors.SESSION_UNKNOWN, command.session_id)
    if not checkout.completed:
        raise BillingError(errors.SESSION_UNPAID, command.session_id)
    return [] if checkout.settled else [events.PaymentSettled(command.session_id)]


def _open_portal(tenant: Tenant, command: commands.OpenPortal, now_ms: int) -> list[Event]:
    if tenant.stripe_customer_id is None:
        raise BillingError(errors.STRIPE_CUSTOMER_NONE)
    session_id = ids.portal_session(*_next_session_id_parts(tenant))
    return [events.PortalOpened(session_id, command.return_origin)]


def _subscribe_contract(tenant: Tenant, command: commands.SubscribeContract, now_ms: int) -> list[Event]:
    terms = contract_catalog.subscribable(tenant.offers, command.contract_id, now_ms)
    current = tenant.contract
    if current is not None and current.status == "active":
        raise BillingError(errors.CONTRACT_ACTIVE)
    if current is not None and current.status == "pending_payment":
        if current.terms.contract_id != terms.contract_id:
            raise BillingError(errors.CONTRACT_PENDING)
        assert current.session_id is not None
        session_id = current.session_id
    else:
        session_id = ids.checkout_session("contract", *_next_session_id_parts(tenant))
    created_by = command.created_by or tenant.admin()
    return [events.ContractSubscribed(terms.contract_id, session_id, created_by, command.return_origin)]


def _offer_contract(tenant: Tenant, command: commands.OfferContract, now_ms: int) -> list[Event]:
    contract_id = command.terms.get("contract_id") or ids.uuid("contract", *_next_session_id_parts(tenant))
    contract_id = contract_id.lower()
    if contract_id in tenant.offers or contract_id in contract_catalog.TEST_CONTRACTS:
        raise BillingError(errors.CONTRACT_EXISTS, contract_id)
    return [events.ContractOffered(contract_catalog.complete_terms(command.terms, contract_id))]


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


def _pay_invoice(tenant: Tenant, command: commands.PayInvoice, now_ms: int) -> list[Event]:
    invoice = invoice_numbered(tenant, command.number)
    if invoice is None:
        raise BillingError(errors.INVOICE_UNKNOWN, command.number)
    if invoice.status == PAID:
        return []
    if invoice.session_id is not None:
        raise BillingError(errors.INVOICE_HAS_PAYMENT_PAGE, command.number)
    if invoice.status == UPCOMING:
        raise BillingError(errors.INVOICE_NOT_DUE, command.number)
    remaining_micros = invoice.remaining_micros
    amount_micros = remaining_micros if command.amount_micros is None else command.amount_micros
    if amount_micros > remaining_micros:
        raise BillingError(errors.INVOICE_OVERPAID)
    is_whole = amount_micros == remaining_micros
    if invoice.installment is not None and not is_whole:
        raise BillingError(errors.INVOICE_INDIVISIBLE)
    if not is_whole and amount_micros < smallest_unit_micros(invoice.currency):
        message = f"the smallest payment in {invoice.currency} is {smallest_unit(invoice.currency)}"
        raise BillingError(errors.PAYMENT_TOO_SMALL, message=message)
    if tenant.payment_card is None:
        raise BillingError(errors.PAYMENT_METHOD_NONE)
    if tenant.payment_card.decline_code is not None:
        raise BillingError(errors.CARD_DECLINED, tenant.payment_card.decline_code)
    description = f"{invoice.title} paid{'' if is_whole else ' in part'}"
    return [
        events.InvoicePaid(
            command.number, amount_micros, description, invoice.installment, asdict(tenant.payment_card)
        )
    ]


def _change_payment_method(tenant: Tenant, command: commands.ChangePaymentMethod, now_ms: int) -> list[Event]:
    if command.card == tenant.payment_card:
        return []
    return [events.PaymentMethodChanged(asdict(command.card))]


def _change_billing_details(
    tenant: Tenant, command: commands.ChangeBillingDetails, now_ms: int
) -> list[Event]:
    if command.details == tenant.billing_details:
        return []
    return [events.BillingDetailsChanged(asdict(command.details))]


def _record_usage(tenant: Tenant, command: commands.RecordUsage, now_ms: int) -> list[Event]:
    if not 0 <= command.project < len(tenant.config.projects):
        raise BillingError(errors.PROJECT_UNKNOWN, str(command.project))
    model = next(iter(tenant.model_prices), "") if command.model is None else command.model
    if model not in tenant.model_prices:
        raise errors.unknown_name(errors.MODEL_UNKNOWN, model, tenant.model_prices)
    return [
        events.UsageRecorded(
            command.project,
            model,
            command.source,
            command.input_tokens,
            command.output_tokens,
            command.messages,
            command.sessions,
        )
    ]


def _record_meter(tenant: Tenant, command: commands.RecordMeter, now_ms: int) -> list[Event]:
    if (command.meter, command.slug) not in tenant.unit_prices:
        slugs = [slug for meter, slug in tenant.unit_prices if meter == command.meter]
        raise errors.unknown_name(errors.METER_UNKNOWN, command.slug, slugs)
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
    if command.code in tenant.vouchers or vouchers.voucher_of_test_code(command.code) is not None:
        raise BillingError(errors.VOUCHER_EXISTS, command.code)
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


def _clear_scenario_faults(tenant: Tenant, command: commands.ClearScenarioFaults, now_ms: int) -> list[Event]:
    active = tenant.active_scenario
    return [events.ScenarioFaultsCleared()] if active is not None and active.fault_rules else []


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
    commands.PayInvoice: _pay_invoice,
    commands.ChangePaymentMethod: _change_payment_method,
    commands.ChangeBillingDetails: _change_billing_details,
    commands.RecordUsage: _record_usage,
    commands.RecordMeter: _record_meter,
    commands.ChangePrices: _change_prices,
    commands.IssueVoucher: _issue_voucher,
    commands.RefundCredits: _refund_credits,
    commands.AdjustBalance: _adjust_balance,
    commands.ChangeCheckoutSettings: _change_checkout_settings,
    commands.ClearScenarioFaults: _clear_scenario_faults,
}
