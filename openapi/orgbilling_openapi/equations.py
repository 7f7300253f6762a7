"""The equations behind the invariants: pure functions over response bodies.

Bodies are keyed by operation and window:

    getOrgBilling                 the body of a response
    getOrgLedger?days=90          with a window; without one the default of 30 days is meant
    getOrgLedger?days=all         the whole ledger, where the caller can know it
    before:getOrgBilling          the body before a command (redeeming a voucher, a paid checkout)
    request:createOrgBillingCheckout    the body of the request

Amounts are compared as the decimal numbers that the JSON shows, not as floating-point numbers. Two amounts
are equal when they differ by no more than the tolerance:

    |left - right| <= rounded x 0.5 micro-USD + sum of ulp(n) / 2 over the numbers n of the equation

`rounded` counts the amounts that the server rounded to a micro-USD on the way, each by half a micro-USD at
most. `ulp(n)` is the distance from n to the next double: a server that computes with doubles can miss n by
half of it.

Example: three rows show chargeUsd 0.333333, and totalChargeUsd is 1.000001. The sum of the rows is 0.999999,
so the sides differ by 2 micro-USD. Three rows and the total are rounded: the tolerance is 4 x 0.5 = 2
micro-USD, and the total is accepted (each row may stand for 0.3333335, which makes 1.0000005). A total of
1.000002 differs by 3 micro-USD and is not.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import pairwise

from orgbilling_openapi.strict_json import JsonValue

Bodies = Mapping[str, JsonValue]

HALF_MICRO = Decimal("0.0000005")
DEFAULT_DAYS = 30
ALL = "all"
BEFORE = "before:"


class MissingBodyError(LookupError):
    """The bodies do not hold what an equation reads; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class EquationResult:
    """Whether an equation holds, the numbers in it, and where it fails first."""

    holds: bool
    values: tuple[tuple[str, str], ...] = ()
    detail: str = ""


def body(bodies: Bodies, key: str) -> JsonValue:
    """One body; raises `MissingBodyError`."""
    if key not in bodies:
        raise MissingBodyError(f"needs {key}")
    return bodies[key]


def windows(bodies: Bodies, operation: str, prefix: str = "") -> dict[float, JsonValue]:
    """The bodies of an operation with a window, by days (`math.inf` for the whole history)."""
    by_days: dict[float, JsonValue] = {}
    for key, value in bodies.items():
        name, _, days = key.removeprefix(prefix).partition("?days=")
        if key.startswith(prefix) and name == operation:
            by_days[math.inf if days == ALL else int(days or DEFAULT_DAYS)] = value
    if not by_days:
        raise MissingBodyError(f"needs {prefix}{operation}")
    return dict(sorted(by_days.items()))


def any_window(bodies: Bodies, operation: str) -> JsonValue:
    """A body of an operation with any window: for members that do not depend on the window."""
    return next(iter(windows(bodies, operation).values()))


def whole_ledger(bodies: Bodies) -> list[JsonValue]:
    """The whole ledger; raises `MissingBodyError` where only windows are known."""
    ledgers = windows(bodies, "getOrgLedger")
    if math.inf not in ledgers:
        raise MissingBodyError("needs the whole ledger: getOrgLedger?days=all")
    return ledgers[math.inf] or []


def rows(container: JsonValue, member: str) -> list[JsonValue]:
    """The rows of a member that may be null."""
    return container[member] or []


