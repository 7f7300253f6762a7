"""One organization sees or moves what belongs to another."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from ..defect import Defect
from ..mutations import AGREEMENTS, CONTRACT, LEDGER, PROFILE, REDEEM, ROUTES, SUMMARY, operation
from ..proxy import Forward, Mutation, Request, Response
from ..sound_server import SoundServer
from ..stateful_mutations import cached, mixed, on_behalf_of, other_organization, token_organization

Invariant = partial(Defect, area="isolation", basis="invariant")

GETS = tuple(name for name, (method, _) in ROUTES.items() if method == "GET")
TOTALS = ("totalTokens", "totalInputTokens", "totalOutputTokens", "totalMessages", "totalSessions")


def _url(request: Request) -> object:
    return (request.path, request.query)


def _silently(own: Any, others: Any) -> Any:
    """Rows of another organization, dressed as our own and costing nothing, so that sums still agree."""
    if not own or not others:
        return own
    row = {**others[0], "tenantId": own[0]["tenantId"], "tokens": 0, "amountUsd": 0.0, "amountCredits": 0.0}
    return [row, *own]


def _added(own: Any, others: Any) -> Any:
    return {**own, **{name: own[name] + others[name] for name in TOTALS}}


def _other_redeems(server: SoundServer) -> Mutation:
    async def mutate(request: Request, forward: Forward) -> Response:
        authorized = (operation(request) == REDEEM and request.header("authorization")) or None
        return await forward(
            on_behalf_of(server, request, other_organization(request)) if authorized else request
        )

    return mutate


def _first_owner(*operations: str) -> Callable[[SoundServer], Mutation]:
    """Whoever asked first is taken for everyone, on some operations."""

    def make(server: SoundServer) -> Mutation:
        first: list[str] = []

        async def mutate(request: Request, forward: Forward) -> Response:
            response = await forward(request)
            if operation(request) not in operations or response.status not in (200, 404):
                return response
            first[:] = first or [token_organization(request)]
            return (
                response
                if first[0] == token_organization(request)
                else await forward(on_behalf_of(server, request, first[0]))
            )

        return mutate

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
