"""The thirteen answers as views of a tenant. The only place where integers become JSON numbers.

The members of a body are written in the order in which they stand here, the alphabetical one. `$schema` is
put before them by `http.responses`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any
from urllib.parse import quote

import orjson
from orgbilling_openapi.strict_json import JsonValue

from orgbilling_stubs.billing import ids, instants
from orgbilling_stubs.billing.contract import Contract, Installment
from orgbilling_stubs.billing.events import CheckoutOpened, ContractSubscribed, PortalOpened, VoucherRedeemed
from orgbilling_stubs.billing.ledger import LedgerRow
from orgbilling_stubs.billing.money import MICROS_PER_USD, NANOS_PER_USD, half_even, unit_charge_micros
from orgbilling_stubs.billing.tenant import Tenant
from orgbilling_stubs.billing.tenant_config import AgreementTerms

INT64_MAX = 2**63 - 1
Body = dict[str, Any]


def usd(micros: int) -> float:
    """Micro-USD as the JSON number nearest to it."""
    return micros / MICROS_PER_USD


def price(nanos: int) -> float:
    """Nano-USD as the JSON number nearest to it."""
    return nanos / NANOS_PER_USD


def profile(tenant: Tenant) -> Body:
    """TenantBillingProfile."""
    prices = tenant.prices
    body: Body = {
        "billingMode": tenant.config.mode,
        "charPricePerMonthUsd": price(prices.character_month_nanos),
        "creditBalance": usd(tenant.ledger.balance_micros),
        "currency": tenant.config.currency,
        "eventPrices": {slug: price(nanos) for slug, nanos in prices.events},
        "freeCreditGranted": tenant.config.free_credit_micros > 0,
        "inputTokenPricePer1KUsd": price(prices.input_per_1k_nanos),
        "outputTokenPricePer1KUsd": price(prices.output_per_1k_nanos),
        "outstandingUsd": usd(tenant.ledger.outstanding_micros),
        "postpaidLimitUsd": usd(tenant.config.postpaid_limit_micros),
        "servicePrices": {slug: price(nanos) for slug, nanos in prices.services},
    }
    if tenant.stripe_customer_id is not None:
        body["stripeCustomerId"] = tenant.stripe_customer_id
    body["tenantId"] = tenant.config.tenant_id
    body["tokenPricePer1KUsd"] = price(prices.token_per_1k_nanos)
    body["updatedAt"] = instants.text(tenant.updated_ms)
    return body


def characters(tenant: Tenant, days: int) -> Body:
    """ActiveCharacterSummary: the high-water mark of the window, labeled with the present month.

    It has no `billedAt`, because the present month is not billed before it ends.
    """
    high = tenant.characters.high(tenant.now_ms - days * instants.DAY_MS, tenant.now_ms)
    unit_nanos = tenant.prices.character_month_nanos
    return {
        "charChargeUsd": usd(unit_charge_micros(high, unit_nanos)),
        "highWaterMark": high,
        "month": instants.month(tenant.now_ms),
        "pricePerCharUsd": price(unit_nanos),
    }


def events(tenant: Tenant, days: int) -> Body:
    """ContextEngineEventSummary."""
    return _metered(tenant, days, "event", tenant.prices.events, "byType", "eventType")


def services(tenant: Tenant, days: int) -> Body:
    """ServiceUsageSummary."""
    return _metered(tenant, days, "service", tenant.prices.services, "byOperation", "operation")


def _metered(
    tenant: Tenant, days: int, kind: str, prices: tuple[tuple[str, int], ...], rows_name: str, slug_name: str
) -> Body:
    after_ms = tenant.now_ms - days * instants.DAY_MS
    rows: list[Body] = []
    total_count = total_micros = 0
    for slug, nanos in prices:
        series = tenant.meters.get((kind, slug))
        count = series.total(after_ms, tenant.now_ms) if series is not None else 0
        if count:
            micros = unit_charge_micros(count, nanos)
            total_count += count
            total_micros += micros
            rows.append(
                {
                    "chargeUsd": usd(micros),
                    "count": int64(count),
                    slug_name: slug,
                    "unitPriceUsd": price(nanos),
                }
            )
    return {
        rows_name: _rows(tenant, rows),
        "month": instants.month(tenant.now_ms),
        "totalChargeUsd": usd(total_micros),
        "totalEvents": int64(total_count),
    }


def int64(count: int) -> int:
    """A count as the API can say it: a signed 64-bit integer, which stays at its largest value.

    A persona within its limits can pass it: 10**13 messages a day of 2,000 tokens do in 460 days.
    """
    return count if count < INT64_MAX else INT64_MAX  # `min` takes 0.15 µs, four times a summary


def _rows(tenant: Tenant, rows: list[Body]) -> list[Body] | None:
    return rows or empty(tenant)


def empty(tenant: Tenant) -> list[Body] | None:
    """An empty nullable array: null for a tenant whose persona says so."""
    return None if tenant.config.nulls else []


def summary(tenant: Tenant, days: int) -> Body:
    """OrgUsageSummaryBody."""
    after_ms = tenant.now_ms - days * instants.DAY_MS
    inputs, outputs, messages, sessions = tenant.tokens.totals(after_ms, tenant.now_ms)
    prices = tenant.prices
    cost_nanos = half_even(inputs * prices.input_per_1k_nanos + outputs * prices.output_per_1k_nanos, 1_000)
    return {
        "charPricePerMonthUsd": price(prices.character_month_nanos),
        "creditBalanceUsd": usd(tenant.ledger.balance_micros),
        "estimatedCostUsd": price(cost_nanos),
        "inputTokenPricePer1KUsd": price(prices.input_per_1k_nanos),
        "outputTokenPricePer1KUsd": price(prices.output_per_1k_nanos),
        "tokenPricePer1KUsd": price(prices.token_per_1k_nanos),
        "totalCharacters": tenant.characters.high(after_ms, tenant.now_ms),
        "totalInputTokens": int64(inputs),
        "totalMessages": int64(messages),
        "totalOutputTokens": int64(outputs),
        "totalProjects": sum(last_ms > after_ms for last_ms in tenant.last_used_ms.values()),
        "totalSessions": int64(sessions),
        "totalTokens": int64(inputs + outputs),
    }


def ledger_row(tenant: Tenant, row: LedgerRow) -> Body:
    """TenantBillingLedgerEntry."""
    config = tenant.config
    body: Body = {
        "amountCredits": usd(row.credits_micros),
        "amountUsd": usd(row.usd_micros),
        "createdAt": instants.text(row.at_ms),
    }
    if row.created_by is not None:
        body["createdBy"] = row.created_by
    body["description"] = row.description
    body["entryId"] = ids.uuid(config.seed, config.identity_organization, "entry", row.number)
    body["entryType"] = row.kind
    body["tenantId"] = config.tenant_id
    body["tokens"] = int64(row.tokens)
    if row.source is not None:
        body["trafficSource"] = row.source
    return body


def ledger_window(tenant: Tenant, days: int | None) -> tuple[int, int]:
    """Index range of the ledger rows of the last `days` days; None means all of them."""
    if days is None:
        return 0, len(tenant.ledger.rows)
    return tenant.ledger.window(tenant.now_ms - days * instants.DAY_MS, tenant.now_ms)


def ledger(tenant: Tenant, days: int | None) -> list[Body] | None:
    """The ledger, newest first; null for an empty one where the persona says so."""
    low, high = ledger_window(tenant, days)
    rows = [ledger_row(tenant, row) for row in reversed(tenant.ledger.rows[low:high])]
    return _rows(tenant, rows)


def model_pricing(tenant: Tenant) -> list[Body] | None:
    """OrgModelPriceItem list."""
    rows: list[Body] = [
        {
            "inputPricePer1K": price(model.input_per_1k_nanos),
            "model": model.model,
            "outputPricePer1K": price(model.output_per_1k_nanos),
        }
        for model in tenant.prices.models
    ]
    return _rows(tenant, rows)


def agreements(tenant: Tenant) -> list[Body] | None:
    """ProjectServiceCharge list: the active service agreements, newest first."""
    current = [terms for terms in tenant.config.agreements if terms.created_ms <= tenant.now_ms]
    current.sort(key=lambda terms: (-terms.created_ms, terms.charge_id))
    return _rows(tenant, [_agreement(tenant, terms) for terms in current])


def _agreement(tenant: Tenant, terms: AgreementTerms) -> Body:
    body: Body = {"active": True, "amountUsd": usd(terms.amount_micros)}
    billed_ms = tenant.agreements_billed_ms.get(terms.charge_id)
    if billed_ms is not None:
        body["billedAt"] = instants.text(billed_ms)
    body["chargeId"] = terms.charge_id
    body["chargeType"] = terms.charge_type
    body["createdAt"] = instants.text(terms.created_ms)
    if terms.created_by is not None:
        body["createdBy"] = terms.created_by
    body["description"] = terms.description
    if terms.project is not None:
        project = tenant.config.projects[terms.project]
        body["projectId"] = project.project_id
        body["projectName"] = project.name
    body["tenantId"] = tenant.config.tenant_id
    body["updatedAt"] = instants.text(billed_ms or terms.created_ms)
    return body


def contract(tenant: Tenant, contract: Contract, base_url: str) -> Body:
    """EnterpriseContract; every total is the sum of the payment schedule."""
    terms, config = contract.terms, tenant.config
    total, one_time, regular = contract.total(), contract.one_time(), contract.regular_payment()
    optional: dict[str, Any] = {
        "createdBy": terms.created_by,
        "creditPeriodLimit": terms.credit_period_limit,
        "notes": terms.notes,
        "servicePeriodLimit": terms.service_period_limit,
        "stripePriceId": contract.stripe_price_id(config.seed),
        "stripeSubscriptionId": contract.stripe_subscription_id(config.seed, config.identity_organization),
    }
    if contract.status == "pending_payment" and contract.session_id is not None:
        optional["paymentLinkUrl"] = payment_url(base_url, tenant.config.organization, contract.session_id)
    body: Body = {
        "autoRenew": terms.auto_renew,
        "bonusCreditsPaid": contract.bonus_paid,
        "bonusCreditsUsd": usd(terms.bonus_micros),
        "contractId": terms.contract_id,
        "createdAt": instants.text(contract.created_ms),
        "creditPortionUsd": usd(total.credit_micros),
        "endDate": instants.text(contract.end_ms),
        "onetimeAmountUsd": usd(one_time.amount_micros),
        "onetimeCreditUsd": usd(one_time.credit_micros),
        "onetimeServiceUsd": usd(one_time.service_micros),
        "paymentAmountUsd": usd(regular.amount_micros),
        "paymentCreditUsd": usd(regular.credit_micros),
        "paymentFrequency": terms.frequency,
        "paymentSchedule": _rows(tenant, [_installment(row) for row in contract.schedule]),
        "paymentServiceUsd": usd(regular.service_micros),
        "servicePortionUsd": usd(total.service_micros),
        "startDate": instants.text(contract.start_ms),
        "status": contract.status,
        "tenantId": tenant.config.tenant_id,
        "totalValueUsd": usd(total.amount_micros),
        "updatedAt": instants.text(contract.updated_ms),
    }
    body.update((name, value) for name, value in optional.items() if value is not None)
    return dict(sorted(body.items()))


def no_contract(tenant: Tenant) -> Body:
    """EnterpriseContract of a tenant that has none: the framework's zero values, and status `none`."""
    zero = dict.fromkeys(_CONTRACT_AMOUNTS, 0.0)
    never = "0001-01-01T00:00:00Z"
    return zero | {
        "autoRenew": False,
        "bonusCreditsPaid": False,
        "contractId": "00000000-0000-0000-0000-000000000000",
        "createdAt": never,
        "endDate": never,
        "paymentFrequency": "one_time",
        "paymentSchedule": empty(tenant),
        "startDate": never,
        "status": "none",
        "tenantId": tenant.config.tenant_id,
        "updatedAt": never,
    }