def number(value: JsonValue) -> Decimal:
    """A JSON number as the decimal that its text shows."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise MissingBodyError(f"not a number: {value!r}")
    return value if isinstance(value, Decimal) else Decimal(repr(value))


def tolerance(numbers: Iterable[Decimal], rounded: int) -> Decimal:
    """How far two sides of an equation may be apart, in USD; see the formula at the top.

    numbers: the numbers of the equation; rounded: how many of its amounts the server rounded.
    """
    return rounded * HALF_MICRO + sum(
        (Decimal(math.ulp(float(amount))) / 2 for amount in numbers), Decimal(0)
    )


def equal(
    left: tuple[str, JsonValue], right: tuple[str, JsonValue], rounded: int = 1, parts: Iterable[Decimal] = ()
) -> EquationResult:
    """Whether two amounts are equal within the tolerance; each side is (name, amount).

    rounded: how many amounts the server rounded; parts: the numbers that a side was computed from.
    """
    a, b = number(left[1]), number(right[1])
    holds = abs(a - b) <= tolerance([a, b, *parts], rounded)
    detail = "" if holds else f"{left[0]} {a} ≠ {right[0]} {b}"
    return EquationResult(holds, ((left[0], str(a)), (right[0], str(b))), detail)


def identical(left: tuple[str, JsonValue], right: tuple[str, JsonValue]) -> EquationResult:
    """Whether two values are the same, without a tolerance."""
    holds = bool(left[1] == right[1])
    values = ((left[0], str(left[1])), (right[0], str(right[1])))
    return EquationResult(holds, values, "" if holds else f"{left[0]} {left[1]} ≠ {right[0]} {right[1]}")


def all_of(results: Iterable[EquationResult]) -> EquationResult:
    """The first of several results that fails, or the last."""
    last = EquationResult(True)
    for last in results:
        if not last.holds:
            return last
    return last


def instant(text: JsonValue) -> datetime:
    """An RFC 3339 instant; raises `MissingBodyError` for anything else."""
    try:
        return datetime.fromisoformat(text)
    except (TypeError, ValueError):
        raise MissingBodyError(f"not an instant: {text!r}") from None


def total(bodies: Bodies, operation: str, member: str, whole: str, part: str) -> EquationResult:
    """A total is the sum of its rows."""

    def results() -> Iterator[EquationResult]:
        for answer in windows(bodies, operation).values():
            parts = [number(row[part]) for row in rows(answer, member)]
            yield equal((whole, answer[whole]), (f"Σ {part}", sum(parts, Decimal(0))), len(parts) + 1, parts)

    return all_of(results())


def charge(bodies: Bodies, operation: str, member: str, key: str) -> EquationResult:
    """A row's charge is its count times its unit price."""
    return all_of(
        equal(
            (f"chargeUsd of {row[key]}", row["chargeUsd"]),
            ("count × unitPriceUsd", number(row["count"]) * number(row["unitPriceUsd"])),
        )
        for answer in windows(bodies, operation).values()
        for row in rows(answer, member)
    )


def price(bodies: Bodies, operation: str, member: str, key: str, prices: str) -> EquationResult:
    """A row's unit price is the one in the profile."""
    listed = body(bodies, "getOrgBilling")[prices]

    def results() -> Iterator[EquationResult]:
        for answer in windows(bodies, operation).values():
            for row in rows(answer, member):
                if row[key] not in listed:
                    yield EquationResult(False, ((key, row[key]),), f"{row[key]} has no price in {prices}")
                else:
                    unit = (f"unitPriceUsd of {row[key]}", row["unitPriceUsd"])
                    yield equal(unit, (prices, listed[row[key]]), rounded=0)

    return all_of(results())


def character_charge(bodies: Bodies) -> EquationResult:
    """The charge for characters is the high-water mark times the price."""
    return all_of(
        equal(
            ("charChargeUsd", answer["charChargeUsd"]),
            (
                "highWaterMark × pricePerCharUsd",
                number(answer["highWaterMark"]) * number(answer["pricePerCharUsd"]),
            ),
        )
        for answer in windows(bodies, "listOrgActiveCharacters").values()
    )


def character_price(bodies: Bodies) -> EquationResult:
    """Characters, profile and summary agree on the price of a character."""
    profile = ("profile charPricePerMonthUsd", body(bodies, "getOrgBilling")["charPricePerMonthUsd"])
    characters = any_window(bodies, "listOrgActiveCharacters")
    summary = any_window(bodies, "getOrgUsageSummary")
    return all_of(
        [
            equal(("pricePerCharUsd", characters["pricePerCharUsd"]), profile, rounded=0),
            equal(("summary charPricePerMonthUsd", summary["charPricePerMonthUsd"]), profile, rounded=0),
        ]
    )


def summary_member(bodies: Bodies, members: tuple[tuple[str, str], ...]) -> EquationResult:
    """Members of the summary equal members of the profile."""
    profile, summary = body(bodies, "getOrgBilling"), any_window(bodies, "getOrgUsageSummary")
    return all_of(
        equal((f"summary {mine}", summary[mine]), (f"profile {theirs}", profile[theirs]), rounded=0)
        for mine, theirs in members
    )


