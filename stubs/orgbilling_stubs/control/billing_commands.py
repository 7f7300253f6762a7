"""Billing that the API has no operation for: usage, prices, vouchers, contracts, refunds, corrections."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from orgbilling_openapi.strict_json import JsonObject, JsonValue

from orgbilling_stubs.api.errors import ROWS
from orgbilling_stubs.api.serializers import usd
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
from orgbilling_stubs.billing.contract_catalog import TEST_CONTRACTS
from orgbilling_stubs.billing.errors import CONTRACT_EXISTS, VOUCHER_EXISTS, BillingError
from orgbilling_stubs.billing.events import ContractOffered
from orgbilling_stubs.billing.tenant_config import VoucherTerms
from orgbilling_stubs.billing.vouchers import voucher_of_test_code
from orgbilling_stubs.control.amounts import micros, nanos
from orgbilling_stubs.control.server import ControlServer, body_of, carry_out, execute, organization_of
from orgbilling_stubs.http.context import Reply, RequestContext
from orgbilling_stubs.http.errors import Problem

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
    return carry_out(
        server,
        request,
        RecordUsage(
            body.get("project", 0),
            body.get("model"),
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
    code, organization = body["code"], organization_of(request)
    try:
        execute(server, request, IssueVoucher(code, credit_micros, discount_percent, state))
    except BillingError as error:
        if error.code != VOUCHER_EXISTS.code:
            raise
        existing = server.service.tenant(organization).vouchers.get(code) or voucher_of_test_code(code)
        raise _conflict(error, "body.code", None if existing is None else _voucher(existing)) from None
    created = server.service.tenant(organization).vouchers[code]
    return Reply({"voucher": _voucher(created), "organization": server.describe(organization)}, 201)


def _conflict(error: BillingError, location: str, existing: JsonObject | None) -> Problem:
    """The problem of creating something twice: its value is what exists. None for what is gone since."""
    row = ROWS[error.code]
    value = error.value if existing is None else existing
    return Problem(row, [{"message": row.detail, "location": location, "value": value}])


def _voucher(terms: VoucherTerms) -> JsonObject:
    """The schema Voucher."""
    return {
        "code": terms.code,
        "creditUsd": usd(terms.credit_micros),
        "discountPercent": terms.discount_percent,
        "state": terms.state,
    }


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
    organization = organization_of(request)
    try:
        event = execute(server, request, OfferContract(terms))
    except BillingError as error:
        if error.code != CONTRACT_EXISTS.code or error.value is None:
            raise
        offers = TEST_CONTRACTS | server.service.tenant(organization).offers
        existing = offers.get(error.value)
        raise _conflict(
            error, "body.contractId", None if existing is None else _contract(asdict(existing))
        ) from None
    assert isinstance(event, ContractOffered)
    return Reply(
        {
            "contractId": event.terms["contract_id"],
            "contract": _contract(event.terms),
            "organization": server.describe(organization),
        },
        201,
    )


def _contract(terms: Mapping[str, JsonValue]) -> JsonObject:
    """The schema ContractOffer of a contract, with every member that it has."""
    contract: JsonObject = {}
    for name, member in _TERMS.items():
        value = terms[member]
        if member in ("credit_micros", "service_micros"):  # in billing, the total includes what is paid once
            value -= terms[f"onetime_{member}"]
        if value is not None:
            contract[name] = usd(value) if name.endswith("Usd") else value
    return contract


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
