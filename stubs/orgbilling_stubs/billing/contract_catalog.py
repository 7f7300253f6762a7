"""Contracts that can be subscribed to: the tenant's own, and test contracts for every organization."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from orgbilling_stubs.billing import errors
from orgbilling_stubs.billing.errors import BillingError
from orgbilling_stubs.billing.instants import DAY_MS, add_months
from orgbilling_stubs.billing.money import MICROS_PER_USD
from orgbilling_stubs.billing.tenant_config import ContractTerms

_BASE = ContractTerms(
    contract_id="",
    status="draft",
    credit_micros=9_600 * MICROS_PER_USD,
    service_micros=2_400 * MICROS_PER_USD,
    onetime_credit_micros=0,
    onetime_service_micros=0,
    bonus_micros=0,
    bonus_paid=False,
    frequency="monthly",
    start_ms=0,
    end_ms=0,
    term_months=12,
    auto_renew=False,
    overdue=0,
    created_by=None,
    notes=None,
    credit_period_limit=None,
    service_period_limit=None,
)

TEST_CONTRACTS: dict[str, ContractTerms] = {
    terms.contract_id: terms
    for terms in (
        replace(_BASE, contract_id="11111111-1111-4111-8111-111111111111"),
        replace(
            _BASE,
            contract_id="22222222-2222-4222-8222-222222222222",
            frequency="annual",
            bonus_micros=1_000 * MICROS_PER_USD,
            auto_renew=True,
        ),
        replace(
            _BASE,
            contract_id="33333333-3333-4333-8333-333333333333",
            frequency="quarterly",
            onetime_service_micros=600 * MICROS_PER_USD,
        ),
        replace(_BASE, contract_id="44444444-4444-4444-8444-444444444444", status="expired"),
        replace(_BASE, contract_id="55555555-5555-4555-8555-555555555555", status="cancelled"),
    )
}
"""Contract ids that any organization may subscribe to, as Stripe has test cards."""


def complete_terms(chosen: Mapping[str, Any], contract_id: str) -> dict[str, Any]:
    """The members of a new contract: those chosen, and for the rest those of the first test contract."""
    return asdict(_BASE) | dict(chosen) | {"contract_id": contract_id, "status": "draft"}


_ENDED = {"expired": errors.CONTRACT_EXPIRED, "cancelled": errors.CONTRACT_CANCELLED}


def subscribable(own: Mapping[str, ContractTerms], contract_id: str, now_ms: int) -> ContractTerms:
    """The terms of a contract that can be subscribed to, starting at midnight of today.

    Raises BillingError when the id is unknown, or names a contract that has ended.
    """
    canonical_id = contract_id.lower()
    terms = own.get(canonical_id) or TEST_CONTRACTS.get(canonical_id)
    if terms is None:
        raise BillingError(errors.CONTRACT_UNKNOWN)
    if terms.status in _ENDED:
        raise BillingError(_ENDED[terms.status])
    start_ms = now_ms // DAY_MS * DAY_MS
    return replace(
        terms, status="pending_payment", start_ms=start_ms, end_ms=add_months(start_ms, terms.term_months)
    )
