"""The arithmetic behind the laws: pure functions over response bodies.

Bodies are keyed by what was asked:

    getOrgBilling                 the answer of an operation
    getOrgLedger?days=90          with a window; without one the default of 30 days is meant
    getOrgLedger?days=all         the whole ledger, where the asker can know it
    before:getOrgBilling          the answer before a command (redeem, a paid checkout)
    request:createOrgBillingCheckout    the body that was sent

Amounts are compared as the decimal numbers that the JSON shows. The server rounds to a micro-USD:
each rounded row may be off by half of one, and each double by half the distance to its neighbor.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any

Bodies = Mapping[str, Any]

HALF_MICRO = Decimal("0.0000005")
DEFAULT_DAYS = 30
ALL = "all"


class Missing(LookupError):  # noqa: N818 -- an answer of a law, not an error of ours
    """The bodies do not hold what a law reads; ``str`` says what is missing."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Whether an equation holds, the numbers in it, and where it fails first."""

    holds: bool
    values: tuple[tuple[str, str], ...] = ()
    detail: str = ""


def body(bodies: Bodies, key: str) -> Any:
    """One body; raises `Missing`."""
    if key not in bodies:
        raise Missing(f"needs {key}")
    return bodies[key]


def windows(bodies: Bodies, operation: str, prefix: str = "") -> dict[float, Any]:
    """All answers of an operation with a window, by its days (`math.inf` for the whole)."""
    found: dict[float, Any] = {}
    for key, value in bodies.items():
        name, _, days = key.removeprefix(prefix).partition("?days=")
        if key.startswith(prefix) and name == operation:
            found[math.inf if days == ALL else int(days or DEFAULT_DAYS)] = value
    if not found:
        raise Missing(f"needs {prefix}{operation}")
    return dict(sorted(found.items()))


def one(bodies: Bodies, operation: str) -> Any:
    """An answer of an operation, whichever window it has: for members that no window changes."""
    return next(iter(windows(bodies, operation).values()))


def everything(bodies: Bodies) -> list[Any]:
    """The whole ledger; raises `Missing` where only windows are known."""
    ledgers = windows(bodies, "getOrgLedger")
    if math.inf not in ledgers:
        raise Missing("needs the whole ledger: getOrgLedger?days=all")
    return ledgers[math.inf] or []


def rows(container: Any, member: str) -> list[Any]:
    """The rows of a member that may be null."""
    return container[member] or []


def number(value: Any) -> Decimal:
    """A JSON number as the decimal that its text shows."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise Missing(f"not a number: {value!r}")
    return value if isinstance(value, Decimal) else Decimal(repr(value))


def slack(numbers: Iterable[Decimal], rounded: int) -> Decimal:
    """How far two sides may be apart: half a micro-USD for each rounded row, and what doubles cannot hold."""
    return rounded * HALF_MICRO + sum((Decimal(math.ulp(float(each))) / 2 for each in numbers), Decimal(0))


def equal(
    left: tuple[str, Any], right: tuple[str, Any], rounded: int = 1, parts: Iterable[Decimal] = ()
) -> Outcome:
    """Whether two amounts are equal within the slack; each side is (name, amount)."""
    a, b = number(left[1]), number(right[1])
    holds = abs(a - b) <= slack([a, b, *parts], rounded)
    detail = "" if holds else f"{left[0]} {a} ≠ {right[0]} {b}"
    return Outcome(holds, ((left[0], str(a)), (right[0], str(b))), detail)


def same(left: tuple[str, Any], right: tuple[str, Any]) -> Outcome:
    """Whether two values are the same, without slack."""
    holds = bool(left[1] == right[1])
    values = ((left[0], str(left[1])), (right[0], str(right[1])))
    return Outcome(holds, values, "" if holds else f"{left[0]} {left[1]} ≠ {right[0]} {right[1]}")


def every(outcomes: Iterable[Outcome]) -> Outcome:
    """All of several outcomes: the first that fails, or the last."""
    last = Outcome(True)
    for last in outcomes:
        if not last.holds:
            return last
    return last


def instant(text: Any) -> datetime:
    """An RFC 3339 instant; raises `Missing` for anything else."""
    try:
        return datetime.fromisoformat(text)
    except (TypeError, ValueError):
        raise Missing(f"not an instant: {text!r}") from None


def total(bodies: Bodies, operation: str, member: str, whole: str, part: str) -> Outcome:
    """A total is the sum of its rows."""

    def outcomes() -> Iterator[Outcome]:
        for answer in windows(bodies, operation).values():
            parts = [number(row[part]) for row in rows(answer, member)]
            yield equal((whole, answer[whole]), (f"Σ {part}", sum(parts, Decimal(0))), len(parts) + 1, parts)

    return every(outcomes())


def charge(bodies: Bodies, operation: str, member: str, key: str) -> Outcome:
    """A row's charge is its count times its unit price."""
    return every(
        equal(
            (f"chargeUsd of {row[key]}", row["chargeUsd"]),
            ("count × unitPriceUsd", number(row["count"]) * number(row["unitPriceUsd"])),
        )
        for answer in windows(bodies, operation).values()
        for row in rows(answer, member)
    )


def price(bodies: Bodies, operation: str, member: str, key: str, prices: str) -> Outcome:
    """A row's unit price is the one in the profile."""
    listed = body(bodies, "getOrgBilling")[prices]

    def outcomes() -> Iterator[Outcome]:
        for answer in windows(bodies, operation).values():
            for row in rows(answer, member):
                if row[key] not in listed:
                    yield Outcome(False, ((key, row[key]),), f"{row[key]} has no price in {prices}")
                else:
                    unit = (f"unitPriceUsd of {row[key]}", row["unitPriceUsd"])
                    yield equal(unit, (prices, listed[row[key]]), rounded=0)

    return every(outcomes())


