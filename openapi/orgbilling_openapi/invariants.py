"""The invariants: equations that tie the thirteen responses together, and orders that they keep.

For example, the balance is the sum of the ledger, and the ledger is in descending order of time.

None of them is documented. Each is an assumption, stated once and numbered, and checked everywhere: on the
stub after every command, on any implementation by the conformance suite, and on exported data. How bodies
are keyed and amounts are compared is explained in `equations`.

An invariant is a function that yields the result of each comparison; it holds if all of them do.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC
from decimal import Decimal
from functools import partial
from itertools import pairwise
from typing import NamedTuple

from orgbilling_openapi.equations import (
    BEFORE,
    Bodies,
    EquationResult,
    MissingBodyError,
    all_of,
    any_window,
    body,
    equal,
    identical,
    instant,
    number,
    rows,
    tolerance,
    whole_ledger,
    windows,
)
from orgbilling_openapi.strict_json import JsonValue

PROFILE = "getOrgBilling"
CHARACTERS = "listOrgActiveCharacters"
EVENTS = "getOrgContextEngineEvents"
SERVICES = "getOrgServiceUsage"
SUMMARY = "getOrgUsageSummary"
LEDGER = "getOrgLedger"
CONTRACT = "getOrgContract"
AGREEMENTS = "listOrgServiceAgreements"
REDEEM = "redeemOrgVoucher"
CHECKOUT = "request:createOrgBillingCheckout"
BEFORE_PROFILE = BEFORE + PROFILE
BEFORE_LEDGER = BEFORE + LEDGER

NAMED_ALIKE = "the members of the responses are named after each other"
DESCRIBED = "the published description of the operation"
BOOKKEEPING = "double-entry bookkeeping: a balance is the sum of its movements"

Results = Iterator[EquationResult]
Evaluate = Callable[..., Results]


@dataclass(frozen=True, slots=True)
class Invariant:
    """One equation between response bodies.

    number, name: stable, they are in reports; equation: in words and symbols; needs: keys of the bodies that
    it reads; basis: why we believe it; evaluate: its arithmetic; firm: False for what normally holds but has
    exceptions (a limit can be exceeded for a while).
    """

    number: int
    name: str
    equation: str
    needs: tuple[str, ...]
    basis: str
    evaluate: Callable[[Bodies], Results]
    firm: bool = True

    def check(self, bodies: Bodies) -> InvariantResult:
        """Evaluate the equation; whatever a server may answer, no error is raised."""
        try:
            result = all_of(self.evaluate(bodies))
        except MissingBodyError as missing:
            return InvariantResult(self, None, {}, str(missing))
        except (LookupError, TypeError, AttributeError, ValueError, ArithmeticError) as error:
            return InvariantResult(
                self, None, {}, f"a body does not keep the API description: {_lack(error)}"
            )
        return InvariantResult(self, result.holds, dict(result.values), result.detail)


def _lack(error: Exception) -> str:
    """What a body lacks, by the error that arithmetic with it ended with."""
    if isinstance(error, KeyError) and error.args:
        return f"there is no {str(error.args[0])[:60]}"
    if isinstance(error, IndexError):
        return "a list is too short"
    return "a value is not of the described type"


@dataclass(frozen=True, slots=True)
class InvariantResult:
    """Whether an invariant holds; None where it does not apply, and then `detail` says why."""

    invariant: Invariant
    holds: bool | None
    values: Mapping[str, str]
    detail: str


_declared: dict[int, Invariant] = {}


def invariant(
    number: int,
    name: str,
    equation: str,
    *needs: str,
    basis: str = NAMED_ALIKE,
    firm: bool = True,
    **parameters: UsageKind,
) -> Callable[[Evaluate], Evaluate]:
    """Declare a function an invariant; several declarations give it other parameters."""

    def declare(evaluate: Evaluate) -> Evaluate:
        _declared[number] = Invariant(
            number, name, equation, needs, basis, partial(evaluate, **parameters), firm
        )
        return evaluate

    return declare


class UsageKind(NamedTuple):
    """One kind of usage, and where it is listed: events and services share their invariants.

    operation: what answers it; member: the list in the body; key: what names a row; prices: the member of the
    profile that prices the rows.
    """

    operation: str
    member: str
    key: str
    prices: str


BY_TYPE = UsageKind(EVENTS, "byType", "eventType", "eventPrices")
BY_OPERATION = UsageKind(SERVICES, "byOperation", "operation", "servicePrices")


@invariant(1, "events-count", "totalEvents = Σ byType.count", EVENTS, usage=BY_TYPE)
@invariant(5, "services-count", "totalEvents = Σ byOperation.count", SERVICES, usage=BY_OPERATION)
def usage_count(bodies: Bodies, usage: UsageKind) -> Results:
    """The number of events is the sum of its rows."""
    return total(bodies, usage, "totalEvents", "count")


@invariant(2, "events-total", "totalChargeUsd = Σ byType.chargeUsd", EVENTS, usage=BY_TYPE)
@invariant(6, "services-total", "totalChargeUsd = Σ byOperation.chargeUsd", SERVICES, usage=BY_OPERATION)
def usage_total(bodies: Bodies, usage: UsageKind) -> Results:
    """The total charge is the sum of its rows."""
    return total(bodies, usage, "totalChargeUsd", "chargeUsd")


def total(bodies: Bodies, usage: UsageKind, whole: str, part: str) -> Results:
    """A total is the sum of its rows."""
    for answer in windows(bodies, usage.operation).values():
        parts = [number(row[part]) for row in rows(answer, usage.member)]
        yield equal((whole, answer[whole]), (f"Σ {part}", sum(parts, Decimal(0))), len(parts) + 1, parts)


@invariant(3, "events-charge", "chargeUsd = count × unitPriceUsd", EVENTS, usage=BY_TYPE)
@invariant(7, "services-charge", "chargeUsd = count × unitPriceUsd", SERVICES, usage=BY_OPERATION)
def usage_charge(bodies: Bodies, usage: UsageKind) -> Results:
    """A row's charge is its count times its unit price."""
    for answer in windows(bodies, usage.operation).values():
        for row in rows(answer, usage.member):
            product = number(row["count"]) * number(row["unitPriceUsd"])
            charge = (f"chargeUsd of {row[usage.key]}", row["chargeUsd"])
            yield equal(charge, ("count × unitPriceUsd", product))


