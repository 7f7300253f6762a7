"""What the server of `net_http` keeps for one organization, and the documents that it makes of it.

Amounts are in micro-USD. Everything follows from the name of the organization and a seed.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

EVENT_PRICES = {"diary": 2_000, "memory": 5_000}
SERVICE_PRICES = {"speech": 30_000, "image": 50_000}
CHARACTER_PRICE = 500_000
INPUT_PRICE, OUTPUT_PRICE = 500, 1500


def usd(micros: int) -> float | int:
    """Micro-USD as a JSON number."""
    return micros // 1_000_000 if micros % 1_000_000 == 0 else micros / 1_000_000


def instant(at: datetime) -> str:
    """RFC 3339, UTC, as short as it can be written."""
    text = at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f").rstrip("0").rstrip(".")
    return f"{text}Z"


@dataclass(frozen=True)
class Posting:
    """A row of the ledger."""

    at: datetime
    kind: str
    micros: int
    read: int = 0
    written: int = 0


@dataclass
class Books:
    """One organization. ours: whether its words for kinds and states are those that we assume."""

    organization: str
    seed: int
    ours: bool
    optional: bool
    tenant: str = ""
    opened: datetime = field(default_factory=lambda: datetime.now(UTC))
    rows: list[Posting] = field(default_factory=list)
    used: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Draw the past: half a year at most, so that a year is everything."""
        draw = random.Random(f"{self.organization}/{self.seed}")
        digits = f"{draw.getrandbits(128):032x}"
        self.tenant = f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-8{digits[17:20]}-{digits[20:]}"
        days = draw.randrange(3, 80)
        self.rows.append(Posting(self.opened - timedelta(days=days), self.word("top_up"), 700_000_000))
        for day in range(days - 1, 0, -1):
            for _ in range(draw.randrange(3)):
                read, written = draw.randrange(1, 90) * 1000, draw.randrange(1, 40) * 1000
                at = self.opened - timedelta(days=day, seconds=draw.randrange(60_000))
                cost = read // 1000 * INPUT_PRICE + written // 1000 * OUTPUT_PRICE
                self.rows.append(Posting(at, self.word("usage"), -cost, read, written))
        self.rows.sort(key=lambda row: row.at)

    def word(self, ours: str) -> str:
        return ours if self.ours else f"x-{ours}".upper()

    @property
    def balance(self) -> int:
        return sum(row.micros for row in self.rows)

    def window(self, days: int) -> list[tuple[int, Posting]]:
        """The rows of the last days with their numbers, newest first."""
        since = datetime.now(UTC) - timedelta(days=days)
        return [(number, row) for number, row in enumerate(self.rows) if row.at >= since][::-1]

    def prices(self) -> dict[str, Any]:
        return {
            "tokenPricePer1KUsd": usd((INPUT_PRICE + OUTPUT_PRICE) // 2),
            "inputTokenPricePer1KUsd": usd(INPUT_PRICE),
            "outputTokenPricePer1KUsd": usd(OUTPUT_PRICE),
            "charPricePerMonthUsd": usd(CHARACTER_PRICE),
        }

    def billing(self, days: int) -> dict[str, Any]:
        more = {"stripeCustomerId": "cus_A1"} if self.optional else {}
        return {
            **more,
            **self.prices(),
            "tenantId": self.tenant,
            "billingMode": "prepaid" if self.ours else "CREDITS",
            "creditBalance": usd(self.balance),
            "outstandingUsd": 0,
            "postpaidLimitUsd": 0,
            "eventPrices": {name: usd(price) for name, price in EVENT_PRICES.items()} | {"other kind": 1},
            "servicePrices": {name: usd(price) for name, price in SERVICE_PRICES.items()} | {"é/~": 0.5},
            "freeCreditGranted": False,
            "currency": "USD",
            "updatedAt": instant(max(row.at for row in self.rows)),
        }

    def usage_summary(self, days: int) -> dict[str, Any]:
        rows = [row for _, row in self.window(days)]
        read, written = sum(row.read for row in rows), sum(row.written for row in rows)
        return {
            **self.prices(),
            "totalTokens": read + written,
            "totalInputTokens": read,
            "totalOutputTokens": written,
            "totalMessages": sum(row.read > 0 for row in rows),
            "totalSessions": sum(row.read > 0 for row in rows) // 2,
            "totalCharacters": 6,
            "totalProjects": 2,
            "estimatedCostUsd": usd(read // 1000 * INPUT_PRICE + written // 1000 * OUTPUT_PRICE),
            "creditBalanceUsd": usd(self.balance),
        }

    def _metered(self, member: str, name: str, unit: dict[str, int], days: int) -> dict[str, Any]:
        rows = [
            {
                name: key,
                "count": days * place,
                "unitPriceUsd": usd(price),
                "chargeUsd": usd(days * place * price),
            }
            for place, (key, price) in enumerate(unit.items(), 1)
        ]
        charge = sum(days * place * price for place, price in enumerate(unit.values(), 1))
        total = {"totalEvents": sum(row["count"] for row in rows), "totalChargeUsd": usd(charge)}
        return {member: rows, "month": f"{self.opened:%Y-%m}", **total}

    def events(self, days: int) -> dict[str, Any]:
        return self._metered("byType", "eventType", EVENT_PRICES, days)

    def service_usage(self, days: int) -> dict[str, Any]:
        return self._metered("byOperation", "operation", SERVICE_PRICES, days)

    def characters(self, days: int) -> dict[str, Any]:
        return {
            "month": f"{self.opened:%Y-%m}",
            "highWaterMark": 6,
            "pricePerCharUsd": usd(CHARACTER_PRICE),
            "charChargeUsd": usd(6 * CHARACTER_PRICE),
        }

    def ledger(self, days: int) -> list[dict[str, Any]]:
        more = (
            {"createdBy": "system", "trafficSource": "api" if self.ours else "batch"} if self.optional else {}
        )
        return [
            {
                "entryId": f"{self.tenant[:8]}-{number}",
                "tenantId": self.tenant,
                "entryType": row.kind,
                "amountUsd": usd(row.micros),
                "amountCredits": usd(row.micros),
                "tokens": row.read + row.written,
                "description": f"{row.kind} {number}",
                "createdAt": instant(row.at),
                **more,
            }
            for number, row in self.window(days)
        ]

    def model_pricing(self, days: int) -> list[dict[str, Any]]:
        return [{"model": "m", "inputPricePer1K": usd(INPUT_PRICE), "outputPricePer1K": usd(OUTPUT_PRICE)}]

    @property
    def contract_id(self) -> str:
        return f"c{self.tenant[1:]}"

    def contract(self, days: int) -> dict[str, Any]:
        """A contract of two installments, the first of them due tomorrow."""
        begin, end = self.opened - timedelta(days=1), self.opened + timedelta(days=364)
        more = {"notes": "", "createdBy": "sales", "creditPeriodLimit": 2} if self.optional else {}
        dues = [self.opened + timedelta(days=1), self.opened + timedelta(days=180)]
        return {
            **more,
            "contractId": self.contract_id,
            "tenantId": self.tenant,
            "status": "pending_payment" if self.ours else "SIGNED",
            "totalValueUsd": 300,
            "creditPortionUsd": 200,
            "servicePortionUsd": 100,
            "paymentFrequency": "monthly" if self.ours else "every half-year",
            "paymentAmountUsd": 150,
            "paymentCreditUsd": 100,
            "paymentServiceUsd": 50,
            "bonusCreditsUsd": 0,
            "bonusCreditsPaid": False,
            "autoRenew": False,
            "onetimeAmountUsd": 0,
            "onetimeCreditUsd": 0,
            "onetimeServiceUsd": 0,
            "startDate": instant(begin),
            "endDate": instant(end),
            "createdAt": instant(begin),
            "updatedAt": instant(begin),
            "paymentSchedule": [
                {
                    "period": f"{due:%Y-%m}" if self.ours else f"Q{due.month // 4 + 1}",
                    "dueDate": instant(due),
                    "amountUsd": 150,
                    "creditUsd": 100,
                    "serviceUsd": 50,
                    "paid": False,
                    **({"isOneTime": False} if self.optional else {}),
                }
                for due in dues
            ],
        }