def summary_tokens(bodies: Bodies) -> EquationResult:
    """Tokens are those read and those written."""
    return all_of(
        identical(
            ("totalTokens", answer["totalTokens"]),
            ("input + output", answer["totalInputTokens"] + answer["totalOutputTokens"]),
        )
        for answer in windows(bodies, "getOrgUsageSummary").values()
    )


def summary_cost(bodies: Bodies) -> EquationResult:
    """The estimate is what the tokens cost at the prices beside them."""

    def estimate(answer: JsonValue) -> Decimal:
        read = number(answer["totalInputTokens"]) * number(answer["inputTokenPricePer1KUsd"])
        written = number(answer["totalOutputTokens"]) * number(answer["outputTokenPricePer1KUsd"])
        return (read + written) / 1000

    return all_of(
        equal(("estimatedCostUsd", answer["estimatedCostUsd"]), ("tokens × prices", estimate(answer)))
        for answer in windows(bodies, "getOrgUsageSummary").values()
    )


def balance(bodies: Bodies) -> EquationResult:
    """The balance is the sum of all movements."""
    credits = [number(row["amountCredits"]) for row in whole_ledger(bodies)]
    left = ("creditBalance", body(bodies, "getOrgBilling")["creditBalance"])
    return equal(left, ("Σ amountCredits", sum(credits, Decimal(0))), rounded=0, parts=credits)


def window_tokens(bodies: Bodies) -> EquationResult:
    """The tokens in a window of the ledger are those of the summary over the same window."""
    ledgers, summaries = windows(bodies, "getOrgLedger"), windows(bodies, "getOrgUsageSummary")
    both = sorted(ledgers.keys() & summaries.keys())
    if not both:
        raise MissingBodyError("needs getOrgLedger and getOrgUsageSummary over the same window")
    return all_of(
        identical(
            (f"Σ tokens of {days} days", sum(row["tokens"] for row in ledgers[days] or [])),
            ("totalTokens", summaries[days]["totalTokens"]),
        )
        for days in both
    )


def nested(bodies: Bodies) -> EquationResult:
    """A shorter window is part of a longer one."""
    answers = windows(bodies, "getOrgLedger").items()
    ledgers = [(days, {row["entryId"] for row in ledger or []}) for days, ledger in answers]
    if len(ledgers) < 2:
        raise MissingBodyError("needs the ledger over two windows")

    def results() -> Iterator[EquationResult]:
        for (short, inner), (long, outer) in pairwise(ledgers):
            lost = sorted(inner - outer)
            detail = f"{lost[0]} is not in {long} days" if lost else ""
            yield EquationResult(not lost, (("days", f"{short} ⊆ {long}"),), detail)

    return all_of(results())


def unique(bodies: Bodies) -> EquationResult:
    """No entry id occurs twice."""

    def results() -> Iterator[EquationResult]:
        for ledger in windows(bodies, "getOrgLedger").values():
            counts = Counter(row["entryId"] for row in ledger or [])
            twice = [entry for entry, count in counts.items() if count > 1]
            detail = f"{twice[0]} occurs twice" if twice else ""
            yield EquationResult(not twice, (("rows", str(len(ledger or []))),), detail)

    return all_of(results())


def newest_first(bodies: Bodies) -> EquationResult:
    """The ledger is in descending order of time."""

    def results() -> Iterator[EquationResult]:
        for ledger in windows(bodies, "getOrgLedger").values():
            for row, older in pairwise(ledger or []):
                holds = instant(row["createdAt"]) >= instant(older["createdAt"])
                detail = "" if holds else f"{older['entryId']} is newer than {row['entryId']} above it"
                yield EquationResult(holds, (), detail)

    return all_of(results())


def updated(bodies: Bodies) -> EquationResult:
    """The profile is no older than the newest movement."""
    profile = body(bodies, "getOrgBilling")["updatedAt"]
    newest = max(
        (row["createdAt"] for ledger in windows(bodies, "getOrgLedger").values() for row in ledger or []),
        key=instant,
        default=profile,
    )
    holds = instant(profile) >= instant(newest)
    values = (("updatedAt", profile), ("newest createdAt", newest))
    return EquationResult(holds, values, "" if holds else f"updatedAt {profile} < newest ledger row {newest}")


