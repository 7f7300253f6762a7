"""As a Go service on Huma v2 answers: its messages, its Link and `$schema`, its plain router.

Names of members match whatever their case, `days=` is the default, the first `days` counts, `10.0` is
no integer, `$schema` in a body is fine; 404 and 405 come from the router, HEAD is a GET, OPTIONS is 405.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from . import door
from .books import CHARACTER, EVENTS, MICRO, PRICES, SERVICES, Books, Movement, opened, usd
from .wire import BODIES, GETS, LIMIT, POSTS, WINDOWED, Refusal, Request, Response, asgi, check, dump, parse

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


def tenant(books: Books) -> str:
    return TENANTS % (sum(books.organization.encode()) * 7919)


def prices() -> dict[str, float]:
    return {
        "tokenPricePer1KUsd": usd((PRICES["input"] + PRICES["output"]) // 2),
        "inputTokenPricePer1KUsd": usd(PRICES["input"]),
        "outputTokenPricePer1KUsd": usd(PRICES["output"]),
        "charPricePerMonthUsd": usd(CHARACTER),
    }


def profile(books: Books, days: int) -> dict[str, Any]:
    return {
        "billingMode": "prepaid",
        "creditBalance": usd(books.balance),
        "currency": "USD",
        "eventPrices": {slug: usd(micros) for slug, micros in EVENTS.items()},
        "freeCreditGranted": False,
        "outstandingUsd": 0,
        "postpaidLimitUsd": 0,
        "servicePrices": {slug: usd(micros) for slug, micros in SERVICES.items()},
        "tenantId": tenant(books),
        "updatedAt": stamp(books.movements[0].at),
        **prices(),
    }


def summary(books: Books, days: int) -> dict[str, Any]:
    read, written = books.tokens(days)
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
        "creditBalanceUsd": usd(books.balance),
        **prices(),
    }


def counted(member: str, key: str, unit: dict[str, int]) -> Any:
    def answer(books: Books, days: int) -> dict[str, Any]:
        counts = {slug: days * (place + 1) for place, slug in enumerate(unit)}
        rows = [
            {"chargeUsd": usd(count * unit[slug]), "count": count, key: slug, "unitPriceUsd": usd(unit[slug])}
            for slug, count in counts.items()
        ]
        total = sum(count * unit[slug] for slug, count in counts.items())
        whole = {"totalChargeUsd": usd(total), "totalEvents": sum(counts.values())}
        return {member: rows, "month": books.now.strftime("%Y-%m"), **whole}

    return answer


def row(books: Books, each: Movement) -> dict[str, Any]:
    return {
        "amountCredits": usd(each.micros),
        "amountUsd": usd(each.micros),
        "createdAt": stamp(each.at),
        "description": each.says,
        "entryId": f"01HV{each.number:022d}",
        "entryType": each.kind,
        "tenantId": tenant(books),
        "tokens": each.tokens,
    }


READS: dict[str, Any] = {
    "billing": profile,
    "usage-summary": summary,
    "events": counted("byType", "eventType", EVENTS),
    "service-usage": counted("byOperation", "operation", SERVICES),
    "characters": lambda books, days: {
        "charChargeUsd": usd(8 * CHARACTER),
        "highWaterMark": 8,
        "month": books.now.strftime("%Y-%m"),
        "pricePerCharUsd": usd(CHARACTER),
    },
    "ledger": lambda books, days: [row(books, movement) for movement in books.window(days)],
    "model-pricing": lambda books, days: [
        {"inputPricePer1K": 0.0004, "model": "m-1", "outputPricePer1K": 0.0012}
    ],
    "service-agreements": lambda books, days: None,
}


def window(request: Request) -> int:
    """The first `days`; 30 when it is empty or absent; raises Refusal."""
    text = next((value for name, value in request.query if name == "days"), "")
    if text == "":
        return 30
    if not re.fullmatch(r"[+-]?[0-9]{1,18}", text):
        raise Refusal(422, "validation failed", ("query.days", "invalid integer", text))
    days = int(text)
    if not 1 <= days <= 365:
        bound = ">= 1" if days < 1 else "<= 365"
        raise Refusal(422, "validation failed", ("query.days", f"expected number {bound}", days))
    return days


class Huma:
    """Every organization has books from the moment that it is first seen."""

    def __init__(self) -> None:
        self._books: dict[str, Books] = {}

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
            organization = door.caller(request.headers.get("authorization"), WWW_Authenticate="Bearer")
            books = self._books.setdefault(organization, opened(organization))
            return self._found(request, self._serve(request, books))
        except Refusal as refusal:
            return self._refused(request, refusal)

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

    def _refused(self, request: Request, refusal: Refusal) -> Response:
        rows = [
            {"message": message, "location": where, **({} if value is None else {"value": value})}
            for where, message, value in refusal.rows
        ]
        document = {
            "$schema": self._schema(request, "ErrorModel"),
            "title": TITLES[refusal.status],
            "status": refusal.status,
            "detail": refusal.detail,
            **({"errors": rows} if rows else {}),
        }
        headers = {**self._link("ErrorModel"), **refusal.headers}
        return Response(refusal.status, dump(document), "application/problem+json", headers)

    @staticmethod
    def _schema(request: Request, name: str) -> str:
        host = request.headers.get("host", "localhost")
        scheme = "http" if host.startswith(("localhost", "127.0.0.1")) else "https"
        return f"{scheme}://{host}/api/v1/schemas/{name}.json"

    @staticmethod
    def _link(name: str) -> dict[str, str]:
        return {"link": f'</api/v1/schemas/{name}.json>; rel="describedBy"'}

    def _serve(self, request: Request, books: Books) -> Any:
        days = window(request) if request.name in WINDOWED else 30
        if request.name == "contract":
            raise Refusal(404, "no contract")
        if request.name in READS:
            return READS[request.name](books, days)
        if request.name == "billing/portal":
            return {"url": "https://billing.stripe.com/p/session/test_x"}
        return self._command(request.name, self._body(request), books)

    def _body(self, request: Request) -> dict[str, Any]:
        if len(request.body) >= LIMIT:
            raise Refusal(413, f"request body is too large limit={LIMIT} bytes")
        if not request.body:
            raise Refusal(400, "request body is required")
        if not MEDIA.match(request.headers.get("content-type", "application/json")):
            raise Refusal(415, "unknown content type")
        document = parse(request.body)
        if isinstance(document, dict):
            names = {name.lower(): name for name in (*BODIES[request.name], "$schema")}
            document = {names.get(name.lower(), name): value for name, value in document.items()}
        wrong = check(request.name, document, whole_floats=False)
        if wrong:
            raise Refusal(422, "validation failed", *wrong)
        return dict(document)

    def _command(self, name: str, body: dict[str, Any], books: Books) -> dict[str, Any]:
        if name == "billing/checkout":
            if body["amount"] < 100:
                raise Refusal(
                    422, "amount is too small", ("body.amount", "expected number >= 100", body["amount"])
                )
            return {"url": "https://checkout.stripe.com/c/pay/cs_test_x"}
        if name == "contract/subscribe":
            raise Refusal(404, "contract not found")
        code = body["code"]
        if code not in VOUCHERS:
            raise Refusal(422 if code in OVER else 404, "voucher not found")
        if code in books.used:
            raise Refusal(409, "voucher already redeemed")
        books.used.add(code)
        books.post("voucher_credit", VOUCHERS[code], datetime.now(books.now.tzinfo), f"voucher {code}")
        new = {"newBalance": usd(books.balance), "creditAmountUsd": usd(VOUCHERS[code])}
        return {"message": "Voucher redeemed.", "voucherCode": code, **new}


def app() -> Any:
    """A fresh server; its vouchers are HELLO20 and HELLO5."""
    return asgi(Huma().answer)
