"""The invariants: equations that tie the thirteen responses together.

None of them is documented. Each is an assumption, stated once and numbered, and checked everywhere: on the
stub after every command, on any implementation by the conformance suite, and on exported data. How bodies
are keyed and amounts are compared is explained in `equations`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from orgbilling_openapi import equations
from orgbilling_openapi.equations import Bodies, EquationResult, MissingBodyError
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
BEFORE_PROFILE = "before:" + PROFILE
BEFORE_LEDGER = "before:" + LEDGER

NAMED_ALIKE = "the members of the responses are named after each other"
DESCRIBED = "the published description of the operation"
BOOKKEEPING = "double-entry bookkeeping: a balance is the sum of its movements"


@dataclass(frozen=True, slots=True)
class Invariant:
    """One equation between response bodies.

    number, name: stable, they are in reports; equation: in words and symbols; needs: keys of the bodies that
    it reads; basis: why we believe it; evaluate: its arithmetic (in `equations`); firm: False for what
    normally holds but has exceptions (a limit can be exceeded for a while).
    """

    number: int
    name: str
    equation: str
    needs: tuple[str, ...]
    basis: str
    evaluate: Callable[[Bodies], EquationResult]
    firm: bool = True

    def check(self, bodies: Bodies) -> InvariantResult:
        """Evaluate the equation; whatever a server may answer, no error is raised."""
        try:
            result = self.evaluate(bodies)
        except MissingBodyError as missing:
            return InvariantResult(self, None, {}, str(missing))
        except (LookupError, TypeError, AttributeError, ValueError, ArithmeticError) as error:
            return InvariantResult(
                self, None, {}, f"a body does not keep the API description: {type(error).__name__} {error}"
            )
        return InvariantResult(self, result.holds, dict(result.values), result.detail)


@dataclass(frozen=True, slots=True)
class InvariantResult:
    """Whether an invariant holds; None where it does not apply, and then `detail` says why."""

    invariant: Invariant
    holds: bool | None
    values: Mapping[str, str]
    detail: str


def _usage(
    first: int, slug: str, operation: str, member: str, key: str, prices: str
) -> tuple[Invariant, ...]:
    """The four invariants that events and services share."""
    return (
        Invariant(
            first,
            f"{slug}-count",
            f"totalEvents = Σ {member}.count",
            (operation,),
            NAMED_ALIKE,
            partial(equations.total, operation=operation, member=member, whole="totalEvents", part="count"),
        ),
        Invariant(
            first + 1,
            f"{slug}-total",
            f"totalChargeUsd = Σ {member}.chargeUsd",
            (operation,),
            NAMED_ALIKE,
            partial(
                equations.total, operation=operation, member=member, whole="totalChargeUsd", part="chargeUsd"
            ),
        ),
        Invariant(
            first + 2,
            f"{slug}-charge",
            "chargeUsd = count × unitPriceUsd",
            (operation,),
            NAMED_ALIKE,
            partial(equations.charge, operation=operation, member=member, key=key),
        ),
        Invariant(
            first + 3,
            f"{slug}-price",
            f"unitPriceUsd = profile.{prices}[{key}]",
            (operation, PROFILE),
            NAMED_ALIKE,
            partial(equations.price, operation=operation, member=member, key=key, prices=prices),
        ),
    )


TOKEN_PRICES = (
    ("tokenPricePer1KUsd", "tokenPricePer1KUsd"),
    ("inputTokenPricePer1KUsd", "inputTokenPricePer1KUsd"),
    ("outputTokenPricePer1KUsd", "outputTokenPricePer1KUsd"),
)

INVARIANTS: tuple[Invariant, ...] = (
    *_usage(1, "events", EVENTS, "byType", "eventType", "eventPrices"),
    *_usage(5, "services", SERVICES, "byOperation", "operation", "servicePrices"),
    Invariant(
        9,
        "characters-charge",
        "charChargeUsd = highWaterMark × pricePerCharUsd",
        (CHARACTERS,),
        NAMED_ALIKE,
        equations.character_charge,
    ),
    Invariant(
        10,
        "characters-price",
        "pricePerCharUsd = profile.charPricePerMonthUsd = summary.charPricePerMonthUsd",
        (CHARACTERS, PROFILE, SUMMARY),
        NAMED_ALIKE,
        equations.character_price,
    ),
    Invariant(
        11,
        "summary-balance",
        "summary.creditBalanceUsd = profile.creditBalance",
        (SUMMARY, PROFILE),
        NAMED_ALIKE,
        partial(equations.summary_member, members=(("creditBalanceUsd", "creditBalance"),)),
    ),
    Invariant(
        12,
        "summary-prices",
        "the summary's token prices = the profile's",
        (SUMMARY, PROFILE),
        NAMED_ALIKE,
        partial(equations.summary_member, members=TOKEN_PRICES),
    ),
    Invariant(
        13,
        "summary-tokens",
        "totalTokens = totalInputTokens + totalOutputTokens",
        (SUMMARY,),
        NAMED_ALIKE,
        equations.summary_tokens,
    ),
    Invariant(
        14,
        "summary-cost",
        "estimatedCostUsd = input tokens / 1000 × input price + output tokens / 1000 × output price",
        (SUMMARY,),
        "the weakest of all: an estimate may leave out what models cost more",
        equations.summary_cost,
        firm=False,
    ),
    Invariant(
        15,
        "balance",
        "profile.creditBalance = Σ ledger.amountCredits over all time",
        (PROFILE, LEDGER),
        BOOKKEEPING,
        equations.balance,
    ),
    Invariant(
        16,
        "window-tokens",
        "Σ ledger.tokens in a window = summary.totalTokens in it",
        (LEDGER, SUMMARY),
        NAMED_ALIKE,
        equations.window_tokens,
    ),
    Invariant(
        17,
        "windows-nested",
        "ledger(a days) ⊆ ledger(b days) for a < b",
        (LEDGER,),
        "what a lookback window means",
        equations.nested,
    ),
    Invariant(18, "entries-unique", "entry ids are unique", (LEDGER,), "what an id means", equations.unique),
    Invariant(
        19,
        "newest-first",
        "ledger.createdAt never ascends",
        (LEDGER,),
        "how dashboards show a ledger",
        equations.newest_first,
        firm=False,
    ),
    Invariant(
        20,
        "redeem-balance",
        "newBalance = balance before + creditAmountUsd = the profile's balance after",
        (REDEEM, BEFORE_PROFILE, PROFILE),
        DESCRIBED,
        equations.redeem_balance,
    ),
    Invariant(
        21,
        "redeem-row",
        "a voucher with credit posts one ledger row of it",
        (REDEEM, BEFORE_LEDGER, LEDGER),
        BOOKKEEPING,
        equations.redeem_row,
    ),
    Invariant(
        22,
        "checkout-balance",
        "balance after a paid checkout = balance before + amount / 100",
        (CHECKOUT, BEFORE_PROFILE, PROFILE),
        DESCRIBED,
        equations.checkout_balance,
    ),
    Invariant(
        23,
        "checkout-row",
        "a paid checkout posts one ledger row of amount / 100",
        (CHECKOUT, BEFORE_LEDGER, LEDGER),
        BOOKKEEPING,
        equations.checkout_row,
    ),
    Invariant(
        24, "prepaid", "prepaid ⇒ outstandingUsd = 0", (PROFILE,), "what prepaid means", equations.prepaid
    ),
    Invariant(
        25,
        "postpaid",
        "postpaid ⇒ normally outstandingUsd ≤ postpaidLimitUsd",
        (PROFILE,),
        "what a limit means",
        equations.postpaid,
        firm=False,
    ),
    Invariant(
        26,
        "contract-value",
        "totalValueUsd = creditPortionUsd + servicePortionUsd",
        (CONTRACT,),
        NAMED_ALIKE,
        partial(
            equations.portions, whole="totalValueUsd", first="creditPortionUsd", second="servicePortionUsd"
        ),
    ),
    Invariant(
        27,
        "contract-schedule",
        "totalValueUsd = Σ paymentSchedule.amountUsd",
        (CONTRACT,),
        NAMED_ALIKE,
        equations.schedule_total,
    ),
    Invariant(
        28,
        "contract-payment",
        "paymentAmountUsd = paymentCreditUsd + paymentServiceUsd",
        (CONTRACT,),
        NAMED_ALIKE,
        partial(
            equations.portions, whole="paymentAmountUsd", first="paymentCreditUsd", second="paymentServiceUsd"
        ),
    ),
    Invariant(
        29,
        "contract-onetime",
        "onetimeAmountUsd = onetimeCreditUsd + onetimeServiceUsd",
        (CONTRACT,),
        NAMED_ALIKE,
        partial(
            equations.portions, whole="onetimeAmountUsd", first="onetimeCreditUsd", second="onetimeServiceUsd"
        ),
    ),
    Invariant(
        30,
        "schedule-onetime",
        "onetimeAmountUsd = Σ one-time paymentSchedule.amountUsd",
        (CONTRACT,),
        NAMED_ALIKE,
        equations.schedule_once,
    ),
    Invariant(
        31,
        "schedule-parts",
        "each payment: amountUsd = creditUsd + serviceUsd",
        (CONTRACT,),
        NAMED_ALIKE,
        equations.schedule_rows,
    ),
    Invariant(
        32,
        "schedule-dates",
        "startDate ≤ dueDate ≤ endDate",
        (CONTRACT,),
        "what a term means",
        equations.schedule_dates,
    ),
    Invariant(
        33,
        "schedule-paid",
        "a paid payment ⇒ a ledger credit of its creditUsd",
        (CONTRACT, LEDGER),
        BOOKKEEPING,
        equations.schedule_paid,
    ),
    Invariant(
        34,
        "agreements-active",
        "every listed agreement is active",
        (AGREEMENTS,),
        DESCRIBED,
        equations.active,
    ),
    Invariant(
        35,
        "one-tenant",
        "one tenantId everywhere",
        (PROFILE,),
        "the token names one organization",
        equations.one_tenant,
    ),
    Invariant(
        36,
        "profile-updated",
        "profile.updatedAt ≥ the newest ledger row",
        (PROFILE, LEDGER),
        BOOKKEEPING,
        equations.updated,
    ),
    Invariant(
        37,
        "one-month",
        "characters, events and services name one month",
        (CHARACTERS, EVENTS, SERVICES),
        "they take days and answer a month; the page leaves open which",
        equations.one_month,
        firm=False,
    ),
)
"""All invariants, in order of their numbers."""


def check(bodies: Mapping[str, JsonValue]) -> list[InvariantResult]:
    """Evaluate all invariants over the bodies at hand, in order of their numbers."""
    return [invariant.check(bodies) for invariant in INVARIANTS]


def broken(bodies: Mapping[str, JsonValue]) -> list[InvariantResult]:
    """The firm invariants that do not hold."""
    return [result for result in check(bodies) if result.invariant.firm and result.holds is False]