def redeem_balance(bodies: Bodies) -> EquationResult:
    """A voucher adds its credit to the balance, and says so."""
    answer = body(bodies, "redeemOrgVoucher")
    before = number(body(bodies, BEFORE + "getOrgBilling")["creditBalance"])
    new_balance = ("newBalance", answer["newBalance"])
    expected = ("before + creditAmountUsd", before + number(answer["creditAmountUsd"]))
    after = ("creditBalance after", body(bodies, "getOrgBilling")["creditBalance"])
    return all_of(
        [equal(new_balance, expected, rounded=0, parts=[before]), equal(new_balance, after, rounded=0)]
    )


def redeem_row(bodies: Bodies) -> EquationResult:
    """A voucher with credit posts one movement."""
    return posted(bodies, number(body(bodies, "redeemOrgVoucher")["creditAmountUsd"]))


def checkout_balance(bodies: Bodies) -> EquationResult:
    """A paid checkout adds what was paid."""
    before = number(body(bodies, BEFORE + "getOrgBilling")["creditBalance"])
    after = ("creditBalance after", body(bodies, "getOrgBilling")["creditBalance"])
    return equal(after, ("before + amount / 100", before + paid(bodies)), rounded=0, parts=[before])


def checkout_row(bodies: Bodies) -> EquationResult:
    """A paid checkout posts one movement."""
    return posted(bodies, paid(bodies))


def paid(bodies: Bodies) -> Decimal:
    """What a checkout asked for, in USD; raises `MissingBodyError` for another currency."""
    request = body(bodies, "request:createOrgBillingCheckout")
    if request.get("currency", "USD") != "USD":
        raise MissingBodyError("the checkout was not in USD")
    return number(request["amount"]) / 100


def posted(bodies: Bodies, amount: Decimal) -> EquationResult:
    """Exactly one of the new ledger rows has the amount (none, for an amount of zero)."""
    after, before = windows(bodies, "getOrgLedger"), windows(bodies, "getOrgLedger", BEFORE)
    shared = sorted(after.keys() & before.keys())
    if not shared:
        raise MissingBodyError("needs the ledger before and after over the same window")
    days = shared[-1]
    known = {row["entryId"] for row in before[days] or []}
    new = [number(row["amountCredits"]) for row in after[days] or [] if row["entryId"] not in known]
    found = sum(1 for credit in new if credit == amount)
    return identical((f"new rows of {amount}", found), ("expected", 1 if amount else 0))


def prepaid(bodies: Bodies) -> EquationResult:
    """With prepaid billing nothing is outstanding."""
    profile = body(bodies, "getOrgBilling")
    if profile["billingMode"] != "prepaid":
        raise MissingBodyError("the billing mode is not prepaid")
    return equal(("outstandingUsd", profile["outstandingUsd"]), ("nothing", 0), rounded=0)


def postpaid(bodies: Bodies) -> EquationResult:
    """With postpaid billing no more is outstanding than the limit allows."""
    profile = body(bodies, "getOrgBilling")
    if profile["billingMode"] != "postpaid":
        raise MissingBodyError("the billing mode is not postpaid")
    owed, limit = number(profile["outstandingUsd"]), number(profile["postpaidLimitUsd"])
    values = (("outstandingUsd", str(owed)), ("postpaidLimitUsd", str(limit)))
    detail = "" if owed <= limit else f"outstandingUsd {owed} > postpaidLimitUsd {limit}"
    return EquationResult(owed <= limit, values, detail)


def portions(bodies: Bodies, whole: str, first: str, second: str) -> EquationResult:
    """An amount of the contract is its credit and its service part."""
    contract = body(bodies, "getOrgContract")
    a, b = number(contract[first]), number(contract[second])
    return equal((whole, contract[whole]), (f"{first} + {second}", a + b), rounded=0, parts=[a, b])


def schedule_total(bodies: Bodies) -> EquationResult:
    """The payments of the term add up to the value of the contract."""
    contract, parts = schedule(bodies)
    amounts = [number(row["amountUsd"]) for row in parts]
    left = ("totalValueUsd", contract["totalValueUsd"])
    return equal(left, ("Σ amountUsd", sum(amounts, Decimal(0))), rounded=0, parts=amounts)