@invariant(4, "events-price", "unitPriceUsd = profile.eventPrices[eventType]", EVENTS, PROFILE, usage=BY_TYPE)
@invariant(
    8,
    "services-price",
    "unitPriceUsd = profile.servicePrices[operation]",
    *(SERVICES, PROFILE),
    usage=BY_OPERATION,
)
def usage_price(bodies: Bodies, usage: UsageKind) -> Results:
    """A row's unit price is the one in the profile."""
    listed = body(bodies, PROFILE)[usage.prices]
    for answer in windows(bodies, usage.operation).values():
        for row in rows(answer, usage.member):
            name = row[usage.key]
            if name not in listed:
                yield EquationResult(False, ((usage.key, name),), f"{name} has no price in {usage.prices}")
            else:
                unit = (f"unitPriceUsd of {name}", row["unitPriceUsd"])
                yield equal(unit, (usage.prices, listed[name]), rounded=0)


@invariant(9, "characters-charge", "charChargeUsd = highWaterMark × pricePerCharUsd", CHARACTERS)
def character_charge(bodies: Bodies) -> Results:
    """The charge for characters is the high-water mark times the price."""
    for answer in windows(bodies, CHARACTERS).values():
        product = number(answer["highWaterMark"]) * number(answer["pricePerCharUsd"])
        yield equal(("charChargeUsd", answer["charChargeUsd"]), ("highWaterMark × pricePerCharUsd", product))


