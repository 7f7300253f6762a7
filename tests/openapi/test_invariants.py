"""Each invariant holds on a world that adds up, and breaks when its own number is changed."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from orgbilling_openapi import description
from orgbilling_openapi.invariants import INVARIANTS, Invariant, InvariantResult, broken, check

TENANT = "0c1f7a52-6f0e-4b7e-9d3c-2a8d5e4b9f10"
World = dict[str, Any]


def row(entry: str, day: str, kind: str, amount: float, tokens: int = 0) -> World:
    return {
        "entryId": entry,
        "tenantId": TENANT,
        "entryType": kind,
        "amountCredits": amount,
        "amountUsd": amount,
        "tokens": tokens,
        "description": kind,
        "createdAt": f"{day}T08:00:00Z",
    }


USAGE = row("e4", "2026-11-20", "usage", -0.3, 1500)
OLD_USAGE = row("e3", "2026-09-02", "usage", -0.1, 500)
INSTALLMENT = row("e2", "2026-08-01", "contract_credit", 100.0)
FREE = row("e1", "2026-01-01", "free_credit", 25.0)
VOUCHER = row("e5", "2026-11-22", "voucher", 10.0)
TOP_UP = row("e6", "2026-11-22", "top_up", 50.0)


def payment(due: str, *, once: bool = False, paid: bool = False) -> World:
    return {
        "period": due[:7],
        "dueDate": f"{due}T00:00:00Z",
        "amountUsd": 150.0,
        "creditUsd": 100.0,
        "serviceUsd": 50.0,
        "paid": paid,
        "isOneTime": once,
    }


def usage(member: str, key: str, slug: str) -> World:
    rows = [
        {key: slug, "count": 3, "unitPriceUsd": 0.1, "chargeUsd": 0.3},
        {key: "b", "count": 2, "unitPriceUsd": 0.2, "chargeUsd": 0.4},
    ]
    return {member: rows, "month": "2026-11", "totalEvents": 5, "totalChargeUsd": 0.7}


PROFILE: World = {
    "tenantId": TENANT,
    "billingMode": "prepaid",
    "creditBalance": 124.6,
    "outstandingUsd": 0.0,
    "postpaidLimitUsd": 0.0,
    "tokenPricePer1KUsd": 0.2,
    "inputTokenPricePer1KUsd": 0.1,
    "outputTokenPricePer1KUsd": 0.4,
    "charPricePerMonthUsd": 0.5,
    "eventPrices": {"a": 0.1, "b": 0.2},
    "servicePrices": {"a": 0.1, "b": 0.2},
    "updatedAt": "2026-11-22T09:00:00Z",
}
SUMMARY: World = {
    "totalInputTokens": 1000,
    "totalOutputTokens": 500,
    "totalTokens": 1500,
    "estimatedCostUsd": 0.3,
    "creditBalanceUsd": 124.6,
    "charPricePerMonthUsd": 0.5,
    **{key: PROFILE[key] for key in PROFILE if key.endswith("Per1KUsd")},
}
AGREEMENT: World = {
    "tenantId": TENANT,
    "contractId": "c",
    "status": "active",
    "totalValueUsd": 450.0,
    "creditPortionUsd": 300.0,
    "servicePortionUsd": 150.0,
    "paymentAmountUsd": 150.0,
    "paymentCreditUsd": 100.0,
    "paymentServiceUsd": 50.0,
    "onetimeAmountUsd": 150.0,
    "onetimeCreditUsd": 100.0,
    "onetimeServiceUsd": 50.0,
    "startDate": "2026-08-01T00:00:00Z",
    "endDate": "2027-08-01T00:00:00Z",
    "paymentSchedule": [
        payment("2026-08-01", once=True, paid=True),
        payment("2027-01-01"),
        payment("2027-06-01"),
    ],
}


def world() -> World:
    """Answers of one organization that add up."""
    bodies = {
        "getOrgBilling": PROFILE,
        "getOrgUsageSummary": SUMMARY,
        "listOrgActiveCharacters": {
            "highWaterMark": 3,
            "pricePerCharUsd": 0.5,
            "charChargeUsd": 1.5,
            "month": "2026-11",
        },
        "getOrgContextEngineEvents": usage("byType", "eventType", "a"),
        "getOrgServiceUsage": usage("byOperation", "operation", "a"),
        "getOrgLedger": [USAGE],
        "getOrgLedger?days=90": [USAGE, OLD_USAGE],
        "getOrgLedger?days=all": [USAGE, OLD_USAGE, INSTALLMENT, FREE],
        "getOrgContract": AGREEMENT,
        "listOrgServiceAgreements": [{"tenantId": TENANT, "chargeId": "x", "active": True}],
    }
    return copy.deepcopy(bodies)


def redeemed() -> World:
    """The same world, before and after a voucher."""
    bodies = world()
    before = {"before:" + key: copy.deepcopy(bodies[key]) for key in ("getOrgBilling", "getOrgLedger")}
    bodies["getOrgBilling"]["creditBalance"] = bodies["getOrgUsageSummary"]["creditBalanceUsd"] = 134.6
    for key in ("getOrgLedger", "getOrgLedger?days=90", "getOrgLedger?days=all"):
        bodies[key] = [VOUCHER, *bodies[key]]
    answer = {"voucherCode": "X", "creditAmountUsd": 10.0, "newBalance": 134.6, "message": ""}
    return {**bodies, **before, "redeemOrgVoucher": answer}


def paid() -> World:
    """The same world, before and after a checkout that was paid."""
    bodies = world()
    before = {"before:" + key: copy.deepcopy(bodies[key]) for key in ("getOrgBilling", "getOrgLedger")}
    bodies["getOrgBilling"]["creditBalance"] = bodies["getOrgUsageSummary"]["creditBalanceUsd"] = 174.6
    for key in ("getOrgLedger", "getOrgLedger?days=90", "getOrgLedger?days=all"):
        bodies[key] = [TOP_UP, *bodies[key]]
    return {**bodies, **before, "request:createOrgBillingCheckout": {"amount": 5000}}


def postpaid() -> World:
    bodies = world()
    bodies["getOrgBilling"] |= {"billingMode": "postpaid", "outstandingUsd": 10.0, "postpaidLimitUsd": 10.0}
    return bodies


def put(*path: str | int, to: object) -> Callable[[World], None]:
    """A change of one member."""

    def change(bodies: World) -> None:
        node: Any = bodies
        for key in path[:-1]:
            node = node[key]
        node[path[-1]] = to

    return change


EVENT = ("getOrgContextEngineEvents", "byType", 0)
SERVICE = ("getOrgServiceUsage", "byOperation", 0)
CONTRACT = "getOrgContract"
BREAKS: dict[str, tuple[Callable[[], World], Callable[[World], None]]] = {
    "events-count": (world, put("getOrgContextEngineEvents", "totalEvents", to=6)),
    "events-total": (world, put("getOrgContextEngineEvents", "totalChargeUsd", to=0.70001)),
    "events-charge": (world, put(*EVENT, "chargeUsd", to=0.300001)),
    "events-price": (world, put(*EVENT, "unitPriceUsd", to=0.100000001)),
    "services-count": (world, put("getOrgServiceUsage", "totalEvents", to=4)),
    "services-total": (world, put("getOrgServiceUsage", "totalChargeUsd", to=0.6)),
    "services-charge": (world, put(*SERVICE, "count", to=4)),
    "services-price": (world, put(*SERVICE, "operation", to="unknown")),
    "characters-charge": (world, put("listOrgActiveCharacters", "charChargeUsd", to=1.6)),
    "characters-price": (world, put("getOrgUsageSummary", "charPricePerMonthUsd", to=0.6)),
    "summary-balance": (world, put("getOrgUsageSummary", "creditBalanceUsd", to=124.61)),
    "summary-prices": (world, put("getOrgUsageSummary", "outputTokenPricePer1KUsd", to=0.41)),
    "summary-tokens": (world, put("getOrgUsageSummary", "totalTokens", to=1501)),
    "summary-cost": (world, put("getOrgUsageSummary", "estimatedCostUsd", to=0.31)),
    "balance": (world, put("getOrgBilling", "creditBalance", to=124.600001)),
    "window-tokens": (world, put("getOrgLedger", to=[{**USAGE, "tokens": 1499}])),
    "windows-nested": (world, put("getOrgLedger?days=90", to=[OLD_USAGE])),
    "entries-unique": (world, put("getOrgLedger?days=90", to=[USAGE, OLD_USAGE, OLD_USAGE])),
    "newest-first": (world, put("getOrgLedger?days=90", to=[OLD_USAGE, USAGE])),
    "redeem-balance": (redeemed, put("redeemOrgVoucher", "newBalance", to=134.7)),
    "redeem-row": (redeemed, put("getOrgLedger", to=[VOUCHER, {**VOUCHER, "entryId": "e9"}, USAGE])),
    "checkout-balance": (paid, put("getOrgBilling", "creditBalance", to=124.6)),
    "checkout-row": (paid, put("getOrgLedger", to=[USAGE])),
    "prepaid": (world, put("getOrgBilling", "outstandingUsd", to=0.01)),
    "postpaid": (postpaid, put("getOrgBilling", "outstandingUsd", to=10.01)),
    "contract-value": (world, put(CONTRACT, "creditPortionUsd", to=301.0)),
    "contract-schedule": (world, put(CONTRACT, "paymentSchedule", 1, "amountUsd", to=151.0)),
    "contract-payment": (world, put(CONTRACT, "paymentAmountUsd", to=151.0)),
    "contract-onetime": (world, put(CONTRACT, "onetimeServiceUsd", to=51.0)),
    "schedule-onetime": (world, put(CONTRACT, "paymentSchedule", 0, "isOneTime", to=False)),
    "schedule-parts": (world, put(CONTRACT, "paymentSchedule", 2, "serviceUsd", to=49.0)),
    "schedule-dates": (world, put(CONTRACT, "paymentSchedule", 2, "dueDate", to="2027-08-01T00:00:01Z")),
    "schedule-paid": (world, put(CONTRACT, "paymentSchedule", 1, "paid", to=True)),
    "agreements-active": (world, put("listOrgServiceAgreements", 0, "active", to=False)),
    "one-tenant": (world, put("listOrgServiceAgreements", 0, "tenantId", to="other")),
    "profile-updated": (world, put("getOrgBilling", "updatedAt", to="2026-11-20T07:59:59Z")),
    "one-month": (world, put("getOrgServiceUsage", "month", to="2026-10")),
    "characters-billed": (
        world,
        put("listOrgActiveCharacters", "billedAt", to="2026-12-01T00:59:00+01:00"),
    ),
}


def test_every_invariant_has_its_example() -> None:
    assert [invariant.name for invariant in INVARIANTS] == list(BREAKS)
    assert [invariant.number for invariant in INVARIANTS] == list(range(1, len(INVARIANTS) + 1))


@pytest.mark.parametrize("invariant", INVARIANTS, ids=lambda invariant: invariant.name)
def test_an_invariant_holds_and_breaks(invariant: Invariant) -> None:
    build, change = BREAKS[invariant.name]
    bodies = build()
    whole = invariant.check(bodies)
    assert whole.holds is True, whole.detail
    assert whole.detail == ""
    change(bodies)
    verdict = invariant.check(bodies)
    assert verdict.holds is False
    assert verdict.detail


@pytest.mark.parametrize("build", [world, redeemed, paid, postpaid])
def test_a_world_that_adds_up_breaks_no_invariant(build: Callable[[], World]) -> None:
    assert broken(build()) == []
    assert [verdict.invariant.name for verdict in check(build()) if verdict.holds is False] == []


@pytest.mark.parametrize("invariant", INVARIANTS, ids=lambda invariant: invariant.name)
def test_an_invariant_reads_what_it_says_it_needs(invariant: Invariant) -> None:
    """Without any one of its bodies an invariant says which it lacks."""
    bodies = BREAKS[invariant.name][0]()
    for need in invariant.needs:
        without = {key: value for key, value in bodies.items() if key.partition("?")[0] != need}
        if invariant.name != "one-tenant":
            verdict = invariant.check(without)
            assert verdict.holds is None, need
            assert need in verdict.detail


def test_the_invariant_of_one_tenant_needs_any_answer() -> None:
    (invariant,) = (invariant for invariant in INVARIANTS if invariant.name == "one-tenant")
    assert invariant.check({}).holds is None


@pytest.mark.parametrize("nonsense", [None, 3, "x", [], {}, [None], {"byType": 3}])
def test_no_body_makes_an_invariant_raise(nonsense: object) -> None:
    bodies = {**redeemed(), **paid()}
    for invariant in INVARIANTS:
        for key in bodies:
            invariant.check({**bodies, key: nonsense})
        invariant.check(dict.fromkeys(bodies, nonsense))
        details = [result.detail for result in (invariant.check({**bodies, key: nonsense}) for key in bodies)]
        assert not any("Error" in detail for detail in details), "the words of Python say nothing to a reader"


def test_a_member_that_is_missing_is_named() -> None:
    invariant = next(row for row in INVARIANTS if row.name == "summary-balance")
    bodies = world()
    del bodies["getOrgBilling"]["creditBalance"]
    result = invariant.check(bodies)
    assert result.holds is None
    assert result.detail == "a body does not keep the API description: there is no creditBalance"


def test_null_arrays_are_empty() -> None:
    bodies = world()
    empty = {"byType": None, "month": "2026-11", "totalEvents": 0, "totalChargeUsd": 0.0}
    bodies |= {"getOrgContextEngineEvents": empty, "getOrgLedger": None, "listOrgServiceAgreements": None}
    bodies["getOrgUsageSummary"] |= {
        "totalTokens": 0,
        "totalInputTokens": 0,
        "totalOutputTokens": 0,
        "estimatedCostUsd": 0,
    }
    assert broken(bodies) == []
    bodies[CONTRACT]["paymentSchedule"] = None
    assert broken(bodies) == []


def test_only_firm_invariants_are_broken() -> None:
    bodies = postpaid()
    bodies["getOrgBilling"]["outstandingUsd"] = 11.0
    assert broken(bodies) == []
    assert any(verdict.holds is False for verdict in check(bodies))


def test_the_examples_of_the_description_add_up() -> None:
    bodies = {}
    for methods in description.load()["paths"].values():
        for operation in methods.values():
            content = operation["responses"]["200"]["content"]["application/json"]
            bodies[operation["operationId"]] = content["example"]
    bodies["before:getOrgBilling"] = bodies["getOrgBilling"]
    after = {**bodies["getOrgBilling"], "creditBalance": bodies["redeemOrgVoucher"]["newBalance"]}
    now = {key: value for key, value in bodies.items() if key != "redeemOrgVoucher"}
    assert [verdict.detail for verdict in check(now) if verdict.holds is False] == []
    then = {"getOrgBilling": after, "before:getOrgBilling": now["getOrgBilling"]}
    then["redeemOrgVoucher"] = bodies["redeemOrgVoucher"]
    assert [verdict.invariant.name for verdict in check(then) if verdict.holds] == [
        "redeem-balance",
        "prepaid",
        "one-tenant",
    ]


def result(name: str, bodies: World) -> InvariantResult:
    """The result of one invariant over some bodies."""
    (invariant,) = (invariant for invariant in INVARIANTS if invariant.name == name)
    return invariant.check(bodies)


def entry(name: str, amount: float) -> World:
    return {"entryId": name, "amountCredits": amount}


@pytest.mark.parametrize(
    ("amount", "new_entries", "holds"),
    [
        (10.0, [entry("e2", 10.0)], True),
        (10.0, [entry("e2", 10.0), entry("e3", -0.5)], True),
        (10.0, [], False),
        (10.0, [entry("e2", 10.0), entry("e3", 10.0)], False),
        (0.0, [], True),
        (0.0, [entry("e2", -0.5)], True),
    ],
)
def test_a_voucher_posts_its_credit_once_and_a_discount_nothing(
    amount: float, new_entries: list[World], holds: bool
) -> None:
    old = [entry("e1", 10.0)]
    bodies = {
        "redeemOrgVoucher": {"creditAmountUsd": amount},
        "before:getOrgLedger": old,
        "getOrgLedger": [*new_entries, *old],
    }
    assert result("redeem-row", bodies).holds is holds


@pytest.mark.parametrize(
    ("request_body", "credit"), [({"amount": 5000}, 50.0), ({"amount": 1, "currency": "USD"}, 0.01)]
)
def test_a_paid_checkout_posts_what_was_asked_for(request_body: World, credit: float) -> None:
    bodies = {
        "request:createOrgBillingCheckout": request_body,
        "before:getOrgLedger": [],
        "getOrgLedger": [entry("e1", credit)],
    }
    assert result("checkout-row", bodies).holds


INAPPLICABLE: dict[str, tuple[str, World, str]] = {
    "the ledger over two windows": (
        "redeem-row",
        {
            "redeemOrgVoucher": {"creditAmountUsd": 1.0},
            "before:getOrgLedger": [],
            "getOrgLedger?days=90": [],
        },
        "over the same window",
    ),
    "another currency": (
        "checkout-row",
        {"request:createOrgBillingCheckout": {"amount": 5000, "currency": "EUR"}},
        "not in USD",
    ),
    "postpaid of a prepaid organization": (
        "postpaid",
        {"getOrgBilling": {"billingMode": "prepaid", "outstandingUsd": 0, "postpaidLimitUsd": 0}},
        "not postpaid",
    ),
    "prepaid of a postpaid organization": (
        "prepaid",
        {"getOrgBilling": {"billingMode": "postpaid"}},
        "not prepaid",
    ),
    "a contract without a schedule": (
        "contract-schedule",
        {"getOrgContract": {"paymentSchedule": None}},
        "no payment schedule",
    ),
}


@pytest.mark.parametrize("case", INAPPLICABLE)
def test_an_invariant_that_does_not_apply_says_why(case: str) -> None:
    name, bodies, reason = INAPPLICABLE[case]
    inapplicable = result(name, bodies)
    assert inapplicable.holds is None
    assert reason in inapplicable.detail


def test_two_paid_payments_need_two_credits() -> None:
    payments = [
        {"paid": True, "creditUsd": 100.0},
        {"paid": True, "creditUsd": 100.0},
        {"paid": False, "creditUsd": 1},
    ]
    ledger = [entry("e1", 100.0)]
    bodies = {"getOrgContract": {"paymentSchedule": payments}, "getOrgLedger?days=all": ledger}
    assert not result("schedule-paid", bodies).holds
    ledger.append(entry("e2", 100.0))
    assert result("schedule-paid", bodies).holds


@pytest.mark.parametrize(
    ("count", "price", "amount", "expected"),
    [
        (3, 0.1, 0.30000000000000004, True),
        (3, 0.1, 0.3000005, True),
        (3, 0.1, 0.3000006, False),
        (1, 0.0000005, 0.000001, True),
        (1, 0.0000005, 0.0, True),
        (1, 0.0000006, 0.0, False),
        (9_007_199_254_740_993, 1000.0, 9.007199254740992e18, True),
        (9_007_199_254_740_993, 1000.0, 9.00719925474e18, False),
    ],
)
def test_the_tolerance_is_that_of_rounding_and_no_more(
    count: int, price: float, amount: float, expected: bool
) -> None:
    """Half a micro-USD, and beyond 2^53 what doubles cannot hold."""
    usage_row = {"eventType": "a", "count": count, "unitPriceUsd": price, "chargeUsd": amount}
    assert result("events-charge", {"getOrgContextEngineEvents": {"byType": [usage_row]}}).holds is expected


@pytest.mark.parametrize(("total", "expected"), [(4.0000025, True), (4.0000026, False)])
def test_each_rounded_row_may_be_off_by_half_a_micro(total: float, expected: bool) -> None:
    body = {"byType": [{"chargeUsd": 1.0, "count": 1}] * 4, "totalChargeUsd": total}
    assert result("events-total", {"getOrgContextEngineEvents": body}).holds is expected