def schedule_once(bodies: Bodies) -> EquationResult:
    """The one-time rows add up to the one-time amount."""
    contract, parts = schedule(bodies)
    amounts = [number(row["amountUsd"]) for row in parts if row.get("isOneTime")]
    left = ("onetimeAmountUsd", contract["onetimeAmountUsd"])
    return equal(left, ("Σ one-time amountUsd", sum(amounts, Decimal(0))), rounded=0, parts=amounts)


def schedule_rows(bodies: Bodies) -> EquationResult:
    """Each payment is its credit and its service part."""
    return all_of(
        equal(
            (f"amountUsd of {row['period']}", row["amountUsd"]),
            ("creditUsd + serviceUsd", number(row["creditUsd"]) + number(row["serviceUsd"])),
            rounded=0,
            parts=[number(row["creditUsd"]), number(row["serviceUsd"])],
        )
        for row in schedule(bodies)[1]
    )


def schedule_dates(bodies: Bodies) -> EquationResult:
    """Every payment is due within the term."""
    contract, parts = schedule(bodies)

    def results() -> Iterator[EquationResult]:
        for row in parts:
            start, due, end = contract["startDate"], row["dueDate"], contract["endDate"]
            holds = instant(start) <= instant(due) <= instant(end)
            yield EquationResult(
                holds, (("dueDate", due),), "" if holds else f"{due} is outside {start} … {end}"
            )

    return all_of(results())


def schedule_paid(bodies: Bodies) -> EquationResult:
    """Every paid payment with credit has its movement in the ledger."""
    amounts = [number(row["creditUsd"]) for row in schedule(bodies)[1] if row["paid"]]
    wanted = Counter(amount for amount in amounts if amount > 0)
    credits = [number(row["amountCredits"]) for row in whole_ledger(bodies)]

    def results() -> Iterator[EquationResult]:
        for amount, count in wanted.items():
            found = sum(1 for credit in credits if abs(credit - amount) <= tolerance([amount], 1))
            values = ((f"ledger credits of {amount}", str(found)), ("paid payments", str(count)))
            lacking = f"{count} paid payments of {amount}, {found} ledger credits"
            yield EquationResult(found >= count, values, "" if found >= count else lacking)

    return all_of(results())


def schedule(bodies: Bodies) -> tuple[JsonValue, list[JsonValue]]:
    """The contract and its payments; raises `MissingBodyError` where the schedule is null."""
    contract = body(bodies, "getOrgContract")
    if contract["paymentSchedule"] is None:
        raise MissingBodyError("the contract has no payment schedule")
    return contract, rows(contract, "paymentSchedule")


def active(bodies: Bodies) -> EquationResult:
    """Every agreement in the list of active ones is active."""
    agreements = body(bodies, "listOrgServiceAgreements") or []
    idle = [row["chargeId"] for row in agreements if row["active"] is not True]
    return EquationResult(
        not idle, (("inactive", str(len(idle))),), f"{idle[0]} is not active" if idle else ""
    )


def one_tenant(bodies: Bodies) -> EquationResult:
    """All answers name one tenant."""
    found: dict[str, str] = {}
    for key, answer in bodies.items():
        for row in answer if isinstance(answer, list) else [answer]:
            if isinstance(row, dict) and isinstance(row.get("tenantId"), str):
                found.setdefault(row["tenantId"], key)
    if not found:
        raise MissingBodyError("no answer names a tenant")
    holds = len(found) == 1
    detail = "" if holds else " ≠ ".join(f"{tenant} ({key})" for tenant, key in found.items())
    return EquationResult(holds, tuple((key, tenant) for tenant, key in found.items()), detail)


def one_month(bodies: Bodies) -> EquationResult:
    """Characters, events and services are of one month, whatever the window."""
    names = ("listOrgActiveCharacters", "getOrgContextEngineEvents", "getOrgServiceUsage")
    months = {name: any_window(bodies, name)["month"] for name in names}
    holds = len(set(months.values())) == 1
    detail = "" if holds else ", ".join(f"{name} {month}" for name, month in months.items())
    return EquationResult(holds, tuple(months.items()), detail)
