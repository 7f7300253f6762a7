"""Everything at once: each optional member, other orders of members and rows, usage that never rests.

In euros, with a contract, long and foreign texts, numbers at the edge of 64 bits, times to the nanosecond,
problems with every member; unknown parameters are refused, and business refusals have other statuses.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from . import session_tokens
from .account import Account, account_with_history, usd
from .minimal_http import (
    BASE,
    GETS,
    LIMIT,
    POSTS,
    WINDOWED,
    HttpError,
    Request,
    Response,
    asgi,
    check,
    dump,
    parse,
)

TEXT = "Überraschung <b>&amp;</b> مرحبا 日本 \u2028 " + "long " * 500
LARGEST = 2**63 - 1
VOUCHER = "ALLES-100"


def agreed(organization: str) -> str:
    """The id of an organization's contract."""
    return f"AB12CD34-0000-4000-8000-{sum(organization.encode()):012X}"


def stamp(at: datetime) -> str:
    """In another zone, to the nanosecond."""
    return (at + timedelta(hours=5, minutes=45)).strftime("%Y-%m-%dT%H:%M:%S.%f") + "789+05:45"


def prices() -> dict[str, float]:
    return {
        "charPricePerMonthUsd": 1e-9,
        "tokenPricePer1KUsd": 0.1 + 0.2,
        "outputTokenPricePer1KUsd": 12345678901.25,
        "inputTokenPricePer1KUsd": 5e-324,
    }


def profile(account: Account) -> dict[str, Any]:
    return {
        "updatedAt": stamp(account.now + timedelta(days=1)),
        "tenantId": account.organization.upper(),
        "stripeCustomerId": f"acct/{account.organization}",
        "servicePrices": {"web search": 0.1, "": 0, "日本": 1e21},
        "postpaidLimitUsd": 10,
        "outstandingUsd": 99.99,
        "freeCreditGranted": True,
        "eventPrices": {"DIARY": 1},
        "currency": "EUR",
        "creditBalance": usd(account.balance),
        "billingMode": "hybrid",
        **prices(),
        "$schema": "/api/v1/schemas/TenantBillingProfile.json",
    }


def summary(account: Account, days: int) -> dict[str, Any]:
    read, written = account.tokens(days)
    return {
        **prices(),
        "totalTokens": LARGEST,
        "totalInputTokens": read,
        "totalOutputTokens": written,
        "totalMessages": LARGEST,
        "totalSessions": -1,
        "totalCharacters": 10**15,
        "totalProjects": 3,
        "estimatedCostUsd": -0.0,
        "creditBalanceUsd": usd(account.balance),
        "$schema": "https://schemas.example.com/Summary.json",
    }


def payment(at: datetime, once: bool) -> dict[str, Any]:
    amounts = {"serviceUsd": 33.33, "creditUsd": 66.67, "amountUsd": 100}
    return {"period": "Q1/26", "paid": once, "isOneTime": once, "dueDate": stamp(at), **amounts}


def contract(account: Account) -> dict[str, Any]:
    at = stamp(account.now)
    portions = ("totalValue", "creditPortion", "servicePortion", "bonusCredits")
    payments = ("paymentAmount", "paymentCredit", "paymentService")
    once = ("onetimeAmount", "onetimeCredit", "onetimeService")
    amounts = (*portions, *payments, *once)
    return {
        **{f"{name}Usd": 1000 + place for place, name in enumerate(amounts)},
        "updatedAt": at,
        "createdAt": at,
        "createdBy": TEXT,
        "startDate": at,
        "endDate": at,
        "autoRenew": False,
        "bonusCreditsPaid": True,
        "contractId": agreed(account.organization),
        "creditPeriodLimit": LARGEST,
        "servicePeriodLimit": -LARGEST - 1,
        "notes": TEXT,
        "paymentFrequency": "biannual",
        "paymentLinkUrl": "pay.example.com",
        "paymentSchedule": [payment(account.now, once) for once in (True, False, False)],
        "status": "IN_FORCE",
        "stripePriceId": "plan-7",
        "stripeSubscriptionId": "s",
        "tenantId": "",
        "$schema": "/api/v1/schemas/EnterpriseContract.json",
    }


def ledger(account: Account, days: int) -> list[dict[str, Any]]:
    rows = [
        {
            "trafficSource": "batch",
            "tokens": entry.tokens,
            "tenantId": account.organization.upper(),
            "entryType": entry.kind.upper(),
            "entryId": f"{entry.number}",
            "description": TEXT if entry.number == 1 else "",
            "createdBy": "",
            "createdAt": stamp(entry.at),
            "amountUsd": usd(entry.micros),
            "amountCredits": usd(entry.micros) * 100,
        }
        for entry in account.window(days)
    ]
    return rows[::-1]


def agreement(account: Account) -> dict[str, Any]:
    at = stamp(account.now)
    return {
        "updatedAt": at,
        "createdAt": at,
        "billedAt": at,
        "projectName": TEXT,
        "projectId": "7",
        "tenantId": "",
        "description": "",
        "createdBy": "cron",
        "chargeType": "per call",
        "chargeId": "c-1",
        "amountUsd": -3,
        "active": True,
    }


