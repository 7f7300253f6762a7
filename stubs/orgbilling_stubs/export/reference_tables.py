"""The small tables, row by row: what an organization is, owns, signed and may redeem, out of its tenant.

Rows are mappings by column name, so that a new column is one line here and one line in the schema.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from types import MappingProxyType

from orgbilling_fixtures.personas import Persona

from orgbilling_stubs.billing.money import unit_charge_micros
from orgbilling_stubs.billing.tenant import Tenant
from orgbilling_stubs.billing.tenant_config import TenantConfig
from orgbilling_stubs.export.columnar.columns import ConstantColumn, TableColumns, Value
from orgbilling_stubs.export.schema import BY_NAME, NAMES

PRICE_COLUMNS = ("unit_price_usd", "input_price_per_1k_usd", "output_price_per_1k_usd")

Row = Mapping[str, Value]
"""One row of a table, by column name, with raw values."""


def columns_of_rows(config: TenantConfig, table: str, rows: Iterable[Row]) -> TableColumns:
    """The columns of a tenant's rows, in the order of the schema; the rows need not name their owner."""
    listed = [*rows]
    owner = {"organization_id": config.organization, "tenant_id": config.tenant_id}
    return {
        name: ConstantColumn(owner[name], len(listed)) if name in owner else [row[name] for row in listed]
        for name in BY_NAME[table].names
    }


def wanted_tables(
    tenant: Tenant,
    persona: Persona,
    wanted: Collection[str],
    rows: Mapping[str, Callable[[], Iterable[Row]]],
    columns: Mapping[str, Callable[[], TableColumns]] = MappingProxyType({}),
) -> dict[str, TableColumns]:
    """The wanted tables of a tenant, in the order of the schema.

    rows, columns: functions that make the tables that are not made here, as rows or as columns.
    """
    all_rows: dict[str, Callable[[], Iterable[Row]]] = {
        "organizations": lambda: [_organization(tenant, persona)],
        "projects": lambda: _projects(tenant),
        "model_prices": lambda: _model_prices(tenant),
        "event_prices": lambda: _unit_prices("event_type", tenant.prices.events),
        "service_prices": lambda: _unit_prices("operation", tenant.prices.services),
        "price_changes": lambda: _price_changes(tenant),
        "vouchers": lambda: _vouchers(tenant),
        "service_agreements": lambda: _agreements(tenant),
        "contracts": lambda: _contracts(tenant),
        "installments": lambda: _installments(tenant),
        **rows,
    }
    return {
        name: columns[name]() if name in columns else columns_of_rows(tenant.config, name, all_rows[name]())
        for name in NAMES
        if name in wanted
    }


def billing_profile_row(tenant: Tenant, balance_micros: int, outstanding_micros: int, updated_ms: int) -> Row:
    """The row of `billing_profiles`, at a balance."""
    config, prices = tenant.config, tenant.prices
    return {
        "billing_mode": config.mode,
        "currency": config.currency,
        "credit_balance": balance_micros,
        "outstanding_usd": outstanding_micros,
        "postpaid_limit_usd": config.postpaid_limit_micros,
        "may_overdraw": tenant.may_overdraw,
        "free_credit_granted": config.free_credit_micros > 0,
        "stripe_customer_id": tenant.stripe_customer_id,
        "input_token_price_per_1k_usd": prices.input_per_1k_nanos,
        "output_token_price_per_1k_usd": prices.output_per_1k_nanos,
        "token_price_per_1k_usd": prices.token_per_1k_nanos,
        "char_price_per_month_usd": prices.character_month_nanos,
        "updated_at": updated_ms,
    }


def sign_up_row(
    tenant: Tenant, first_used_ms: int | None, last_used_ms: int | None, paid_ms: int | None
) -> Row:
    """The row of `sign_ups` of a persona, who has no region, segment or plan, and never leaves."""
    return {
        "signed_up_at": tenant.created_ms,
        "region": None,
        "segment": None,
        "plan": None,
        "first_used_at": first_used_ms,
        "last_used_at": last_used_ms,
        "first_paid_at": paid_ms,
        "churned_at": None,
        "reactivations": 0,
    }


def characters_row(tenant: Tenant, month: str, high_water_mark: int, billed_ms: int | None) -> Row:
    """A row of `characters`; billed_ms is None for the present month."""
    nanos = tenant.prices.character_month_nanos
    return {
        "month": month,
        "high_water_mark": high_water_mark,
        "price_per_char_usd": nanos,
        "char_charge_usd": unit_charge_micros(high_water_mark, nanos),
        "billed_at": billed_ms,
    }


def _organization(tenant: Tenant, persona: Persona) -> Row:
    config = tenant.config
    return {
        "company": config.company,
        "persona": persona.name,
        "locale": persona.locale,
        "currency": config.currency,
        "seed": config.seed,
        "as_of": tenant.now_ms,
        "created_at": tenant.created_ms,
        "repriced": tenant.prices != config.prices,
        "changed_by_hand": tenant.version > 1,
    }