@invariant(
    10,
    "characters-price",
    "pricePerCharUsd = profile.charPricePerMonthUsd = summary.charPricePerMonthUsd",
    *(CHARACTERS, PROFILE, SUMMARY),
)
def character_price(bodies: Bodies) -> Results:
    """Characters, profile and summary agree on the price of a character."""
    profile = ("profile charPricePerMonthUsd", body(bodies, PROFILE)["charPricePerMonthUsd"])
    characters, summary = any_window(bodies, CHARACTERS), any_window(bodies, SUMMARY)
    yield equal(("pricePerCharUsd", characters["pricePerCharUsd"]), profile, rounded=0)
    yield equal(("summary charPricePerMonthUsd", summary["charPricePerMonthUsd"]), profile, rounded=0)


@invariant(11, "summary-balance", "summary.creditBalanceUsd = profile.creditBalance", SUMMARY, PROFILE)
def summary_balance(bodies: Bodies) -> Results:
    """The balance of the summary is that of the profile."""
    profile, summary = body(bodies, PROFILE), any_window(bodies, SUMMARY)
    left = ("summary creditBalanceUsd", summary["creditBalanceUsd"])
    yield equal(left, ("profile creditBalance", profile["creditBalance"]), rounded=0)


@invariant(12, "summary-prices", "the summary's token prices = the profile's", SUMMARY, PROFILE)
def summary_prices(bodies: Bodies) -> Results:
    """The token prices of the summary are those of the profile."""
    profile, summary = body(bodies, PROFILE), any_window(bodies, SUMMARY)
    for name in ("tokenPricePer1KUsd", "inputTokenPricePer1KUsd", "outputTokenPricePer1KUsd"):
        yield equal((f"summary {name}", summary[name]), (f"profile {name}", profile[name]), rounded=0)


@invariant(13, "summary-tokens", "totalTokens = totalInputTokens + totalOutputTokens", SUMMARY)
def summary_tokens(bodies: Bodies) -> Results:
    """Tokens are those read and those written."""
    for answer in windows(bodies, SUMMARY).values():
        both = answer["totalInputTokens"] + answer["totalOutputTokens"]
        yield identical(("totalTokens", answer["totalTokens"]), ("input + output", both))


@invariant(
    14,
    "summary-cost",
    "estimatedCostUsd = input tokens / 1000 × input price + output tokens / 1000 × output price",
    SUMMARY,
    basis="the weakest of all: an estimate may leave out what models cost more",
    firm=False,
)
def summary_cost(bodies: Bodies) -> Results:
    """The estimate is what the tokens cost at the prices beside them."""
    for answer in windows(bodies, SUMMARY).values():
        read = number(answer["totalInputTokens"]) * number(answer["inputTokenPricePer1KUsd"])
        written = number(answer["totalOutputTokens"]) * number(answer["outputTokenPricePer1KUsd"])
        estimate = ("tokens × prices", (read + written) / 1000)
        yield equal(("estimatedCostUsd", answer["estimatedCostUsd"]), estimate)


@invariant(
    15,
    "balance",
    "profile.creditBalance = Σ ledger.amountCredits over all time",
    PROFILE,
    LEDGER,
    basis=BOOKKEEPING,
)
def balance(bodies: Bodies) -> Results:
    """The balance is the sum of all movements."""
    credits = [number(row["amountCredits"]) for row in whole_ledger(bodies)]
    left = ("creditBalance", body(bodies, PROFILE)["creditBalance"])
    yield equal(left, ("Σ amountCredits", sum(credits, Decimal(0))), rounded=0, parts=credits)


@invariant(16, "window-tokens", "Σ ledger.tokens in a window = summary.totalTokens in it", LEDGER, SUMMARY)
def window_tokens(bodies: Bodies) -> Results:
    """The tokens in a window of the ledger are those of the summary over the same window."""
    ledgers, summaries = windows(bodies, LEDGER), windows(bodies, SUMMARY)
    both = sorted(ledgers.keys() & summaries.keys())
    if not both:
        raise MissingBodyError("needs getOrgLedger and getOrgUsageSummary over the same window")
    for days in both:
        tokens = sum(row["tokens"] for row in ledgers[days] or [])
        yield identical((f"Σ tokens of {days} days", tokens), ("totalTokens", summaries[days]["totalTokens"]))


