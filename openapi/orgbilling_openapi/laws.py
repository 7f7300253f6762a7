"""The laws: equations that tie the thirteen responses together.

None of them is documented. Each is an assumption, stated once, numbered, and checked everywhere:
on our stub after every command, on anyone's API by the judge. How amounts are compared, and how
bodies are keyed, stands in `equations`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from orgbilling_openapi import changes, equations
from orgbilling_openapi.equations import Bodies, Missing, Outcome

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
BEFORE_PROFILE = "before:" + PROFILE
BEFORE_LEDGER = "before:" + LEDGER

SHOWN = "the members of the answers are named after each other"
NAMED = "the published description of the operation"
SENSE = "double-entry sense: an account is the sum of its movements"


@dataclass(frozen=True, slots=True)
class Law:
    """One equation.

    number and name are stable; needs: the bodies that it reads; basis: why we believe it;
    firm: False for what holds normally and not always (a limit can be exceeded for a while).
    """

    number: int
    name: str
    equation: str
    needs: tuple[str, ...]
    basis: str
    judge: Callable[[Bodies], Outcome]
    firm: bool = True

    def check(self, bodies: Bodies) -> Verdict:
        """Judge the bodies; never raises for what a server may answer."""
        try:
            outcome = self.judge(bodies)
        except Missing as missing:
            return Verdict(self, None, {}, str(missing))
        except (LookupError, TypeError, AttributeError, ValueError, ArithmeticError) as error:
            return Verdict(self, None, {}, f"a body breaks the contract: {type(error).__name__} {error}")
        return Verdict(self, outcome.holds, dict(outcome.values), outcome.detail)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a law. holds is None where it does not apply; then detail says why not."""

    law: Law
    holds: bool | None
    values: Mapping[str, str]
    detail: str


def _usage(first: int, slug: str, operation: str, member: str, key: str, prices: str) -> tuple[Law, ...]:
    """The four laws that events and services share."""
    return (
        Law(
            first,
            f"{slug}-count",
            f"totalEvents = Σ {member}.count",
            (operation,),
            SHOWN,
            partial(equations.total, operation=operation, member=member, whole="totalEvents", part="count"),
        ),
        Law(
            first + 1,
            f"{slug}-total",
            f"totalChargeUsd = Σ {member}.chargeUsd",
            (operation,),
            SHOWN,
            partial(
                equations.total, operation=operation, member=member, whole="totalChargeUsd", part="chargeUsd"
            ),
        ),
        Law(
            first + 2,
            f"{slug}-charge",
            "chargeUsd = count × unitPriceUsd",
            (operation,),
            SHOWN,
            partial(equations.charge, operation=operation, member=member, key=key),
        ),
        Law(
            first + 3,
            f"{slug}-price",
            f"unitPriceUsd = profile.{prices}[{key}]",
            (operation, PROFILE),
            SHOWN,
            partial(equations.price, operation=operation, member=member, key=key, prices=prices),
        ),
    )


TOKEN_PRICES = (
    ("tokenPricePer1KUsd", "tokenPricePer1KUsd"),
    ("inputTokenPricePer1KUsd", "inputTokenPricePer1KUsd"),
    ("outputTokenPricePer1KUsd", "outputTokenPricePer1KUsd"),
)