def character_charge(bodies: Bodies) -> Outcome:
    """The charge for characters is the high-water mark times the price."""
    return every(
        equal(
            ("charChargeUsd", answer["charChargeUsd"]),
            (
                "highWaterMark × pricePerCharUsd",
                number(answer["highWaterMark"]) * number(answer["pricePerCharUsd"]),
            ),
        )
        for answer in windows(bodies, "listOrgActiveCharacters").values()
    )


def character_price(bodies: Bodies) -> Outcome:
    """Characters, profile and summary agree on the price of a character."""
    profile = ("profile charPricePerMonthUsd", body(bodies, "getOrgBilling")["charPricePerMonthUsd"])
    characters = one(bodies, "listOrgActiveCharacters")
    summary = one(bodies, "getOrgUsageSummary")
    return every(
        [
            equal(("pricePerCharUsd", characters["pricePerCharUsd"]), profile, rounded=0),
            equal(("summary charPricePerMonthUsd", summary["charPricePerMonthUsd"]), profile, rounded=0),
        ]
    )


def summary_member(bodies: Bodies, members: tuple[tuple[str, str], ...]) -> Outcome:
    """Members of the summary equal members of the profile."""
    profile, summary = body(bodies, "getOrgBilling"), one(bodies, "getOrgUsageSummary")
    return every(
        equal((f"summary {mine}", summary[mine]), (f"profile {theirs}", profile[theirs]), rounded=0)
        for mine, theirs in members
    )


def summary_tokens(bodies: Bodies) -> Outcome:
    """Tokens are those read and those written."""
    return every(
        same(
            ("totalTokens", answer["totalTokens"]),
            ("input + output", answer["totalInputTokens"] + answer["totalOutputTokens"]),
        )
        for answer in windows(bodies, "getOrgUsageSummary").values()
    )


def summary_cost(bodies: Bodies) -> Outcome:
    """The estimate is what the tokens cost at the prices beside them."""

    def estimate(answer: Any) -> Decimal:
        read = number(answer["totalInputTokens"]) * number(answer["inputTokenPricePer1KUsd"])
        written = number(answer["totalOutputTokens"]) * number(answer["outputTokenPricePer1KUsd"])
        return (read + written) / 1000

    return every(
        equal(("estimatedCostUsd", answer["estimatedCostUsd"]), ("tokens × prices", estimate(answer)))
        for answer in windows(bodies, "getOrgUsageSummary").values()
    )


def balance(bodies: Bodies) -> Outcome:
    """The balance is the sum of all movements."""
    credits = [number(row["amountCredits"]) for row in everything(bodies)]
    left = ("creditBalance", body(bodies, "getOrgBilling")["creditBalance"])
    return equal(left, ("Σ amountCredits", sum(credits, Decimal(0))), rounded=0, parts=credits)


def window_tokens(bodies: Bodies) -> Outcome:
    """The tokens in a window of the ledger are those of the summary over the same window."""
    ledgers, summaries = windows(bodies, "getOrgLedger"), windows(bodies, "getOrgUsageSummary")
    both = sorted(ledgers.keys() & summaries.keys())
    if not both:
        raise Missing("needs getOrgLedger and getOrgUsageSummary over the same window")
    return every(
        same(
            (f"Σ tokens of {days} days", sum(row["tokens"] for row in ledgers[days] or [])),
            ("totalTokens", summaries[days]["totalTokens"]),
        )
        for days in both
    )


def nested(bodies: Bodies) -> Outcome:
    """A shorter window is part of a longer one."""
    answers = windows(bodies, "getOrgLedger").items()
    ledgers = [(days, {row["entryId"] for row in ledger or []}) for days, ledger in answers]
    if len(ledgers) < 2:
        raise Missing("needs the ledger over two windows")

    def outcomes() -> Iterator[Outcome]:
        for (short, inner), (long, outer) in pairwise(ledgers):
            lost = sorted(inner - outer)
            detail = f"{lost[0]} is not in {long} days" if lost else ""
            yield Outcome(not lost, (("days", f"{short} ⊆ {long}"),), detail)

    return every(outcomes())


def unique(bodies: Bodies) -> Outcome:
    """No entry id occurs twice."""

    def outcomes() -> Iterator[Outcome]:
        for ledger in windows(bodies, "getOrgLedger").values():
            counts = Counter(row["entryId"] for row in ledger or [])
            twice = [entry for entry, count in counts.items() if count > 1]
            detail = f"{twice[0]} occurs twice" if twice else ""
            yield Outcome(not twice, (("rows", str(len(ledger or []))),), detail)

    return every(outcomes())


def newest_first(bodies: Bodies) -> Outcome:
    """The ledger is in descending order of time."""

    def outcomes() -> Iterator[Outcome]:
        for ledger in windows(bodies, "getOrgLedger").values():
            for row, older in pairwise(ledger or []):
                holds = instant(row["createdAt"]) >= instant(older["createdAt"])
                detail = "" if holds else f"{older['entryId']} is newer than {row['entryId']} above it"
                yield Outcome(holds, (), detail)

    return every(outcomes())


def updated(bodies: Bodies) -> Outcome:
    """The profile is no older than the newest movement."""
    profile = body(bodies, "getOrgBilling")["updatedAt"]
    newest = max(
        (row["createdAt"] for ledger in windows(bodies, "getOrgLedger").values() for row in ledger or []),
        key=instant,
        default=profile,
    )
    holds = instant(profile) >= instant(newest)
    values = (("updatedAt", profile), ("newest createdAt", newest))
    return Outcome(holds, values, "" if holds else f"updatedAt {profile} < newest ledger row {newest}")