_CONTRACT_AMOUNTS = (
    "bonusCreditsUsd",
    "creditPortionUsd",
    "onetimeAmountUsd",
    "onetimeCreditUsd",
    "onetimeServiceUsd",
    "paymentAmountUsd",
    "paymentCreditUsd",
    "paymentServiceUsd",
    "servicePortionUsd",
    "totalValueUsd",
)


def _installment(row: Installment) -> Body:
    body: Body = {
        "amountUsd": usd(row.amount_micros),
        "creditUsd": usd(row.credit_micros),
        "dueDate": instants.text(row.due_ms),
    }
    if row.one_time:
        body["isOneTime"] = True
    return body | {"paid": row.paid, "period": row.period, "serviceUsd": usd(row.service_micros)}


def payment_url(base_url: str, organization: str, session_id: str) -> str:
    """Where the hosted page of a checkout session or contract payment is."""
    return f"{base_url}/_mock/checkout/{quote(organization, safe='')}/{session_id}"


def portal_url(base_url: str, organization: str, session_id: str) -> str:
    """Where the hosted billing portal is."""
    return f"{base_url}/_mock/portal/{quote(organization, safe='')}/{session_id}"


def opened(event: CheckoutOpened | ContractSubscribed, organization: str, base_url: str) -> Body:
    """OrgBillingURLBody of a hosted payment page."""
    return {"url": payment_url(base_url, organization, event.session_id)}