LAWS: tuple[Law, ...] = (
    *_usage(1, "events", EVENTS, "byType", "eventType", "eventPrices"),
    *_usage(5, "services", SERVICES, "byOperation", "operation", "servicePrices"),
    Law(
        9,
        "characters-charge",
        "charChargeUsd = highWaterMark × pricePerCharUsd",
        (CHARACTERS,),
        SHOWN,
        equations.character_charge,
    ),
    Law(
        10,
        "characters-price",
        "pricePerCharUsd = profile.charPricePerMonthUsd = summary.charPricePerMonthUsd",
        (CHARACTERS, PROFILE, SUMMARY),
        SHOWN,
        equations.character_price,
    ),
    Law(
        11,
        "summary-balance",
        "summary.creditBalanceUsd = profile.creditBalance",
        (SUMMARY, PROFILE),
        SHOWN,
        partial(equations.summary_member, members=(("creditBalanceUsd", "creditBalance"),)),
    ),
    Law(
        12,
        "summary-prices",
        "the summary's token prices = the profile's",
        (SUMMARY, PROFILE),
        SHOWN,
        partial(equations.summary_member, members=TOKEN_PRICES),
    ),
    Law(
        13,
        "summary-tokens",
        "totalTokens = totalInputTokens + totalOutputTokens",
        (SUMMARY,),
        SHOWN,
        equations.summary_tokens,
    ),
    Law(
        14,
        "summary-cost",
        "estimatedCostUsd = input tokens / 1000 × input price + output tokens / 1000 × output price",
        (SUMMARY,),
        "the weakest of all: an estimate may leave out what models cost more",
        equations.summary_cost,
        firm=False,
    ),
    Law(
        15,
        "balance",
        "profile.creditBalance = Σ ledger.amountCredits over all time",
        (PROFILE, LEDGER),
        SENSE,
        equations.balance,
    ),
    Law(
        16,
        "window-tokens",
        "Σ ledger.tokens in a window = summary.totalTokens in it",
        (LEDGER, SUMMARY),
        SHOWN,
        equations.window_tokens,
    ),
    Law(
        17,
        "windows-nested",
        "ledger(a days) ⊆ ledger(b days) for a < b",
        (LEDGER,),
        "what a lookback window means",
        equations.nested,
    ),
    Law(18, "entries-unique", "entry ids are unique", (LEDGER,), "what an id means", equations.unique),
    Law(
        19,
        "newest-first",
        "ledger.createdAt never ascends",
        (LEDGER,),
        "how dashboards show a ledger",
        equations.newest_first,
        firm=False,
    ),
    Law(
        20,
        "redeem-balance",
        "newBalance = balance before + creditAmountUsd = the profile's balance after",
        (REDEEM, BEFORE_PROFILE, PROFILE),
        NAMED,
        changes.redeem_balance,
    ),
    Law(
        21,
        "redeem-row",
        "a voucher with credit posts one ledger row of it",
        (REDEEM, BEFORE_LEDGER, LEDGER),
        SENSE,
        changes.redeem_row,
    ),
    Law(
        22,
        "checkout-balance",
        "balance after a paid checkout = balance before + amount / 100",
        (CHECKOUT, BEFORE_PROFILE, PROFILE),
        NAMED,
        changes.checkout_balance,
    ),
    Law(
        23,
        "checkout-row",
        "a paid checkout posts one ledger row of amount / 100",
        (CHECKOUT, BEFORE_LEDGER, LEDGER),
        SENSE,
        changes.checkout_row,
    ),
    Law(24, "prepaid", "prepaid ⇒ outstandingUsd = 0", (PROFILE,), "what prepaid means", changes.prepaid),
    Law(
        25,
        "postpaid",
        "postpaid ⇒ normally outstandingUsd ≤ postpaidLimitUsd",
        (PROFILE,),
        "what a limit means",
        changes.postpaid,
        firm=False,
    ),
    Law(
        26,
        "contract-value",
        "totalValueUsd = creditPortionUsd + servicePortionUsd",
        (CONTRACT,),
        SHOWN,
        partial(
            changes.portions, whole="totalValueUsd", first="creditPortionUsd", second="servicePortionUsd"
        ),
    ),
    Law(
        27,
        "contract-schedule",
        "totalValueUsd = Σ paymentSchedule.amountUsd",
        (CONTRACT,),
        SHOWN,
        changes.schedule_total,
    ),
    Law(
        28,
        "contract-payment",
        "paymentAmountUsd = paymentCreditUsd + paymentServiceUsd",
        (CONTRACT,),
        SHOWN,
        partial(
            changes.portions, whole="paymentAmountUsd", first="paymentCreditUsd", second="paymentServiceUsd"
        ),
    ),
    Law(
        29,
        "contract-onetime",
        "onetimeAmountUsd = onetimeCreditUsd + onetimeServiceUsd",
        (CONTRACT,),
        SHOWN,
        partial(
            changes.portions, whole="onetimeAmountUsd", first="onetimeCreditUsd", second="onetimeServiceUsd"
        ),
    ),
    Law(
        30,
        "schedule-onetime",
        "onetimeAmountUsd = Σ one-time paymentSchedule.amountUsd",
        (CONTRACT,),
        SHOWN,
        changes.schedule_once,
    ),
    Law(
        31,
        "schedule-parts",
        "each payment: amountUsd = creditUsd + serviceUsd",
        (CONTRACT,),
        SHOWN,
        changes.schedule_rows,
    ),
    Law(
        32,
        "schedule-dates",
        "startDate ≤ dueDate ≤ endDate",
        (CONTRACT,),
        "what a term means",
        changes.schedule_dates,
    ),
    Law(
        33,
        "schedule-paid",
        "a paid payment ⇒ a ledger credit of its creditUsd",
        (CONTRACT, LEDGER),
        SENSE,
        changes.schedule_paid,
    ),
    Law(34, "agreements-active", "every listed agreement is active", (AGREEMENTS,), NAMED, changes.active),
    Law(
        35,
        "one-tenant",
        "one tenantId everywhere",
        (PROFILE,),
        "the token names one organization",
        changes.one_tenant,
    ),
    Law(
        36,
        "profile-updated",
        "profile.updatedAt ≥ the newest ledger row",
        (PROFILE, LEDGER),
        SENSE,
        equations.updated,
    ),
    Law(
        37,
        "one-month",
        "characters, events and services name one month",
        (CHARACTERS, EVENTS, SERVICES),
        "they take days and answer a month; the page leaves open which",
        changes.one_month,
        firm=False,
    ),
)
"""All laws, in order of their numbers."""


def check(bodies: Mapping[str, Any]) -> list[Verdict]:
    """Judge all laws over the bodies at hand, in order of their numbers."""
    return [law.check(bodies) for law in LAWS]


def broken(bodies: Mapping[str, Any]) -> list[Verdict]:
    """The firm laws that do not hold."""
    return [verdict for verdict in check(bodies) if verdict.law.firm and verdict.holds is False]
