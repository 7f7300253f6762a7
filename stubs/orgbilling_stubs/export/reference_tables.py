"""The small tables: what an organization is, owns, signed and may redeem, out of its tenant."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from orgbilling_fixtures.personas import Persona

from orgbilling_stubs.billing import ids
from orgbilling_stubs.billing.contract import Contract, Installment
from orgbilling_stubs.billing.tenant import Tenant
from orgbilling_stubs.export.columnar.columns import Chunk
from orgbilling_stubs.export.schema import BY_NAME


def chunk(table: str, rows: Iterable[Sequence[Any]]) -> Chunk:
    """Rows of raw values as columns."""
    names = BY_NAME[table].names
    columns = list(zip(*rows, strict=True)) or [()] * len(names)
    return {name: list(column) for name, column in zip(names, columns, strict=True)}


def standing(tenant: Tenant, persona: Persona) -> dict[str, Chunk]:
    """Every table that has few rows; the billing profile is apart, because it knows the balance."""
    rows = {
        "organizations": [_organization(tenant, persona)],
        "projects": [
            (each.project_id, tenant.config.organization, each.name) for each in tenant.config.projects
        ],
        "model_prices": _models(tenant),
        "event_prices": [(tenant.config.organization, *each) for each in tenant.prices.events],
        "service_prices": [(tenant.config.organization, *each) for each in tenant.prices.services],
        "vouchers": _vouchers(tenant),
        "service_agreements": _agreements(tenant),
        "contracts": [_contract(tenant, tenant.contract)] if tenant.contract else [],
        "installments": _installments(tenant, tenant.contract) if tenant.contract else [],
    }
    return {table: chunk(table, each) for table, each in rows.items()}


def profile(tenant: Tenant, balance_micros: int, outstanding_micros: int, updated_ms: int) -> Chunk:
    """The billing profile, at a balance."""
    plan, prices = tenant.config, tenant.prices
    return chunk(
        "billing_profiles",
        [
            (
                plan.organization,
                plan.tenant_id,
                plan.mode,
                plan.currency,
                balance_micros,
                outstanding_micros,
                plan.postpaid_limit_micros,
                plan.free_credit_micros > 0,
                tenant.stripe_customer_id,
                prices.input_per_1k_nanos,
                prices.output_per_1k_nanos,
                prices.token_per_1k_nanos,
                prices.character_month_nanos,
                updated_ms,
            )
        ],
    )


def _organization(tenant: Tenant, persona: Persona) -> tuple[Any, ...]:
    plan = tenant.config
    return (
        plan.organization,
        plan.tenant_id,
        plan.company,
        persona.name,
        persona.locale,
        plan.currency,
        plan.seed,
        tenant.now_ms,
        tenant.created_ms,
        tenant.prices != plan.prices,
    )


def _models(tenant: Tenant) -> list[tuple[Any, ...]]:
    return [
        (
            tenant.config.organization,
            price.model,
            place,
            price.input_per_1k_nanos,
            price.output_per_1k_nanos,
        )
        for place, price in enumerate(tenant.prices.models)
    ]


def _vouchers(tenant: Tenant) -> list[tuple[Any, ...]]:
    return [
        (
            tenant.config.organization,
            terms.code,
            terms.credit_micros,
            terms.discount_percent,
            "used" if terms.code in tenant.redeemed else terms.state,
        )
        for terms in tenant.vouchers.values()
    ]


def _agreements(tenant: Tenant) -> list[tuple[Any, ...]]:
    plan = tenant.config
    rows = []
    for terms in plan.agreements:
        if terms.created_ms > tenant.now_ms:
            continue
        billed_ms = tenant.agreements_billed_ms.get(terms.charge_id)
        rows.append(
            (
                terms.charge_id,
                plan.organization,
                plan.tenant_id,
                terms.description,
                terms.amount_micros,
                terms.charge_type,
                None if terms.project is None else plan.projects[terms.project].project_id,
                True,
                terms.created_ms,
                terms.created_by,
                billed_ms,
                billed_ms or terms.created_ms,
            )
        )
    return rows


def _portions(rows: Sequence[Installment]) -> tuple[int, int, int]:
    """Whole, credits and services of some installments."""
    credit = sum(row.credit_micros for row in rows)
    service = sum(row.service_micros for row in rows)
    return credit + service, credit, service


def _contract(tenant: Tenant, contract: Contract) -> tuple[Any, ...]:
    plan, terms, rows = tenant.config, contract.terms, contract.schedule
    regular = contract.recurring()
    running = contract.status not in ("draft", "pending_payment")
    return (
        terms.contract_id,
        plan.organization,
        plan.tenant_id,
        contract.status,
        terms.frequency,
        terms.auto_renew,
        contract.start_ms,
        contract.end_ms,
        *_portions(rows),
        *_portions([regular] if regular else []),
        *_portions([row for row in rows if row.one_time]),
        terms.bonus_micros,
        contract.bonus_paid,
        terms.credit_period_limit,
        terms.service_period_limit,
        terms.notes,
        terms.created_by,
        ids.price(plan.seed, terms.contract_id) if contract.status != "draft" else None,
        ids.subscription(plan.seed, plan.identity_seed, terms.contract_id) if running else None,
        contract.created_ms,
        contract.updated_ms,
    )


def _installments(tenant: Tenant, contract: Contract) -> list[tuple[Any, ...]]:
    return [
        (
            tenant.config.organization,
            contract.terms.contract_id,
            number,
            row.period,
            row.due_ms,
            row.amount_micros,
            row.credit_micros,
            row.service_micros,
            row.one_time,
            row.paid,
        )
        for number, row in enumerate(contract.schedule)
    ]
