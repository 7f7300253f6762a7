"""The account of one organization: ledger, usage and a contract that add up. Amounts are in micro-USD."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

MICRO = 1_000_000
# Micro-USD for a thousand tokens, one of entry event, one of entry service, and a character a month.
PRICES = {"input": 400, "output": 1200}
EVENTS = {"diary": 2500, "constellation": 4000}
SERVICES = {"tts_minutes": 15_000, "image": 40_000}
CHARACTER = 750_000


@dataclass(frozen=True)
class LedgerEntry:
    """One row of the ledger."""

    number: int
    kind: str
    micros: int
    tokens: int
    at: datetime
    description: str


@dataclass
class Account:
    """Newest entry first; `usage` as (time, input tokens, output tokens)."""

    organization: str
    now: datetime
    entries: list[LedgerEntry] = field(default_factory=list)
    usage: list[tuple[datetime, int, int]] = field(default_factory=list)
    used: set[str] = field(default_factory=set)

    def post(self, kind: str, micros: int, at: datetime, description: str, tokens: int = 0) -> None:
        """Add an entry; the ledger stays in order."""
        self.entries.append(LedgerEntry(len(self.entries) + 1, kind, micros, tokens, at, description))
        self.entries.sort(key=lambda entry: (entry.at, entry.number), reverse=True)

    def use_tokens(self, read: int, written: int, at: datetime) -> None:
        """Use tokens."""
        cost = -(-(read * PRICES["input"] + written * PRICES["output"]) // 1000)
        self.usage.append((at, read, written))
        self.post("consumption", -cost, at, "messages", read + written)

    @property
    def balance(self) -> int:
        return sum(entry.micros for entry in self.entries)

    def since(self, days: int) -> datetime:
        return self.now - timedelta(days=days)

    def window(self, days: int) -> list[LedgerEntry]:
        return [entry for entry in self.entries if entry.at >= self.since(days)]

    def tokens(self, days: int) -> tuple[int, int]:
        rows = [row for row in self.usage if row[0] >= self.since(days)]
        return sum(row[1] for row in rows), sum(row[2] for row in rows)


def account_with_history(organization: str, days: int = 120) -> Account:
    """An account with some history up to now; what they hold depends on the organization's name."""
    now = datetime.now(UTC)
    account = Account(organization, now)
    weight = sum(organization.encode()) % 7 + 1
    account.post("purchase", 500 * weight * MICRO, now - timedelta(days=days), "first purchase")
    account.post("purchase", 90 * weight * MICRO, now - timedelta(days=12), "purchase")
    for day in range(1, days, 3):
        account.use_tokens(
            1200 * weight * day, 700 * weight + day, now - timedelta(days=day, minutes=7 * weight)
        )
    return account


def usd(micros: int) -> float:
    return micros / MICRO
