"""Sound and sparse: what may be absent is absent, what may be null is null, the rest is otherwise.

No optional member, no Link, no CORS, no HEAD, no challenge; 404 and 405 in plain text; minimal problems;
400 for everything that is invalid; a tenant that is no UUID; words that no list of ours knows.
"""

from __future__ import annotations

from typing import Any

from . import session_tokens
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

PRICES = {
    "tokenPricePer1KUsd": 0,
    "inputTokenPricePer1KUsd": 3e-07,
    "outputTokenPricePer1KUsd": 1,
    "charPricePerMonthUsd": 0,
}


def profile(tenant: str) -> dict[str, Any]:
    return {
        "tenantId": tenant,
        "billingMode": "credits",
        "creditBalance": 0,
        "outstandingUsd": 0,
        "postpaidLimitUsd": 0,
        **PRICES,
        "eventPrices": {},
        "servicePrices": {},
        "freeCreditGranted": False,
        "currency": "jpy",
        "updatedAt": "2026-03-10T21:00:00+09:00",
    }


def summary() -> dict[str, Any]:
    names = ("Tokens", "InputTokens", "OutputTokens", "Messages", "Sessions", "Characters", "Projects")
    counts = {f"total{name}": 0 for name in names}
    return {**counts, "estimatedCostUsd": 0, **PRICES, "creditBalanceUsd": 0}


def read(name: str, tenant: str) -> Any:
    """The answer of a GET."""
    month = {"month": "March", "totalEvents": 0, "totalChargeUsd": 0}
    return {
        "billing": lambda: profile(tenant),
        "usage-summary": summary,
        "events": lambda: {**month, "byType": None},
        "service-usage": lambda: {**month, "byOperation": None},
        "characters": lambda: {"month": "", "highWaterMark": 0, "charChargeUsd": 0, "pricePerCharUsd": 0},
    }.get(name, lambda: None)()


def window(request: Request) -> None:
    """Refuse a window out of range."""
    for key, text in request.query:
        if key == "days":
            digits = text.removeprefix("-")
            if not (digits.isascii() and digits.isdigit() and 1 <= int(text[:20]) <= 365):
                raise HttpError(400, "days")


class Sparse:
    """Knows two vouchers: one is a discount, the other is over."""

    def __init__(self) -> None:
        self._used: set[tuple[str, str]] = set()

    def answer(self, request: Request) -> Response:
        allowed = "GET" if request.name in GETS else "POST"
        if request.name not in GETS and request.name not in POSTS:
            return Response(404, b"not found\n", "text/plain")
        if request.method != allowed:
            return Response(405, b"method not allowed\n", "text/plain", {"allow": allowed})
        try:
            tenant = session_tokens.organization_of(request.headers.get("authorization"), pending=401)
            return Response(200, dump(self._serve(request, tenant)), "application/json; charset=utf-8")
        except HttpError as error:
            return Response(error.status, b"{}", "application/problem+json")

    def _serve(self, request: Request, tenant: str) -> Any:
        if request.name in WINDOWED:
            window(request)
        if request.name == "contract":
            raise HttpError(404, "")
        if request.method == "GET":
            return read(request.name, tenant)
        if request.name == "billing/portal":
            raise HttpError(503, "")
        return self._command(request, tenant)

    def _command(self, request: Request, tenant: str) -> Any:
        if len(request.body) > LIMIT:
            raise HttpError(400, "")
        body = parse(request.body)
        if request.name not in BODIES or check(request.name, body, whole_floats=True):
            raise HttpError(400, "")
        if request.name == "billing/checkout":
            return {"url": "https://pay.example.com/1"}
        if request.name == "contract/subscribe":
            raise HttpError(400, "")
        use = (tenant, body["code"])
        if body["code"] != "DISCOUNT" or use in self._used:
            raise HttpError(400, "")
        self._used.add(use)
        return {"voucherCode": "DISCOUNT", "creditAmountUsd": 0, "newBalance": 0, "message": ""}


def app() -> Any:
    """A fresh server; its voucher is DISCOUNT."""
    return asgi(Sparse().answer)