@invariant(
    17,
    "windows-nested",
    "ledger(a days) ⊆ ledger(b days) for a < b",
    LEDGER,
    basis="what a lookback window means",
)
def nested(bodies: Bodies) -> Results:
    """A shorter window is part of a longer one."""
    answers = windows(bodies, LEDGER).items()
    ledgers = [(days, {row["entryId"] for row in ledger or []}) for days, ledger in answers]
    if len(ledgers) < 2:
        raise MissingBodyError("needs the ledger over two windows")
    for (short, inner), (long, outer) in pairwise(ledgers):
        lost = sorted(inner - outer)
        detail = f"{lost[0]} is not in {long} days" if lost else ""
        yield EquationResult(not lost, (("days", f"{short} ⊆ {long}"),), detail)


@invariant(18, "entries-unique", "entry ids are unique", LEDGER, basis="what an id means")
def unique(bodies: Bodies) -> Results:
    """No entry id occurs twice."""
    for ledger in windows(bodies, LEDGER).values():
        counts = Counter(row["entryId"] for row in ledger or [])
        twice = [entry for entry, count in counts.items() if count > 1]
        detail = f"{twice[0]} occurs twice" if twice else ""
        yield EquationResult(not twice, (("rows", str(len(ledger or []))),), detail)


@invariant(
    19,
    "newest-first",
    "ledger.createdAt never ascends",
    LEDGER,
    basis="how dashboards show a ledger",
    firm=False,
)
def newest_first(bodies: Bodies) -> Results:
    """The ledger is in descending order of time."""
    for ledger in windows(bodies, LEDGER).values():
        for row, older in pairwise(ledger or []):
            holds = instant(row["createdAt"]) >= instant(older["createdAt"])
            detail = "" if holds else f"{older['entryId']} is newer than {row['entryId']} above it"
            yield EquationResult(holds, (), detail)


@invariant(
    20,
    "redeem-balance",
    "newBalance = balance before + creditAmountUsd = the profile's balance after",
    *(REDEEM, BEFORE_PROFILE, PROFILE),
    basis=DESCRIBED,
)
def redeem_balance(bodies: Bodies) -> Results:
    """A voucher adds its credit to the balance, and says so."""
    answer = body(bodies, REDEEM)
    before = number(body(bodies, BEFORE_PROFILE)["creditBalance"])
    new_balance = ("newBalance", answer["newBalance"])
    expected = ("before + creditAmountUsd", before + number(answer["creditAmountUsd"]))
    after = ("creditBalance after", body(bodies, PROFILE)["creditBalance"])
    yield equal(new_balance, expected, rounded=0, parts=[before])
    yield equal(new_balance, after, rounded=0)


@invariant(
    21,
    "redeem-row",
    "a voucher with credit posts one ledger row of it",
    REDEEM,
    BEFORE_LEDGER,
    LEDGER,
    basis=BOOKKEEPING,
)
def redeem_row(bodies: Bodies) -> Results:
    """A voucher with credit posts one movement."""
    yield posted(bodies, number(body(bodies, REDEEM)["creditAmountUsd"]))


@invariant(
    22,
    "checkout-balance",
    "balance after a paid checkout = balance before + amount / 100",
    CHECKOUT,
    BEFORE_PROFILE,
    PROFILE,
    basis=DESCRIBED,
)
def checkout_balance(bodies: Bodies) -> Results:
    """A paid checkout adds what was paid."""
    before = number(body(bodies, BEFORE_PROFILE)["creditBalance"])
    after = ("creditBalance after", body(bodies, PROFILE)["creditBalance"])
    yield equal(after, ("before + amount / 100", before + paid(bodies)), rounded=0, parts=[before])