def portal(event: PortalOpened, organization: str, base_url: str) -> Body:
    """OrgBillingURLBody of a billing-portal session."""
    return {"url": portal_url(base_url, organization, event.session_id)}


def redemption(event: VoucherRedeemed) -> Body:
    """RedeemVoucherResponse: a view of the event, so that a repeated request gets the same answer."""
    if event.credit_micros:
        message = f"{usd(event.credit_micros):,.2f} USD in credits added"
    else:
        message = f"{event.discount_percent}% discount on the enterprise contract"
    return {
        "creditAmountUsd": usd(event.credit_micros),
        "message": message,
        "newBalance": usd(event.balance_micros),
        "voucherCode": event.code,
    }


READS: Mapping[str, Callable[[Tenant], JsonValue]] = {
    "getOrgBilling": profile,
    "getOrgLedger?days=all": partial(ledger, days=None),
    "getOrgModelPricing": model_pricing,
    "listOrgServiceAgreements": agreements,
}
"""What makes the body of each GET without a number of days but the contract, and the whole ledger."""
WINDOWED_READS: Mapping[str, Callable[[Tenant, int], JsonValue]] = {
    "listOrgActiveCharacters": characters,
    "getOrgContextEngineEvents": events,
    "getOrgLedger": ledger,
    "getOrgServiceUsage": services,
    "getOrgUsageSummary": summary,
}
"""What makes the body of each GET that takes a number of days."""


