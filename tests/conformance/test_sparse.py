"""A server that keeps the documents and does no more: no optional member, null arrays, its own words."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl

import pytest
from orgbilling_conformance import conform

TENANT = "tenant-7"
PRICES = {"tokenPricePer1KUsd": 0.004, "inputTokenPricePer1KUsd": 0.003, "outputTokenPricePer1KUsd": 0.009}
BODIES: dict[str, Any] = {
    "/org/billing": {
        "$schema": "/api/v1/schemas/TenantBillingProfile.json",
        "tenantId": TENANT,
        "billingMode": "PAY_AS_YOU_GO",
        "creditBalance": 0,
        "outstandingUsd": 0,
        "postpaidLimitUsd": 0,
        **PRICES,
        "charPricePerMonthUsd": 0.5,
        "eventPrices": {},
        "servicePrices": {},
        "freeCreditGranted": False,
        "currency": "usd",
        "updatedAt": "2026-01-02T03:04:05.678901234+05:30",
    },
    "/org/characters": {"month": "2026-01", "highWaterMark": 0, "charChargeUsd": 0, "pricePerCharUsd": 0.5},
    "/org/events": {"month": "2026-01", "totalEvents": 0, "totalChargeUsd": 0, "byType": None},
    "/org/service-usage": {"month": "2026-01", "totalEvents": 0, "totalChargeUsd": 0, "byOperation": None},
    "/org/ledger": None,
    "/org/model-pricing": None,
    "/org/service-agreements": None,
    "/org/usage-summary": {
        **dict.fromkeys(("totalTokens", "totalInputTokens", "totalOutputTokens", "totalMessages"), 0),
        **dict.fromkeys(("totalSessions", "totalCharacters", "totalProjects", "estimatedCostUsd"), 0),
        **PRICES,
        "charPricePerMonthUsd": 0.5,
        "creditBalanceUsd": 0,
    },
}
WINDOWED = ("/org/characters", "/org/events", "/org/service-usage", "/org/ledger", "/org/usage-summary")


class Sparse:
    """The application. Any bearer token in `tokens` is good."""

    def __init__(self, *tokens: str) -> None:
        self.tokens = tokens
        self.asked: list[tuple[str, str]] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            raise RuntimeError("no lifespan")
        self.asked.append((scope["method"], scope["path"].removeprefix("/api/v1")))
        status, media, body = self.answer(scope)
        headers = [(b"content-type", media.encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def answer(self, scope: Any) -> tuple[int, str, bytes]:
        path = scope["path"].removeprefix("/api/v1")
        if path != "/org/contract" and path not in BODIES:
            return 404, "text/plain; charset=utf-8", b"404 page not found\n"
        if scope["method"] != "GET":
            return 405, "text/plain; charset=utf-8", b"Method Not Allowed\n"
        sent = dict(scope["headers"]).get(b"authorization", b"").decode("latin-1")
        if sent.removeprefix("Bearer ") not in self.tokens or not sent.startswith("Bearer "):
            return problem(401, title="Unauthorized")
        if path in WINDOWED and not self.valid(scope["query_string"].decode("latin-1")):
            return problem(400)
        if path == "/org/contract":
            return problem(404, detail="no contract")
        return 200, "application/json; charset=utf-8", json.dumps(BODIES[path]).encode()

    def valid(self, query: str) -> bool:
        values = [value for key, value in parse_qsl(query) if key == "days"]
        return not values or (values[0].isascii() and values[0].isdigit() and 1 <= int(values[0][:9]) <= 365)


def problem(status: int, **members: Any) -> tuple[int, str, bytes]:
    return status, "application/problem+json", json.dumps(members).encode()


@pytest.mark.slow
def test_a_server_that_keeps_the_documents_never_fails() -> None:
    report = conform(Sparse("good"), token="good", allow_write=("methods",), examples=5)
    assert (report.verdict, report.errors, report.reasons) == ("conforms", (), ())
    assert {finding.basis for finding in report.warnings} <= {"assumed", "invariant"}
    assert "no contract" in " ".join(report.notes)


@pytest.mark.slow
def test_strict_makes_errors_of_warnings() -> None:
    report = conform(Sparse("good"), token="good", quick=True, strict=True)
    assert report.verdict == "violated"


@pytest.mark.slow
def test_by_default_documented_gets_alone_are_sent() -> None:
    app = Sparse("good")
    conform(app, token="good", examples=5)
    assert {method for method, _ in app.asked} == {"GET"}
    schemas = {path for _, path in app.asked if path.startswith("/schemas/")}
    assert {path for _, path in app.asked} - schemas == {*BODIES, "/org/contract", "/openapi.json"}


@pytest.mark.parametrize("good", [(), ("another",)])
def test_a_rejected_token_proves_nothing(good: tuple[str, ...]) -> None:
    report = conform(Sparse(*good), token="good", quick=True)
    assert (report.verdict, report.exit_status) == ("inconclusive", 3)
    assert report.reasons == ("the token was refused: GET /org/billing answered 401: Unauthorized",)
