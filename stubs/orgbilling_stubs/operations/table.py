"""operationId to function: the whole table. A test proves that it equals the contract's list."""

from __future__ import annotations

from ..runtime.exchange import Handler
from . import handlers

HANDLERS: dict[str, Handler] = {
    "getOrgBilling": handlers.get_billing,
    "createOrgBillingCheckout": handlers.create_checkout,
    "createOrgBillingPortal": handlers.create_portal,
    "listOrgActiveCharacters": handlers.list_characters,
    "getOrgContract": handlers.get_contract,
    "subscribeToOrgContract": handlers.subscribe_contract,
    "getOrgContextEngineEvents": handlers.get_events,
    "getOrgLedger": handlers.get_ledger,
    "getOrgModelPricing": handlers.get_model_pricing,
    "listOrgServiceAgreements": handlers.list_agreements,
    "getOrgServiceUsage": handlers.get_service_usage,
    "getOrgUsageSummary": handlers.get_summary,
    "redeemOrgVoucher": handlers.redeem_voucher,
}