@invariant(
    23,
    "checkout-row",
    "a paid checkout posts one ledger row of amount / 100",
    CHECKOUT,
    BEFORE_LEDGER,
    LEDGER,
    basis=BOOKKEEPING,
)
def checkout_row(bodies: Bodies) -> Results:
    """A paid checkout posts one movement."""
    yield posted(bodies, paid(bodies))


def paid(bodies: Bodies) -> Decimal:
    """What a checkout asked for, in USD; raises `MissingBodyError` for another currency."""
    request = body(bodies, CHECKOUT)
    if request.get("currency", "USD") != "USD":
        raise MissingBodyError("the checkout was not in USD")
    return number(request["amount"]) / 100


def posted(bodies: Bodies, amount: Decimal) -> EquationResult:
    """Exactly one of the new ledger rows has the amount (none, for an amount of zero)."""
    after, before = windows(bodies, LEDGER), windows(bodies, LEDGER, BEFORE)
    shared = sorted(after.keys() & before.keys())
    if not shared:
        raise MissingBodyError("needs the ledger before and after over the same window")
    days = shared[-1]
    old_ids = {row["entryId"] for row in before[days] or []}
    new = [number(row["amountCredits"]) for row in after[days] or [] if row["entryId"] not in old_ids]
    count = sum(1 for credit in new if credit == amount)
    return identical((f"new rows of {amount}", count), ("expected", 1 if amount else 0))


@invariant(24, "prepaid", "prepaid ⇒ outstandingUsd = 0", PROFILE, basis="what prepaid means")
def prepaid(bodies: Bodies) -> Results:
    """With prepaid billing nothing is outstanding."""
    profile = body(bodies, PROFILE)
    if profile["billingMode"] != "prepaid":
        raise MissingBodyError("the billing mode is not prepaid")
    yield equal(("outstandingUsd", profile["outstandingUsd"]), ("nothing", 0), rounded=0)


@invariant(
    25,
    "postpaid",
    "postpaid ⇒ normally outstandingUsd ≤ postpaidLimitUsd",
    PROFILE,
    basis="what a limit means",
    firm=False,
)
def postpaid(bodies: Bodies) -> Results:
    """With postpaid billing no more is outstanding than the limit allows."""
    profile = body(bodies, PROFILE)
    if profile["billingMode"] != "postpaid":
        raise MissingBodyError("the billing mode is not postpaid")
    owed, limit = number(profile["outstandingUsd"]), number(profile["postpaidLimitUsd"])
    values = (("outstandingUsd", str(owed)), ("postpaidLimitUsd", str(limit)))
    detail = "" if owed <= limit else f"outstandingUsd {owed} > postpaidLimitUsd {limit}"
    yield EquationResult(owed <= limit, values, detail)


@invariant(26, "contract-value", "totalValueUsd = creditPortionUsd + servicePortionUsd", CONTRACT)
def contract_value(bodies: Bodies) -> Results:
    """The value of the contract is its credit and its service part."""
    return portions(bodies, "totalValueUsd", "creditPortionUsd", "servicePortionUsd")


@invariant(28, "contract-payment", "paymentAmountUsd = paymentCreditUsd + paymentServiceUsd", CONTRACT)
def contract_payment(bodies: Bodies) -> Results:
    """A payment is its credit and its service part."""
    return portions(bodies, "paymentAmountUsd", "paymentCreditUsd", "paymentServiceUsd")


@invariant(29, "contract-onetime", "onetimeAmountUsd = onetimeCreditUsd + onetimeServiceUsd", CONTRACT)
def contract_onetime(bodies: Bodies) -> Results:
    """The one-time amount is its credit and its service part."""
    return portions(bodies, "onetimeAmountUsd", "onetimeCreditUsd", "onetimeServiceUsd")