def _projects(tenant: Tenant) -> list[Row]:
    return [{"project_id": project.project_id, "name": project.name} for project in tenant.config.projects]


def _model_prices(tenant: Tenant) -> list[Row]:
    return [
        {
            "model": price.model,
            "position": position,
            "input_price_per_1k_usd": price.input_per_1k_nanos,
            "output_price_per_1k_usd": price.output_per_1k_nanos,
        }
        for position, price in enumerate(tenant.prices.models)
    ]


def _unit_prices(slug_column: str, prices: Iterable[tuple[str, int]]) -> list[Row]:
    return [{slug_column: slug, "unit_price_usd": nanos} for slug, nanos in prices]


def _price_changes(tenant: Tenant) -> list[Row]:
    """The prices of the price lists, which a persona has had since its sign-up."""
    prices = tenant.prices
    units = [("character", "character", prices.character_month_nanos)]
    units += [("event", slug, nanos) for slug, nanos in prices.events]
    units += [("service", slug, nanos) for slug, nanos in prices.services]
    listed: list[dict[str, Value]] = [
        {"kind": kind, "item": slug, "unit_price_usd": nanos} for kind, slug, nanos in units
    ]
    listed += [
        {
            "kind": "model",
            "item": price.model,
            "input_price_per_1k_usd": price.input_per_1k_nanos,
            "output_price_per_1k_usd": price.output_per_1k_nanos,
        }
        for price in prices.models
    ]
    none: dict[str, Value] = dict.fromkeys(PRICE_COLUMNS)
    return [
        {**none, **row, "number": number, "effective_at": tenant.created_ms, "reason": "sign-up"}
        for number, row in enumerate(listed)
    ]


def _vouchers(tenant: Tenant) -> list[Row]:
    return [
        {
            "code": terms.code,
            "credit_usd": terms.credit_micros,
            "discount_percent": terms.discount_percent,
            "state": "used" if terms.code in tenant.redeemed else terms.state,
        }
        for terms in tenant.vouchers.values()
    ]


def _agreements(tenant: Tenant) -> list[Row]:
    config = tenant.config
    rows: list[Row] = []
    for terms in config.agreements:
        if terms.created_ms > tenant.now_ms:
            continue
        billed_ms = tenant.agreements_billed_ms.get(terms.charge_id)
        rows.append(
            {
                "charge_id": terms.charge_id,
                "description": terms.description,
                "amount_usd": terms.amount_micros,
                "charge_type": terms.charge_type,
                "project_id": None if terms.project is None else config.projects[terms.project].project_id,
                "active": True,
                "created_at": terms.created_ms,
                "created_by": terms.created_by,
                "billed_at": billed_ms,
                "updated_at": billed_ms or terms.created_ms,
            }
        )
    return rows


def _contracts(tenant: Tenant) -> list[Row]:
    config, contract = tenant.config, tenant.contract
    if contract is None:
        return []
    terms = contract.terms
    total, payment, one_time = contract.total(), contract.regular_payment(), contract.one_time()
    row: Row = {
        "contract_id": terms.contract_id,
        "status": contract.status,
        "payment_frequency": terms.frequency,
        "auto_renew": terms.auto_renew,
        "start_date": contract.start_ms,
        "end_date": contract.end_ms,
        "total_value_usd": total.amount_micros,
        "credit_portion_usd": total.credit_micros,
        "service_portion_usd": total.service_micros,
        "payment_amount_usd": payment.amount_micros,
        "payment_credit_usd": payment.credit_micros,
        "payment_service_usd": payment.service_micros,
        "onetime_amount_usd": one_time.amount_micros,
        "onetime_credit_usd": one_time.credit_micros,
        "onetime_service_usd": one_time.service_micros,
        "bonus_credits_usd": terms.bonus_micros,
        "bonus_credits_paid": contract.bonus_paid,
        "credit_period_limit": terms.credit_period_limit,
        "service_period_limit": terms.service_period_limit,
        "notes": terms.notes,
        "created_by": terms.created_by,
        "stripe_price_id": contract.stripe_price_id(config.seed),
        "stripe_subscription_id": contract.stripe_subscription_id(config.seed, config.identity_organization),
        "created_at": contract.created_ms,
        "updated_at": contract.updated_ms,
    }
    return [row]


def _installments(tenant: Tenant) -> list[Row]:
    contract = tenant.contract
    if contract is None:
        return []
    return [
        {
            "contract_id": contract.terms.contract_id,
            "number": number,
            "period": installment.period,
            "due_date": installment.due_ms,
            "amount_usd": installment.amount_micros,
            "credit_usd": installment.credit_micros,
            "service_usd": installment.service_micros,
            "is_one_time": installment.one_time,
            "paid": installment.paid,
        }
        for number, installment in enumerate(contract.schedule)
    ]
