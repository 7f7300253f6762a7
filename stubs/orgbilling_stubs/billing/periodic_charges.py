"""What usage costs, and when it is charged: at once, at the end of the day, or at the end of the month.

| what | charged |
| --- | --- |
| tokens | at once |
| meters: context engine events and services | once a day (`settle_day`) |
| characters, service agreements; the invoice of a postpaid tenant | once a month (`open_month`) |

The invoice is paid some days after it is issued (`pay_month`).

The end of a month is billed when the next one opens, at 00:05 of its first day. `billing.scheduler` calls
these functions as time passes; `billing.billing_days` says at which hours.
"""

from __future__ import annotations

from orgbilling_stubs.billing.billing_days import month_payment_ms
from orgbilling_stubs.billing.contract import PAYMENT_INTERVAL_MONTHS
from orgbilling_stubs.billing.instants import DAY_MS, add_months, moment, month
from orgbilling_stubs.billing.ledger_posting import METER_CHARGES, charge, note_change, pay
from orgbilling_stubs.billing.money import token_charge_micros, unit_charge_micros
from orgbilling_stubs.billing.tenant import Tenant
from orgbilling_stubs.billing.tenant_config import NEVER_MS, Meter, Usage


def charge_usage(tenant: Tenant, usage: Usage) -> None:
    """Count token usage and charge for it; a tenant without credit has none."""
    if tenant.exhausted(usage.at_ms):
        return
    tokens = usage.input_tokens + usage.output_tokens
    price = tenant.model_prices[usage.model]
    micros = token_charge_micros(usage.input_tokens, usage.output_tokens, price[0], price[1])
    tenant.tokens.add(usage.at_ms, usage.input_tokens, usage.output_tokens, usage.messages, usage.sessions)
    tenant.last_used_ms[usage.project] = usage.at_ms
    text = tenant.usage_text(usage.project, usage.model)
    charge(tenant, usage.at_ms, "usage", micros, text, tokens=tokens, source=usage.source)


def read_meter(tenant: Tenant, meter: Meter) -> None:
    """Count events or services; they are charged in the evening."""
    if tenant.exhausted(meter.at_ms):
        return
    tenant.meter_series(meter.kind, meter.slug).add(meter.at_ms, meter.count)
    note_change(tenant, meter.at_ms)
    price_nanos = tenant.unit_prices[meter.kind, meter.slug]
    charges = tenant.unsettled_micros
    charges[meter.kind] = charges.get(meter.kind, 0) + unit_charge_micros(meter.count, price_nanos)


def count_characters(tenant: Tenant, at_ms: int, characters: int) -> None:
    """Note how many characters are active; the month's highest count is billed."""
    if not tenant.exhausted(at_ms):
        tenant.characters.add(at_ms, characters)
        tenant.month_characters = max(tenant.month_characters, characters)


def settle_day(tenant: Tenant, at_ms: int) -> None:
    """Charge the day's events and services: one entry for each kind, in the order of the kinds' names.

    Each reading was rounded to micro-USD when it was counted, so the entry is the exact sum of its readings.
    """
    charges, tenant.unsettled_micros = tenant.unsettled_micros, {}
    for kind in sorted(charges):
        if charges[kind]:
            entry_type, description = METER_CHARGES[kind]
            charge(tenant, at_ms, entry_type, charges[kind], description)


def open_month(tenant: Tenant, at_ms: int) -> None:
    """Bill last month's characters and the agreements; a postpaid tenant gets its invoice."""
    characters, tenant.month_characters = tenant.month_characters, 0
    last_month = month(at_ms - DAY_MS)
    if characters:
        micros = unit_charge_micros(characters, tenant.prices.character_month_nanos)
        if micros:
            text = f"{characters} active characters in {last_month}"
            charge(tenant, at_ms, "character_charge", micros, text)
    _bill_agreements(tenant, at_ms)
    if tenant.config.mode == "postpaid":
        config = tenant.config
        tenant.billed_micros = tenant.ledger.outstanding_micros
        tenant.month_payment_ms = month_payment_ms(at_ms, config.seed, config.identity_organization)


def pay_month(tenant: Tenant, at_ms: int) -> None:
    """Let a postpaid tenant pay the invoice of last month, and what older ones left."""
    tenant.month_payment_ms = NEVER_MS
    last_month = month(at_ms - moment(at_ms).day * DAY_MS)
    unpaid_micros = tenant.unpaid_micros(at_ms, tenant.billed_micros)
    text = f"Invoice {last_month} paid in part" if unpaid_micros else f"Invoice {last_month} paid"
    pay(tenant, at_ms, tenant.billed_micros - unpaid_micros, text)


def _bill_agreements(tenant: Tenant, at_ms: int) -> None:
    billed_ms = tenant.agreements_billed_ms
    for terms in tenant.config.agreements:
        last_ms = billed_ms.get(terms.charge_id)
        if terms.created_ms >= at_ms or tenant.exhausted(at_ms):
            continue
        interval = PAYMENT_INTERVAL_MONTHS[terms.charge_type]
        if last_ms is None or (interval and at_ms >= add_months(last_ms, interval)):
            billed_ms[terms.charge_id] = at_ms
            charge(tenant, at_ms, "service_charge", terms.amount_micros, terms.description)