def portions(bodies: Bodies, whole: str, first: str, second: str) -> Results:
    """An amount of the contract is the sum of two others."""
    contract = body(bodies, CONTRACT)
    a, b = number(contract[first]), number(contract[second])
    yield equal((whole, contract[whole]), (f"{first} + {second}", a + b), rounded=0, parts=[a, b])


def schedule(bodies: Bodies) -> tuple[JsonValue, list[JsonValue]]:
    """The contract and its payments; raises `MissingBodyError` where the schedule is null."""
    contract = body(bodies, CONTRACT)
    if contract["paymentSchedule"] is None:
        raise MissingBodyError("the contract has no payment schedule")
    return contract, rows(contract, "paymentSchedule")


@invariant(27, "contract-schedule", "totalValueUsd = Σ paymentSchedule.amountUsd", CONTRACT)
def schedule_total(bodies: Bodies) -> Results:
    """The payments of the term add up to the value of the contract."""
    contract, payments = schedule(bodies)
    amounts = [number(row["amountUsd"]) for row in payments]
    left = ("totalValueUsd", contract["totalValueUsd"])
    yield equal(left, ("Σ amountUsd", sum(amounts, Decimal(0))), rounded=0, parts=amounts)


@invariant(30, "schedule-onetime", "onetimeAmountUsd = Σ one-time paymentSchedule.amountUsd", CONTRACT)
def schedule_once(bodies: Bodies) -> Results:
    """The one-time rows add up to the one-time amount."""
    contract, payments = schedule(bodies)
    amounts = [number(row["amountUsd"]) for row in payments if row.get("isOneTime")]
    left = ("onetimeAmountUsd", contract["onetimeAmountUsd"])
    yield equal(left, ("Σ one-time amountUsd", sum(amounts, Decimal(0))), rounded=0, parts=amounts)


@invariant(31, "schedule-parts", "each payment: amountUsd = creditUsd + serviceUsd", CONTRACT)
def schedule_rows(bodies: Bodies) -> Results:
    """Each payment is its credit and its service part."""
    for row in schedule(bodies)[1]:
        parts = [number(row["creditUsd"]), number(row["serviceUsd"])]
        left = (f"amountUsd of {row['period']}", row["amountUsd"])
        yield equal(left, ("creditUsd + serviceUsd", sum(parts, Decimal(0))), rounded=0, parts=parts)


@invariant(32, "schedule-dates", "startDate ≤ dueDate ≤ endDate", CONTRACT, basis="what a term means")
def schedule_dates(bodies: Bodies) -> Results:
    """Every payment is due within the term."""
    contract, payments = schedule(bodies)
    for row in payments:
        start, due, end = contract["startDate"], row["dueDate"], contract["endDate"]
        holds = instant(start) <= instant(due) <= instant(end)
        detail = "" if holds else f"{due} is outside {start} … {end}"
        yield EquationResult(holds, (("dueDate", due),), detail)


@invariant(
    33,
    "schedule-paid",
    "a paid payment ⇒ a ledger credit of its creditUsd",
    CONTRACT,
    LEDGER,
    basis=BOOKKEEPING,
)
def schedule_paid(bodies: Bodies) -> Results:
    """Every paid payment with credit has its movement in the ledger."""
    amounts = [number(row["creditUsd"]) for row in schedule(bodies)[1] if row["paid"]]
    wanted = Counter(amount for amount in amounts if amount > 0)
    credits = [number(row["amountCredits"]) for row in whole_ledger(bodies)]
    for amount, count in wanted.items():
        posted_count = sum(1 for credit in credits if abs(credit - amount) <= tolerance([amount], 1))
        values = ((f"ledger credits of {amount}", str(posted_count)), ("paid payments", str(count)))
        holds = posted_count >= count
        detail = "" if holds else f"{count} paid payments of {amount}, {posted_count} ledger credits"
        yield EquationResult(holds, values, detail)