def read(name: str, account: Account, days: int) -> Any:
    """The answer of a GET."""
    unit = {"unitPriceUsd": 0.5, "count": days, "chargeUsd": 7}
    month = {"totalEvents": days, "totalChargeUsd": 7.5, "month": "2026-W10"}
    answers: dict[str, Any] = {
        "billing": lambda: profile(account),
        "usage-summary": lambda: summary(account, days),
        "contract": lambda: contract(account),
        "ledger": lambda: ledger(account, days),
        "service-agreements": lambda: [agreement(account)] * 2,
        "model-pricing": lambda: [
            {"outputPricePer1K": 0, "model": f"m/{n} é", "inputPricePer1K": 1e-9} for n in range(150)
        ],
        "events": lambda: {**month, "byType": [{"eventType": "", **unit}] * 3},
        "service-usage": lambda: {**month, "byOperation": []},
        "characters": lambda: {
            "pricePerCharUsd": 2,
            "month": "2026",
            "highWaterMark": 3,
            "charChargeUsd": 5,
            "billedAt": stamp(account.now),
        },
    }
    return answers[name]()


def window(request: Request) -> int:
    """Unknown parameters are refused, and so are several windows."""
    values = [value for name, value in request.query if name == "days"]
    if len(values) != len(request.query) or len(values) > 1:
        raise HttpError(422, "parameters")
    text = values[0] if values else "30"
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:20]) <= 365):
        raise HttpError(422, "days")
    return int(text)


class Rich:
    """Each request is followed by some usage, so that no two answers need be equal."""

    def __init__(self) -> None:
        self._accounts: dict[str, Account] = {}

    def answer(self, request: Request) -> Response:
        try:
            self._route(request)
            organization = session_tokens.organization_of(
                request.headers.get("authorization"), WWW_Authenticate='Bearer error="invalid_token"'
            )
            account = self._accounts.setdefault(organization, account_with_history(organization, days=360))
            document = self._serve(request, account)
            now = datetime.now(account.now.tzinfo)
            account.now = now
            account.use_tokens(100, 50, now)
            return Response(200, dump(document), "application/json;charset=UTF-8")
        except HttpError as error:
            return self._refused(request, error)

    @staticmethod
    def _route(request: Request) -> None:
        allow = "GET" if request.name in GETS else "POST"
        if request.name not in GETS and request.name not in POSTS:
            raise HttpError(404, "no such page")
        if request.method != allow:
            raise HttpError(405, "no such method", allow=allow)

    @staticmethod
    def _refused(request: Request, error: HttpError) -> Response:
        document = {
            "type": "https://errors.example.com/any",
            "title": TEXT,
            "status": error.status,
            "instance": f"https://errors.example.com{BASE}/1",
            "errors": [{"value": {"any": [None]}, "message": "", "location": ""}] if error.rows else None,
            "detail": error.detail,
            "$schema": "/api/v1/schemas/ErrorModel.json",
        }
        return Response(
            error.status, dump(document), "application/problem+json; charset=utf-8", error.headers
        )

    def _serve(self, request: Request, account: Account) -> Any:
        days = window(request) if request.name in WINDOWED else 30
        if request.name in GETS:
            return read(request.name, account, days)
        if request.name == "billing/portal":
            return {"url": "http://portal.example.com/"}
        if len(request.body) > LIMIT:
            raise HttpError(413, "too much")
        body = parse(request.body, malformed=422)
        wrong = check(request.name, body, whole_floats=True)
        if wrong:
            raise HttpError(400, "body", *wrong)
        return self._command(request.name, body, account)

    @staticmethod
    def _command(name: str, body: dict[str, Any], account: Account) -> dict[str, Any]:
        if name == "billing/checkout":
            if not 1 <= body["amount"] <= 10**9 or len(body.get("currency", "eur")) != 3:
                raise HttpError(402, "amount or currency")
            return {
                "url": "https://checkout.example.com/?next=%2F",
                "$schema": "/api/v1/schemas/OrgBillingURLBody.json",
            }
        if name == "contract/subscribe":
            if body["contractId"].upper() != agreed(account.organization):
                raise HttpError(410, "contract")
            return {"url": "https://checkout.example.com/contract"}
        if body["code"] != VOUCHER:
            raise HttpError(400, "voucher")
        if VOUCHER in account.used:
            raise HttpError(410, "voucher")
        account.used.add(VOUCHER)
        account.post("promotion", 100_000_000, datetime.now(account.now.tzinfo), "voucher")
        return {
            "newBalance": usd(account.balance),
            "message": TEXT,
            "creditAmountUsd": 100,
            "voucherCode": VOUCHER,
        }


def app() -> Any:
    """A fresh server; its voucher is `VOUCHER`, its contract what `agreed` says."""
    return asgi(Rich().answer)
