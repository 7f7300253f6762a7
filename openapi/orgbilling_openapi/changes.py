"""The arithmetic of commands, of the contract and of what all answers share; see `equations`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from orgbilling_openapi.equations import (
    Bodies,
    Missing,
    Outcome,
    body,
    equal,
    every,
    everything,
    instant,
    number,
    one,
    rows,
    same,
    slack,
    windows,
)

BEFORE = "before:"


def redeem_balance(bodies: Bodies) -> Outcome:
    """A voucher adds its credit to the balance, and says so."""
    answer = body(bodies, "redeemOrgVoucher")
    before = number(body(bodies, BEFORE + "getOrgBilling")["creditBalance"])
    said = ("newBalance", answer["newBalance"])
    expected = ("before + creditAmountUsd", before + number(answer["creditAmountUsd"]))
    after = ("creditBalance after", body(bodies, "getOrgBilling")["creditBalance"])
    return every([equal(said, expected, rounded=0, parts=[before]), equal(said, after, rounded=0)])


def redeem_row(bodies: Bodies) -> Outcome:
    """A voucher with credit posts one movement."""
    return posted(bodies, number(body(bodies, "redeemOrgVoucher")["creditAmountUsd"]))


def checkout_balance(bodies: Bodies) -> Outcome:
    """A paid checkout adds what was paid."""
    before = number(body(bodies, BEFORE + "getOrgBilling")["creditBalance"])
    after = ("creditBalance after", body(bodies, "getOrgBilling")["creditBalance"])
    return equal(after, ("before + amount / 100", before + paid(bodies)), rounded=0, parts=[before])


def checkout_row(bodies: Bodies) -> Outcome:
    """A paid checkout posts one movement."""
    return posted(bodies, paid(bodies))


def paid(bodies: Bodies) -> Decimal:
    """What a checkout asked for, in USD; raises `Missing` for another currency."""
    request = body(bodies, "request:createOrgBillingCheckout")
    if request.get("currency", "USD") != "USD":
        raise Missing("the checkout was not in USD")
    return number(request["amount"]) / 100


def posted(bodies: Bodies, amount: Decimal) -> Outcome:
    """Exactly one of the new ledger rows has the amount (none, for an amount of zero)."""
    after, before = windows(bodies, "getOrgLedger"), windows(bodies, "getOrgLedger", BEFORE)
    shared = sorted(after.keys() & before.keys())
    if not shared:
        raise Missing("needs the ledger before and after over the same window")
    days = shared[-1]
    known = {row["entryId"] for row in before[days] or []}
    new = [number(row["amountCredits"]) for row in after[days] or [] if row["entryId"] not in known]
    found = sum(1 for credit in new if credit == amount)
    return same((f"new rows of {amount}", found), ("expected", 1 if amount else 0))


def prepaid(bodies: Bodies) -> Outcome:
    """With prepaid billing nothing is outstanding."""
    profile = body(bodies, "getOrgBilling")
    if profile["billingMode"] != "prepaid":
        raise Missing("the billing mode is not prepaid")
    return equal(("outstandingUsd", profile["outstandingUsd"]), ("nothing", 0), rounded=0)


def postpaid(bodies: Bodies) -> Outcome:
    """With postpaid billing no more is outstanding than the limit allows."""
    profile = body(bodies, "getOrgBilling")
    if profile["billingMode"] != "postpaid":
        raise Missing("the billing mode is not postpaid")
    owed, limit = number(profile["outstandingUsd"]), number(profile["postpaidLimitUsd"])
    values = (("outstandingUsd", str(owed)), ("postpaidLimitUsd", str(limit)))
    detail = "" if owed <= limit else f"outstandingUsd {owed} > postpaidLimitUsd {limit}"
    return Outcome(owed <= limit, values, detail)


def portions(bodies: Bodies, whole: str, first: str, second: str) -> Outcome:
    """An amount of the contract is its credit and its service part."""
    contract = body(bodies, "getOrgContract")
    a, b = number(contract[first]), number(contract[second])
    return equal((whole, contract[whole]), (f"{first} + {second}", a + b), rounded=0, parts=[a, b])


def schedule_total(bodies: Bodies) -> Outcome:
    """The payments of the term add up to the value of the contract."""
    contract, parts = schedule(bodies)
    amounts = [number(row["amountUsd"]) for row in parts]
    left = ("totalValueUsd", contract["totalValueUsd"])
    return equal(left, ("Σ amountUsd", sum(amounts, Decimal(0))), rounded=0, parts=amounts)


def schedule_once(bodies: Bodies) -> Outcome:
    """The one-time rows add up to the one-time amount."""
    contract, parts = schedule(bodies)
    amounts = [number(row["amountUsd"]) for row in parts if row.get("isOneTime")]
    left = ("onetimeAmountUsd", contract["onetimeAmountUsd"])
    return equal(left, ("Σ one-time amountUsd", sum(amounts, Decimal(0))), rounded=0, parts=amounts)


def schedule_rows(bodies: Bodies) -> Outcome:
    """Each payment is its credit and its service part."""
    return every(
        equal(
            (f"amountUsd of {row['period']}", row["amountUsd"]),
            ("creditUsd + serviceUsd", number(row["creditUsd"]) + number(row["serviceUsd"])),
            rounded=0,
            parts=[number(row["creditUsd"]), number(row["serviceUsd"])],
        )
        for row in schedule(bodies)[1]
    )


def schedule_dates(bodies: Bodies) -> Outcome:
    """Every payment is due within the term."""
    contract, parts = schedule(bodies)

    def outcomes() -> Iterator[Outcome]:
        for row in parts:
            start, due, end = contract["startDate"], row["dueDate"], contract["endDate"]
            holds = instant(start) <= instant(due) <= instant(end)
            yield Outcome(holds, (("dueDate", due),), "" if holds else f"{due} is outside {start} … {end}")

    return every(outcomes())


def schedule_paid(bodies: Bodies) -> Outcome:
    """Every paid payment with credit has its movement in the ledger."""
    amounts = [number(row["creditUsd"]) for row in schedule(bodies)[1] if row["paid"]]
    wanted = Counter(amount for amount in amounts if amount > 0)
    credits = [number(row["amountCredits"]) for row in everything(bodies)]

    def outcomes() -> Iterator[Outcome]:
        for amount, count in wanted.items():
            found = sum(1 for credit in credits if abs(credit - amount) <= slack([amount], 1))
            values = ((f"ledger credits of {amount}", str(found)), ("paid payments", str(count)))
            lacking = f"{count} paid payments of {amount}, {found} ledger credits"
            yield Outcome(found >= count, values, "" if found >= count else lacking)

    return every(outcomes())


def schedule(bodies: Bodies) -> tuple[Any, list[Any]]:
    """The contract and its payments; raises `Missing` where the schedule is null."""
    contract = body(bodies, "getOrgContract")
    if contract["paymentSchedule"] is None:
        raise Missing("the contract has no payment schedule")
    return contract, rows(contract, "paymentSchedule")


def active(bodies: Bodies) -> Outcome:
    """Every agreement in the list of active ones is active."""
    agreements = body(bodies, "listOrgServiceAgreements") or []
    idle = [row["chargeId"] for row in agreements if row["active"] is not True]
    return Outcome(not idle, (("inactive", str(len(idle))),), f"{idle[0]} is not active" if idle else "")


def one_tenant(bodies: Bodies) -> Outcome:
    """All answers name one tenant."""
    found: dict[str, str] = {}
    for key, answer in bodies.items():
        for row in answer if isinstance(answer, list) else [answer]:
            if isinstance(row, dict) and isinstance(row.get("tenantId"), str):
                found.setdefault(row["tenantId"], key)
    if not found:
        raise Missing("no answer names a tenant")
    holds = len(found) == 1
    detail = "" if holds else " ≠ ".join(f"{tenant} ({key})" for tenant, key in found.items())
    return Outcome(holds, tuple((key, tenant) for tenant, key in found.items()), detail)


def one_month(bodies: Bodies) -> Outcome:
    """Characters, events and services are of one month, whatever the window."""
    names = ("listOrgActiveCharacters", "getOrgContextEngineEvents", "getOrgServiceUsage")
    months = {name: one(bodies, name)["month"] for name in names}
    holds = len(set(months.values())) == 1
    detail = "" if holds else ", ".join(f"{name} {month}" for name, month in months.items())
    return Outcome(holds, tuple(months.items()), detail)