def all_bodies(tenant: Tenant, base_url: str, windows: Sequence[int] = (30,)) -> dict[str, Any]:
    """Every answer that a GET gives, keyed as `orgbilling_openapi.equations` says, with the whole ledger.

    windows: values of `days`; the contract is absent when there is none.
    """
    bodies: dict[str, Any] = {name: read(tenant) for name, read in READS.items()}
    for days in windows:
        bodies |= {f"{name}?days={days}": read(tenant, days) for name, read in WINDOWED_READS.items()}
    if tenant.contract is not None:
        bodies["getOrgContract"] = contract(tenant, tenant.contract, base_url)
    return bodies


DIGEST_WINDOWS = (1, 7, 30, 90, 365)
"""The values of `days` whose answers are digested."""

_DIGEST_BASE_URL = "http://127.0.0.1:4010"


def response_digests(tenant: Tenant) -> dict[str, str]:
    """The digest of every answer to a GET at the tenant's instant; having no contract is an answer."""
    bodies = all_bodies(tenant, _DIGEST_BASE_URL, DIGEST_WINDOWS)
    bodies.setdefault("getOrgContract", None)
    return {
        question: hashlib.sha256(orjson.dumps(body)).hexdigest()[:32]
        for question, body in sorted(bodies.items())
    }
