"""operationId to function: the whole table. A test proves that it equals the contract's list."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from orgbilling_stubs.api import handlers
from orgbilling_stubs.http.context import Handler
from orgbilling_stubs.http.rows import Rows


def table(contract: Mapping[str, Any], contract_none: str = "404") -> dict[str, Handler]:
    """The function of each operation; ledger rows are encoded as the contract says.

    contract_none: what GET /org/contract answers when there is none, `404` or `none`.
    """
    ledger_rows = Rows(contract, "TenantBillingLedgerEntry")
    return {
        "getOrgBilling": handlers.get_billing,
        "createOrgBillingCheckout": handlers.create_checkout,
        "createOrgBillingPortal": handlers.create_portal,
        "listOrgActiveCharacters": handlers.list_characters,
        "getOrgContract": partial(handlers.get_contract, contract_none),
        "subscribeToOrgContract": handlers.subscribe_contract,
        "getOrgContextEngineEvents": handlers.get_events,
        "getOrgLedger": partial(handlers.get_ledger, ledger_rows),
        "getOrgModelPricing": handlers.get_model_pricing,
        "listOrgServiceAgreements": handlers.list_agreements,
        "getOrgServiceUsage": handlers.get_service_usage,
        "getOrgUsageSummary": handlers.get_summary,
        "redeemOrgVoucher": handlers.redeem_voucher,
    }
