"""One organization sees or moves what belongs to another."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from ..defect import Defect
from ..memory import cached, mixed, of, sender, stranger
from ..proxy import Answer, Ask, Forward, Spoil
from ..shape import AGREEMENTS, CONTRACT, LEDGER, PROFILE, REDEEM, ROUTES, SUMMARY, operation
from ..world import World

Invariant = partial(Defect, area="isolation", basis="invariant")

GETS = tuple(name for name, (method, _) in ROUTES.items() if method == "GET")
TOTALS = ("totalTokens", "totalInputTokens", "totalOutputTokens", "totalMessages", "totalSessions")


def _url(ask: Ask) -> object:
    return (ask.path, ask.query)


def _silently(own: Any, others: Any) -> Any:
    """Rows of another organization, dressed as our own and costing nothing, so that sums still agree."""
    if not own or not others:
        return own
    row = {**others[0], "tenantId": own[0]["tenantId"], "tokens": 0, "amountUsd": 0.0, "amountCredits": 0.0}
    return [row, *own]


def _added(own: Any, others: Any) -> Any:
    return {**own, **{name: own[name] + others[name] for name in TOTALS}}


def _other_redeems(world: World) -> Spoil:
    async def spoil(ask: Ask, forward: Forward) -> Answer:
        answers = (operation(ask) == REDEEM and ask.header("authorization")) or None
        return await forward(of(world, ask, stranger(ask)) if answers else ask)

    return spoil


def _first_owner(*operations: str) -> Callable[[World], Spoil]:
    """Whoever asked first is taken for everyone, on some operations."""

    def make(world: World) -> Spoil:
        first: list[str] = []

        async def spoil(ask: Ask, forward: Forward) -> Answer:
            answer = await forward(ask)
            if operation(ask) not in operations or answer.status not in (200, 404):
                return answer
            first[:] = first or [sender(ask)]
            return answer if first[0] == sender(ask) else await forward(of(world, ask, first[0]))

        return spoil

    return make


DEFECTS = (
    Invariant("cached-by-url", says="every GET is cached by its address alone", make=cached(*GETS, by=_url)),
    Invariant(
        "ledger-cached-by-url", says="the ledger is cached by its address alone", make=cached(LEDGER, by=_url)
    ),
    Invariant(
        "profile-of-first",
        says="everyone sees the profile of whoever asked first",
        make=_first_owner(PROFILE),
    ),
    Invariant(
        "contract-of-first",
        says="everyone sees the contract of whoever asked first",
        make=_first_owner(CONTRACT),
    ),
    Invariant(
        "agreements-of-first",
        says="everyone sees the agreements of whoever asked first",
        make=_first_owner(AGREEMENTS),
    ),
    Invariant(
        "summary-of-first", says="everyone sees the usage of whoever asked first", make=_first_owner(SUMMARY)
    ),
    Invariant(
        "tenant-shared",
        says="profiles of all organizations name one tenant",
        make=mixed(PROFILE, lambda own, other: {**own, "tenantId": min(own["tenantId"], other["tenantId"])}),
    ),
    Invariant(
        "balance-shared",
        says="profiles show the balance of all organizations together",
        make=mixed(
            PROFILE,
            lambda own, other: {
                **own,
                "creditBalance": round(own["creditBalance"] + other["creditBalance"], 6),
            },
        ),
    ),
    Invariant(
        "row-leaks",
        says="a row of another organization is in the ledger",
        make=mixed(LEDGER, lambda own, other: [*(other or [])[:1], *(own or [])]),
    ),
    Invariant(
        "row-leaks-silently",
        says="so is one, under the reader's tenantId and with amounts of zero",
        make=mixed(LEDGER, _silently),
    ),
    Invariant(
        "usage-added-up",
        says="the summary counts the usage of all organizations",
        make=mixed(SUMMARY, _added),
    ),
    Invariant(
        "redeem-elsewhere",
        says="a voucher is credited to another organization",
        make=_other_redeems,
        writes=("redeem",),
    ),
)
