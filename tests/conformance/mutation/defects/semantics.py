"""Answers of the right form that say what is not so."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import count
from typing import Any

from ..defect import Defect, MutationFactory
from ..mutations import (
    AGREEMENTS,
    CHARACTERS,
    CONTRACT,
    EVENTS,
    LEDGER,
    PROFILE,
    SERVICES,
    SUMMARY,
    altered,
    asked,
    asks_for,
    days,
    for_days,
    number,
    operation,
    put,
)
from ..proxy import Forward, Mutation, Request, Response
from ..sound_server import SoundServer

Documented = partial(Defect, area="semantics", basis="documented")
Invariant = partial(Defect, area="semantics", basis="invariant")

Rows = list[dict[str, Any]]


def _valid(request: Request) -> bool:
    return 1 <= (number(days(request)) or 0) <= 365


def windows(named: str, become: Callable[[int], int]) -> MutationFactory:
    """Read every valid window as another one."""
    return asked(
        lambda request: asks_for(named)(request) and _valid(request),
        lambda request: for_days(request, become(number(days(request)) or 0)),
    )


def default(named: str, value: int) -> MutationFactory:
    """Use another window where none is given."""
    return asked(
        lambda request: asks_for(named)(request) and days(request) is None,
        lambda request: for_days(request, value),
    )


def plus(amount: float) -> Callable[[Any], Any]:
    return lambda old: round(old + amount, 6)


def in_rows(named: str, member: str, change: Callable[[dict[str, Any]], dict[str, Any]]) -> MutationFactory:
    """Change the first row of a member."""
    return put(named, member, 0, to=change)


def _twice(rows: Rows) -> Rows:
    return [*rows, rows[-1]] if rows else rows


def _by_window(change: Callable[[int, Any], Any], named: str = LEDGER) -> MutationFactory:
    """Change a success by the window that was asked for."""

    def make(server: SoundServer) -> Mutation:
        async def mutate(request: Request, forward: Forward) -> Response:
            response = await forward(request)
            if operation(request) != named or response.status != 200:
                return response
            return response.with_document(change(number(days(request)) or 30, response.document()))

        return mutate

    return make


def _each_time(named: str, change: Callable[[int, Any], Any]) -> MutationFactory:
    """Change a success by how often it was asked for."""

    def make(server: SoundServer) -> Mutation:
        times = count(1)

        async def mutate(request: Request, forward: Forward) -> Response:
            response = await forward(request)
            if operation(request) != named or response.status != 200:
                return response
            return response.with_document(change(next(times), response.document()))

        return mutate

    return make


def _old_credit(window: int, rows: Rows) -> Rows:
    """A credit of the year before in every window of the ledger."""
    if not rows:
        return rows
    row = {
        **rows[-1],
        "entryId": "e0000000-0000-4000-8000-000000000001",
        "tokens": 0,
        "createdAt": "2025-03-20T10:00:00Z",
    }
    row |= {"entryType": "adjustment", "amountCredits": 0.0, "amountUsd": 0.0}
    return [*rows, row]


def _future(rows: Rows) -> Rows:
    return [{**rows[0], "createdAt": "2099-01-01T00:00:00Z"}, *rows[1:]] if rows else rows


def _shrinks(window: int, body: dict[str, Any]) -> dict[str, Any]:
    if window <= 60:
        return body
    return {**body, **{name: body[name] // 50 for name in body if name.startswith("total")}}


def _overspent(body: dict[str, Any]) -> dict[str, Any]:
    return {**body, "billingMode": "prepaid", "outstandingUsd": 12.5}


def _credit_type(row: dict[str, Any]) -> dict[str, Any]:
    return {
        **row,
        "creditUsd": round(row["creditUsd"] + 17.31, 2),
        "amountUsd": round(row["amountUsd"] + 17.31, 2),
        "paid": True,
    }


def _minus(body: dict[str, Any]) -> dict[str, Any]:
    return {**body, "highWaterMark": -body["highWaterMark"], "charChargeUsd": -body["charChargeUsd"]}


WINDOWS = (
    Invariant(
        "window-ignored", says="the ledger is always that of 30 days", make=windows(LEDGER, lambda value: 30)
    ),
    Invariant(
        "window-all", says="the ledger is always that of 365 days", make=windows(LEDGER, lambda value: 365)
    ),
    Invariant(
        "window-short",
        says="the ledger leaves out the first day of its window",
        make=windows(LEDGER, lambda value: max(1, value - 1)),
    ),
    Invariant(
        "window-summary-ignored",
        says="the summary is always that of 30 days",
        make=windows(SUMMARY, lambda value: 30),
    ),
    Documented(
        "default-7", says="the summary looks 7 days back where no window is given", make=default(SUMMARY, 7)
    ),
    Documented(
        "default-365",
        says="the ledger looks 365 days back where no window is given",
        make=default(LEDGER, 365),
    ),
    Documented(
        "default-29", says="the ledger looks 29 days back where no window is given", make=default(LEDGER, 29)
    ),
    Invariant(
        "newest-lost",
        says="the ledger loses its newest row in windows above 7 days",
        make=_by_window(lambda window, rows: rows[1:] if window > 7 and rows else rows),
    ),
    Invariant(
        "page-of-50", says="the ledger breaks off after 50 rows", make=altered(LEDGER, lambda rows: rows[:50])
    ),
    Invariant(
        "row-too-old", says="every window of the ledger has a row of a year ago", make=_by_window(_old_credit)
    ),
    Invariant("row-of-the-future", says="the newest row is of 2099", make=altered(LEDGER, _future)),
    Invariant(
        "summary-shrinks",
        says="the summary of more than 60 days is less than that of 30",
        make=_by_window(_shrinks, SUMMARY),
    ),
)

SUMS = (
    Invariant(
        "events-count",
        says="totalEvents of events is one too many",
        make=put(EVENTS, "totalEvents", to=lambda old: old + 1),
    ),
    Invariant(
        "events-total",
        says="totalChargeUsd of events is a cent too much",
        make=put(EVENTS, "totalChargeUsd", to=plus(0.01)),
    ),
    Invariant(
        "events-price",
        says="unitPriceUsd of events is not the profile's",
        make=put(PROFILE, "eventPrices", to=lambda old: {k: plus(0.001)(v) for k, v in old.items()}),
    ),
    Invariant(
        "services-total",
        says="totalChargeUsd of services leaves out a row",
        make=altered(
            SERVICES,
            lambda body: {
                **body,
                "totalChargeUsd": round(body["totalChargeUsd"] - body["byOperation"][0]["chargeUsd"], 6),
            },
        ),
    ),
    Invariant(
        "services-charge",
        says="chargeUsd of a service is not count × price",
        make=altered(
            SERVICES,
            lambda body: {
                **body,
                "totalChargeUsd": plus(1)(body["totalChargeUsd"]),
                "byOperation": [
                    {**body["byOperation"][0], "chargeUsd": plus(1)(body["byOperation"][0]["chargeUsd"])},
                    *body["byOperation"][1:],
                ],
            },
        ),
    ),
    Invariant(
        "characters-charge",
        says="charChargeUsd is not count × price",
        make=put(CHARACTERS, "charChargeUsd", to=plus(0.5)),
    ),
    Invariant(
        "characters-price",
        says="characters cost what neither profile nor summary say",
        make=altered(
            CHARACTERS,
            lambda body: {
                **body,
                "pricePerCharUsd": body["pricePerCharUsd"] * 2,
                "charChargeUsd": body["charChargeUsd"] * 2,
            },
        ),
    ),
    Invariant(
        "characters-negative",
        says="fewer than no characters, at a charge that fits",
        make=altered(CHARACTERS, _minus),
    ),
    Invariant(
        "tokens-total",
        says="totalTokens is not input + output",
        make=put(SUMMARY, "totalTokens", to=lambda old: old + 1),
    ),
    Invariant(
        "tokens-ledger",
        says="the summary counts other tokens than the ledger",
        make=altered(
            SUMMARY,
            lambda body: {
                **body,
                "totalTokens": body["totalTokens"] * 2,
                "totalInputTokens": body["totalInputTokens"] * 2,
                "totalOutputTokens": body["totalOutputTokens"] * 2,
            },
        ),
    ),
    Invariant(
        "summary-balance",
        says="the summary's balance is not the profile's",
        make=put(SUMMARY, "creditBalanceUsd", to=plus(3)),
    ),
    Invariant(
        "summary-price",
        says="the summary's token price is not the profile's",
        make=put(SUMMARY, "inputTokenPricePer1KUsd", to=plus(0.0001)),
    ),
    Invariant(
        "prepaid-owes", says="prepaid, and something is outstanding", make=altered(PROFILE, _overspent)
    ),
)

LEDGERS = (
    Invariant("entry-twice", says="one row of the ledger is there twice", make=altered(LEDGER, _twice)),
    Invariant(
        "entry-ids-shared",
        says="the two oldest rows share an id",
        make=altered(LEDGER, lambda rows: [*rows[:-1], {**rows[-1], "entryId": rows[-2]["entryId"]}]),
    ),
    Invariant(
        "entry-ids-fresh",
        says="ids of the ledger are new in every answer",
        make=_each_time(
            LEDGER,
            lambda times, rows: [
                {**row, "entryId": f"{times:08d}{row['entryId'][8:]}"} for row in rows or []
            ],
        ),
    ),
    Invariant(
        "profile-old",
        says="updatedAt is older than the newest row",
        make=put(PROFILE, "updatedAt", to="2025-11-01T00:00:00Z"),
    ),
    Invariant(
        "characters-billed-early",
        says="a month of characters is billed while it lasts",
        make=put(CHARACTERS, "billedAt", to="2026-03-01T00:05:00Z"),
    ),
    Invariant(
        "tenant-of-row",
        says="one row of the ledger is another tenant's",
        make=put(LEDGER, -1, "tenantId", to="00000000-0000-4000-8000-000000000009"),
    ),
    Invariant(
        "tenant-of-contract",
        says="the contract is another tenant's",
        make=put(CONTRACT, "tenantId", to="00000000-0000-4000-8000-000000000009"),
    ),
    Invariant(
        "reading-costs",
        says="each look at the profile costs a cent",
        make=_each_time(
            PROFILE,
            lambda times, body: {**body, "creditBalance": round(body["creditBalance"] - times / 100, 6)},
        ),
    ),
    Invariant(
        "balance-drifts",
        says="balance of profile and summary is not the sum of the ledger",
        make=lambda server: _drift,
    ),
)


async def _drift(request: Request, forward: Forward) -> Response:
    response = await forward(request)
    name = {PROFILE: "creditBalance", SUMMARY: "creditBalanceUsd"}.get(operation(request) or "")
    if not name or response.status != 200:
        return response
    body = response.document()
    return response.with_document({**body, name: round(body[name] - 4.2, 6)})


TERMS = (
    Invariant(
        "contract-value",
        says="totalValueUsd is not credit + service",
        make=put(CONTRACT, "creditPortionUsd", to=plus(100)),
    ),
    Invariant(
        "contract-schedule",
        says="the payments do not add up to totalValueUsd",
        make=put(CONTRACT, "paymentSchedule", to=lambda old: old[:-1]),
    ),
    Invariant(
        "contract-payment",
        says="paymentAmountUsd is not credit + service",
        make=put(CONTRACT, "paymentAmountUsd", to=plus(1)),
    ),
    Invariant(
        "contract-onetime",
        says="onetimeAmountUsd is not credit + service",
        make=put(CONTRACT, "onetimeCreditUsd", to=plus(5)),
    ),
    Invariant(
        "schedule-parts",
        says="a payment is not credit + service",
        make=put(CONTRACT, "paymentSchedule", -1, "serviceUsd", to=plus(2)),
    ),
    Invariant(
        "due-after-end",
        says="the last payment is due after endDate",
        make=put(CONTRACT, "paymentSchedule", -1, "dueDate", to="2031-01-01T00:00:00Z"),
    ),
    Invariant(
        "paid-without-credit",
        says="a payment of credit is paid and not in the ledger",
        make=put(CONTRACT, "paymentSchedule", -1, to=_credit_type),
    ),
    Invariant(
        "agreement-inactive",
        says="an agreement that ended is listed",
        make=put(AGREEMENTS, -1, "active", to=False),
    ),
)

DEFECTS = (*WINDOWS, *SUMS, *LEDGERS, *TERMS)
