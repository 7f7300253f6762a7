"""As a Go service on Huma v2 answers: its messages, its Link and `$schema`, its plain router.

Names of members match whatever their case, `days=` is the default, the first `days` counts, `10.0` is
no integer, `$schema` in a body is fine; 404 and 405 come from the router, HEAD is a GET, OPTIONS is 405.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from . import session_tokens
from .account import (
    CHARACTER,
    EVENTS,
    MICRO,
    PRICES,
    SERVICES,
    Account,
    LedgerEntry,
    account_with_history,
    usd,
)
from .minimal_http import (
    BODIES,
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

TITLES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    409: "Conflict",
    413: "Request Entity Too Large",
    415: "Unsupported Media Type",
    422: "Unprocessable Entity",
}
NAMES = {
    "billing": "TenantBillingProfile",
    "characters": "ActiveCharacterSummary",
    "contract": "EnterpriseContract",
    "events": "ContextEngineEventSummary",
    "service-usage": "ServiceUsageSummary",
    "usage-summary": "OrgUsageSummaryBody",
    "vouchers/redeem": "RedeemVoucherResponse",
}
MEDIA = re.compile(r"application/(json|[\w.+-]+\+json)", re.IGNORECASE)
VOUCHERS = {"HELLO20": 20 * MICRO, "HELLO5": 5 * MICRO}
OVER = {"GONE"}
TENANTS = "6f1ed002-ab5d-4be4-8d1f-%012x"


def stamp(at: datetime) -> str:
    """As Go writes it: no trailing zeros of the fraction."""
    text = at.strftime("%Y-%m-%dT%H:%M:%S.%f")
    return text.rstrip("0").rstrip(".") + "Z"


def tenant(account: Account) -> str:
    return TENANTS % (sum(account.organization.encode()) * 7919)


def prices() -> dict[str, float]:
    return {
        "tokenPricePer1KUsd": usd((PRICES["input"] + PRICES["output"]) // 2),
        "inputTokenPricePer1KUsd": usd(PRICES["input"]),
        "outputTokenPricePer1KUsd": usd(PRICES["output"]),
        "charPricePerMonthUsd": usd(CHARACTER),
    }


def profile(account: Account, days: int) -> dict[str, Any]:
    return {
        "billingMode": "prepaid",
        "creditBalance": usd(account.balance),
        "currency": "USD",
        "eventPrices": {slug: usd(micros) for slug, micros in EVENTS.items()},
        "freeCreditGranted": False,
        "outstandingUsd": 0,
        "postpaidLimitUsd": 0,
        "servicePrices": {slug: usd(micros) for slug, micros in SERVICES.items()},
        "tenantId": tenant(account),
        "updatedAt": stamp(account.entries[0].at),
        **prices(),
    }


def summary(account: Account, days: int) -> dict[str, Any]:
    read, written = account.tokens(days)
    cost = read * PRICES["input"] + written * PRICES["output"]
    return {
        "totalTokens": read + written,
        "totalInputTokens": read,
        "totalOutputTokens": written,
        "totalMessages": read // 400,
        "totalSessions": read // 9000,
        "totalCharacters": 8,
        "totalProjects": 1,
        "estimatedCostUsd": cost / 1000 / MICRO,
        "creditBalanceUsd": usd(account.balance),
        **prices(),
    }


def counted(member: str, key: str, unit: dict[str, int]) -> Any:
    def answer(account: Account, days: int) -> dict[str, Any]:
        counts = {slug: days * (place + 1) for place, slug in enumerate(unit)}
        rows = [
            {"chargeUsd": usd(count * unit[slug]), "count": count, key: slug, "unitPriceUsd": usd(unit[slug])}
            for slug, count in counts.items()
        ]
        total = sum(count * unit[slug] for slug, count in counts.items())
        whole = {"totalChargeUsd": usd(total), "totalEvents": sum(counts.values())}
        return {member: rows, "month": account.now.strftime("%Y-%m"), **whole}

    return answer


def row(account: Account, entry: LedgerEntry) -> dict[str, Any]:
    return {
        "amountCredits": usd(entry.micros),
        "amountUsd": usd(entry.micros),
        "createdAt": stamp(entry.at),
        "description": entry.description,
        "entryId": f"01HV{entry.number:022d}",
        "entryType": entry.kind,
        "tenantId": tenant(account),
        "tokens": entry.tokens,
    }


READS: dict[str, Any] = {
    "billing": profile,
    "usage-summary": summary,
    "events": counted("byType", "eventType", EVENTS),
    "service-usage": counted("byOperation", "operation", SERVICES),
    "characters": lambda account, days: {
        "charChargeUsd": usd(8 * CHARACTER),
        "highWaterMark": 8,
        "month": account.now.strftime("%Y-%m"),
        "pricePerCharUsd": usd(CHARACTER),
    },
    "ledger": lambda account, days: [row(account, entry) for entry in account.window(days)],
    "model-pricing": lambda account, days: [
        {"inputPricePer1K": 0.0004, "model": "m-1", "outputPricePer1K": 0.0012}
    ],
    "service-agreements": lambda account, days: None,
}


def window(request: Request) -> int:
    """The first `days`; 30 when it is empty or absent; raises HttpError."""
    text = next((value for name, value in request.query if name == "days"), "")
    if text == "":
        return 30
    if not re.fullmatch(r"[+-]?[0-9]{1,18}", text):
        raise HttpError(422, "validation failed", ("query.days", "invalid integer", text))
    days = int(text)
    if not 1 <= days <= 365:
        bound = ">= 1" if days < 1 else "<= 365"
        raise HttpError(422, "validation failed", ("query.days", f"expected number {bound}", days))
    return days


class Huma:
    """Every organization has books from the moment that it is first seen."""

    def __init__(self) -> None:
        self._accounts: dict[str, Account] = {}

    def answer(self, request: Request) -> Response:
        allowed = "GET" if request.name in GETS else "POST"
        if request.name not in GETS and request.name not in POSTS:
            return Response(
                404,
                b"404 page not found\n",
                "text/plain; charset=utf-8",
                {"x-content-type-options": "nosniff"},
            )
        if request.method not in (allowed, "HEAD" if allowed == "GET" else allowed):
            allow = "GET, HEAD" if allowed == "GET" else "POST"
            return Response(405, b"Method Not Allowed\n", "text/plain; charset=utf-8", {"allow": allow})
        try:
            organization = session_tokens.organization_of(
                request.headers.get("authorization"), WWW_Authenticate="Bearer"
            )
            account = self._accounts.setdefault(organization, account_with_history(organization))
            return self._found(request, self._serve(request, account))
        except HttpError as error:
            return self._refused(request, error)

    def _found(self, request: Request, document: Any) -> Response:
        if not isinstance(document, dict):
            return Response(200, dump(document), "application/json")
        name = NAMES.get(request.name, "OrgBillingURLBody")
        return Response(
            200,
            dump({"$schema": self._schema(request, name), **document}),
            "application/json",
            self._link(name),
        )

    def _refused(self, request: Request, error: HttpError) -> Response:
        rows = [
            {"message": message, "location": where, **({} if value is None else {"value": value})}
            for where, message, value in error.rows
        ]
        document = {
            "$schema": self._schema(request, "ErrorModel"),
            "title": TITLES[error.status],
            "status": error.status,
            "detail": error.detail,
            **({"errors": rows} if rows else {}),
        }
        headers = {**self._link("ErrorModel"), **error.headers}
        return Response(error.status, dump(document), "application/problem+json", headers)

    @staticmethod
    def _schema(request: Request, name: str) -> str:
        host = request.headers.get("host", "localhost")
        scheme = "http" if host.startswith(("localhost", "127.0.0.1")) else "https"
        return f"{scheme}://{host}/api/v1/schemas/{name}.json"

    @staticmethod
    def _link(name: str) -> dict[str, str]:
        return {"link": f'</api/v1/schemas/{name}.json>; rel="describedBy"'}

    def _serve(self, request: Request, account: Account) -> Any:
        days = window(request) if request.name in WINDOWED else 30
        if request.name == "contract":
            raise HttpError(404, "no contract")
        if request.name in READS:
            return READS[request.name](account, days)
        if request.name == "billing/portal":
            return {"url": "https://billing.stripe.com/p/session/test_x"}
        return self._command(request.name, self._body(request), account)

    def _body(self, request: Request) -> dict[str, Any]:
        if len(request.body) >= LIMIT:
            raise HttpError(413, f"request body is too large limit={LIMIT} bytes")
        if not request.body:
            raise HttpError(400, "request body is required")
        if not MEDIA.match(request.headers.get("content-type", "application/json")):
            raise HttpError(415, "unknown content type")
        document = parse(request.body)
        if isinstance(document, dict):
            names = {name.lower(): name for name in (*BODIES[request.name], "$schema")}
            document = {names.get(name.lower(), name): value for name, value in document.items()}
        wrong = check(request.name, document, whole_floats=False)
        if wrong:
            raise HttpError(422, "validation failed", *wrong)
        return dict(document)

    def _command(self, name: str, body: dict[str, Any], account: Account) -> dict[str, Any]:
        if name == "billing/checkout":
            if body["amount"] < 100:
                raise HttpError(
                    422, "amount is too small", ("body.amount", "expected number >= 100", body["amount"])
                )
            return {"url": "https://checkout.stripe.com/c/pay/cs_test_x"}
        if name == "contract/subscribe":
            raise HttpError(404, "contract not found")
        code = body["code"]
        if code not in VOUCHERS:
            raise HttpError(422 if code in OVER else 404, "voucher not found")
        if code in account.used:
            raise HttpError(409, "voucher already redeemed")
        account.used.add(code)
        account.post("voucher_credit", VOUCHERS[code], datetime.now(account.now.tzinfo), f"voucher {code}")
        new = {"newBalance": usd(account.balance), "creditAmountUsd": usd(VOUCHERS[code])}
        return {"message": "Voucher redeemed.", "voucherCode": code, **new}


def app() -> Any:
    """A fresh server; its vouchers are HELLO20 and HELLO5."""
    return asgi(Huma().answer)
