"""Billing that the API has no operation for: usage, prices, vouchers, contracts, refunds, corrections."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_HALF_EVEN, Decimal

from orgbilling_openapi.strict_json import JsonObject

from orgbilling_stubs.billing.commands import (
    AdjustBalance,
    CancelContract,
    ChangePrices,
    IssueVoucher,
    MarkInstallment,
    OfferContract,
    RecordMeter,
    RecordUsage,
    RefundCredits,
    ResumeContract,
)
from orgbilling_stubs.billing.events import ContractOffered
from orgbilling_stubs.billing.money import MICROS_PER_USD, NANOS_PER_USD
from orgbilling_stubs.control.server import ControlServer, body_of, carry_out, execute, organization_of
from orgbilling_stubs.http.context import Reply, RequestContext

_TERMS = {
    "creditUsd": "credit_micros",
    "serviceUsd": "service_micros",
    "onetimeCreditUsd": "onetime_credit_micros",
    "onetimeServiceUsd": "onetime_service_micros",
    "bonusCreditsUsd": "bonus_micros",
    "contractId": "contract_id",
    "frequency": "frequency",
    "termMonths": "term_months",
    "autoRenew": "auto_renew",
    "notes": "notes",
    "creditPeriodLimit": "credit_period_limit",
    "servicePeriodLimit": "service_period_limit",
}


def record_usage(server: ControlServer, request: RequestContext) -> Reply:
    """Record token usage."""
    body = body_of(request)
    model = body.get("model")
    if model is None:
        models = server.service.tenant(organization_of(request)).prices.models
        model = models[0].model if models else ""
    return carry_out(
        server,
        request,
        RecordUsage(
            body.get("project", 0),
            model,
            body.get("trafficSource", "api"),
            body.get("inputTokens", 0),
            body.get("outputTokens", 0),
            body.get("messages", 1),
            body.get("sessions", 1),
        ),
    )


def record_meter(server: ControlServer, request: RequestContext) -> Reply:
    """Record events or services."""
    body = body_of(request)
    return carry_out(server, request, RecordMeter(body["meter"], body["slug"], body.get("count", 1)))


def change_prices(server: ControlServer, request: RequestContext) -> Reply:
    """Change prices."""
    body = body_of(request)

    def price_of(name: str) -> int | None:
        return nanos(body[name]) if name in body else None

    def prices_of(name: str) -> Mapping[str, int] | None:
        if name not in body:
            return None
        return {slug: nanos(value) for slug, value in body[name].items()}

    models = None
    if "models" in body:
        models = {
            row["model"]: [nanos(row["inputPricePer1K"]), nanos(row["outputPricePer1K"])]
            for row in body["models"]
        }
    return carry_out(
        server,
        request,
        ChangePrices(
            price_of("inputTokenPricePer1KUsd"),
            price_of("outputTokenPricePer1KUsd"),
            price_of("tokenPricePer1KUsd"),
            price_of("charPricePerMonthUsd"),
            prices_of("eventPrices"),
            prices_of("servicePrices"),
            models,
        ),
    )


def create_voucher(server: ControlServer, request: RequestContext) -> Reply:
    """Create a voucher."""
    body = body_of(request)
    credit_micros = micros(body.get("creditUsd", 0))
    discount_percent, state = body.get("discountPercent", 0), body.get("state", "open")
    return carry_out(server, request, IssueVoucher(body["code"], credit_micros, discount_percent, state))


def offer_contract(server: ControlServer, request: RequestContext) -> Reply:
    """Draw up a contract."""
    terms: JsonObject = {
        _TERMS[name]: micros(value) if name.endswith("Usd") else value
        for name, value in body_of(request).items()
    }
    for part in ("credit_micros", "service_micros"):
        onetime_micros = terms.get(f"onetime_{part}", 0)
        if onetime_micros or part in terms:
            # In billing, the total includes what is paid once.
            terms[part] = terms.get(part, 0) + onetime_micros
    event = execute(server, request, OfferContract(terms))
    assert isinstance(event, ContractOffered)
    return Reply(
        {"contractId": event.terms["contract_id"], "organization": server.describe(organization_of(request))},
        201,
    )


def cancel_contract(server: ControlServer, request: RequestContext) -> Reply:
    """Cancel the contract."""
    return carry_out(server, request, CancelContract())


def resume_contract(server: ControlServer, request: RequestContext) -> Reply:
    """Resume the contract."""
    return carry_out(server, request, ResumeContract())


def mark_installment(server: ControlServer, request: RequestContext) -> Reply:
    """Mark an installment paid or overdue."""
    return carry_out(
        server, request, MarkInstallment(request.parameters["index"], body_of(request)["state"] == "paid")
    )


def refund_credits(server: ControlServer, request: RequestContext) -> Reply:
    """Refund credits."""
    body = body_of(request)
    return carry_out(
        server, request, RefundCredits(micros(body["amountUsd"]), body.get("description", "Refund"))
    )


def adjust_balance(server: ControlServer, request: RequestContext) -> Reply:
    """Adjust the balance."""
    body = body_of(request)
    return carry_out(
        server, request, AdjustBalance(micros(body["amountUsd"]), body.get("description", "Adjustment"))
    )


def micros(value: float | str) -> int:
    """An amount in USD, as a number or a decimal string, in micro-USD."""
    return _scaled(value, MICROS_PER_USD)


def nanos(value: float | str) -> int:
    """A price in USD, as a number or a decimal string, in nano-USD."""
    return _scaled(value, NANOS_PER_USD)


def _scaled(value: float | str, scale: int) -> int:
    """A decimal string is exact. A number is the shortest decimal that reads back as it (0.1 is a tenth),
    rounded half to even: 0.1 + 0.2, which is 0.30000000000000004, is three tenths.
    """
    decimal = Decimal(value if isinstance(value, str) else repr(value))
    return int((decimal * scale).to_integral_value(ROUND_HALF_EVEN))
