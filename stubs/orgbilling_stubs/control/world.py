"""What the world does to a customer: usage, prices, vouchers, contracts, refunds and corrections."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

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
from orgbilling_stubs.control.amounts import micros, nanos
from orgbilling_stubs.control.context import body, carry_out, control, execute, named
from orgbilling_stubs.http.context import Call, Reply

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


def usage(call: Call) -> Reply:
    """Record token usage."""
    asked = body(call)
    model = asked.get("model")
    if model is None:
        models = control(call).service.tenant(named(call)).prices.models
        model = models[0].model if models else ""
    return carry_out(
        call,
        RecordUsage(
            asked.get("project", 0),
            model,
            asked.get("trafficSource", "api"),
            asked.get("inputTokens", 0),
            asked.get("outputTokens", 0),
            asked.get("messages", 1),
            asked.get("sessions", 1),
        ),
    )


def meter(call: Call) -> Reply:
    """Record events or services."""
    asked = body(call)
    return carry_out(call, RecordMeter(asked["meter"], asked["slug"], asked.get("count", 1)))


def prices(call: Call) -> Reply:
    """Change prices."""
    asked = body(call)

    def one(name: str) -> int | None:
        return nanos(asked[name]) if name in asked else None

    def several(name: str) -> Mapping[str, int] | None:
        if name not in asked:
            return None
        return {slug: nanos(value) for slug, value in asked[name].items()}

    models = None
    if "models" in asked:
        models = {
            row["model"]: [nanos(row["inputPricePer1K"]), nanos(row["outputPricePer1K"])]
            for row in asked["models"]
        }
    return carry_out(
        call,
        ChangePrices(
            one("inputTokenPricePer1KUsd"),
            one("outputTokenPricePer1KUsd"),
            one("tokenPricePer1KUsd"),
            one("charPricePerMonthUsd"),
            several("eventPrices"),
            several("servicePrices"),
            models,
        ),
    )


def voucher(call: Call) -> Reply:
    """Create a voucher."""
    asked = body(call)
    credit_micros = micros(asked.get("creditUsd", 0))
    discount_percent, state = asked.get("discountPercent", 0), asked.get("state", "open")
    return carry_out(call, IssueVoucher(asked["code"], credit_micros, discount_percent, state))


def offer(call: Call) -> Reply:
    """Draw up a contract."""
    terms: dict[str, Any] = {
        _TERMS[name]: micros(value) if name.endswith("Usd") else value for name, value in body(call).items()
    }
    for part in ("credit_micros", "service_micros"):
        once = terms.get(f"onetime_{part}", 0)
        if once or part in terms:
            terms[part] = terms.get(part, 0) + once  # the engine counts what is paid once among the whole
    event = execute(call, OfferContract(terms))
    assert isinstance(event, ContractOffered)
    server = control(call)
    return Reply(
        {"contractId": event.terms["contract_id"], "organization": server.describe(named(call))}, 201
    )


def cancel(call: Call) -> Reply:
    """Cancel the contract."""
    return carry_out(call, CancelContract())


def resume(call: Call) -> Reply:
    """Resume the contract."""
    return carry_out(call, ResumeContract())


def installment(call: Call) -> Reply:
    """Mark an installment paid or overdue."""
    return carry_out(call, MarkInstallment(call.parameters["index"], body(call)["state"] == "paid"))


def refund(call: Call) -> Reply:
    """Refund credits."""
    asked = body(call)
    return carry_out(call, RefundCredits(micros(asked["amountUsd"]), asked.get("description", "Refund")))


def adjust(call: Call) -> Reply:
    """Adjust the balance."""
    asked = body(call)
    return carry_out(call, AdjustBalance(micros(asked["amountUsd"]), asked.get("description", "Adjustment")))