@invariant(34, "agreements-active", "every listed agreement is active", AGREEMENTS, basis=DESCRIBED)
def active(bodies: Bodies) -> Results:
    """Every agreement in the list of active ones is active."""
    agreements = body(bodies, AGREEMENTS) or []
    idle = [row["chargeId"] for row in agreements if row["active"] is not True]
    detail = f"{idle[0]} is not active" if idle else ""
    yield EquationResult(not idle, (("inactive", str(len(idle))),), detail)


@invariant(35, "one-tenant", "one tenantId everywhere", PROFILE, basis="the token names one organization")
def one_tenant(bodies: Bodies) -> Results:
    """All answers name one tenant."""
    tenants: dict[str, str] = {}
    for key, answer in bodies.items():
        for row in answer if isinstance(answer, list) else [answer]:
            if isinstance(row, dict) and isinstance(row.get("tenantId"), str):
                tenants.setdefault(row["tenantId"], key)
    if not tenants:
        raise MissingBodyError("no answer names a tenant")
    holds = len(tenants) == 1
    detail = "" if holds else " ≠ ".join(f"{tenant} ({key})" for tenant, key in tenants.items())
    yield EquationResult(holds, tuple((key, tenant) for tenant, key in tenants.items()), detail)


@invariant(
    36, "profile-updated", "profile.updatedAt ≥ the newest ledger row", PROFILE, LEDGER, basis=BOOKKEEPING
)
def updated(bodies: Bodies) -> Results:
    """The profile is no older than the newest movement."""
    profile = body(bodies, PROFILE)["updatedAt"]
    ledgers = windows(bodies, LEDGER).values()
    times = (row["createdAt"] for ledger in ledgers for row in ledger or [])
    newest = max(times, key=instant, default=profile)
    holds = instant(profile) >= instant(newest)
    values = (("updatedAt", profile), ("newest createdAt", newest))
    yield EquationResult(holds, values, "" if holds else f"updatedAt {profile} < newest ledger row {newest}")


@invariant(
    37,
    "one-month",
    "characters, events and services name one month",
    *(CHARACTERS, EVENTS, SERVICES),
    basis="they take days and answer a month; the page leaves open which",
    firm=False,
)
def one_month(bodies: Bodies) -> Results:
    """Characters, events and services are of one month, whatever the window."""
    months = {name: any_window(bodies, name)["month"] for name in (CHARACTERS, EVENTS, SERVICES)}
    holds = len(set(months.values())) == 1
    detail = "" if holds else ", ".join(f"{name} {month}" for name, month in months.items())
    yield EquationResult(holds, tuple(months.items()), detail)


@invariant(
    38,
    "characters-billed",
    "a month of characters that lasts has no billedAt",
    CHARACTERS,
    basis="the month's highest count is charged, which is known when the month has ended",
)
def characters_billed(bodies: Bodies) -> Results:
    """A month of characters is billed when it has ended: at the first instant of the next month, or later.

    Example: November 2026 is billed on 2026-12-01T00:00:00Z at the earliest.
    """
    for answer in windows(bodies, CHARACTERS).values():
        billed_at, month = answer.get("billedAt"), answer["month"]
        if billed_at is not None and not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", month):
            raise MissingBodyError(f"month is not YYYY-MM: {month!r}")
        holds = billed_at is None or instant(billed_at).astimezone(UTC).strftime("%Y-%m") > month
        detail = "" if holds else f"billedAt {billed_at} is before the end of {month}"
        yield EquationResult(holds, (("month", month), ("billedAt", str(billed_at))), detail)


INVARIANTS = tuple(_declared[number] for number in sorted(_declared))
"""All invariants, in order of their numbers."""


def check(bodies: Mapping[str, JsonValue]) -> list[InvariantResult]:
    """Evaluate all invariants over the bodies at hand, in order of their numbers."""
    return [invariant.check(bodies) for invariant in INVARIANTS]


def broken(bodies: Mapping[str, JsonValue]) -> list[InvariantResult]:
    """The firm invariants that do not hold."""
    return [result for result in check(bodies) if result.invariant.firm and result.holds is False]
