"""Commands that do too much, too little, or something else."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

from ..defect import Defect, MutationFactory
from ..mutations import CHECKOUT, PORTAL, REDEEM, SUBSCRIBE, asked, operation, page, put, refused, when
from ..proxy import Forward, Mutation, Request, Response
from ..sound_server import SoundServer
from ..stateful_mutations import after, credit, ledger_rows, redeemed_again, shift_balance, token_organization

Published = partial(Defect, area="writes", basis="published")
Assumed = partial(Defect, area="writes", basis="assumed")
Invariant = partial(Defect, area="writes", basis="invariant")

REDEEMS, CHECKS, PORTALS, SUBSCRIBES = ("redeem",), ("checkout",), ("portal",), ("subscribe",)


def _voucher(row: Any) -> bool:
    return row["entryType"] == "voucher"


def _without_vouchers(rows: list[Any]) -> list[Any]:
    return [row for row in rows if not _voucher(row)]


def _vouchers_twice(rows: list[Any]) -> list[Any]:
    copies = [{**row, "entryId": "e" + row["entryId"][1:]} for row in rows if _voucher(row)]
    return [*copies, *rows]


def _raced(server: SoundServer) -> Mutation:
    """Redemptions of one code that arrive together all succeed."""
    running: dict[tuple[str, bytes], list[Response]] = {}

    async def mutate(request: Request, forward: Forward) -> Response:
        if operation(request) != REDEEM:
            return await forward(request)
        key = (token_organization(request), request.body)
        if key in running:
            found = running[key]
            while not found:
                await asyncio.sleep(0.005)
            return found[0]
        running[key] = done = []
        await asyncio.sleep(0.05)
        done.append(await forward(request))
        await asyncio.sleep(0.02)
        del running[key]
        return done[0]

    return mutate


def _keyless(named: str) -> MutationFactory:
    return asked(
        lambda request: operation(request) == named,
        lambda request: request.with_header("idempotency-key", None),
    )


def _key_wins(server: SoundServer) -> Mutation:
    """The key alone decides: another body under a used key gets the first answer."""
    kept: dict[tuple[str, str, str], Response] = {}

    async def mutate(request: Request, forward: Forward) -> Response:
        key = request.header("idempotency-key")
        response = await forward(request)
        if key is None or request.method != "POST" or response.status == 401:
            return response
        return kept.setdefault((token_organization(request), request.path, key), response)

    return mutate


def _cents(asked: Any, answered: Any) -> float:
    return float(asked["amount"]) / 100


def _unknown(response: Response) -> MutationFactory:
    return when(
        lambda request, found: operation(request) == REDEEM and found.status == 404, lambda found: response
    )


NOTHING = page(
    200, "application/json", '{"voucherCode":"?","creditAmountUsd":0.0,"newBalance":0.0,"message":"ok"}'
)
LINK = page(200, "application/json", '{"url":"https://checkout.stripe.com/c/pay/cs_test_a1"}')

DEFECTS = (
    Published("redeem-twice", says="a voucher can be redeemed twice", make=redeemed_again, writes=REDEEMS),
    Published(
        "redeem-raced", says="redeemed twice at once, a voucher succeeds twice", make=_raced, writes=REDEEMS
    ),
    Invariant(
        "redeem-moves-nothing",
        says="a voucher does not move the balance",
        make=after(REDEEM, shift_balance(-1), credit),
        writes=REDEEMS,
    ),
    Invariant(
        "redeem-balance-wrong",
        says="newBalance is what it was before",
        make=when(
            lambda request, response: operation(request) == REDEEM and response.status == 200,
            lambda response: response.with_document(
                {
                    **response.document(),
                    "newBalance": round(
                        response.document()["newBalance"] - response.document()["creditAmountUsd"], 6
                    ),
                }
            ),
        ),
        writes=REDEEMS,
    ),
    Invariant(
        "redeem-amount-wrong",
        says="creditAmountUsd is half of what was credited",
        make=put(REDEEM, "creditAmountUsd", to=lambda old: old / 2),
        writes=REDEEMS,
    ),
    Invariant(
        "redeem-no-row",
        says="a voucher posts no row",
        make=after(REDEEM, ledger_rows(_without_vouchers), credit),
        writes=REDEEMS,
    ),
    Invariant(
        "redeem-two-rows",
        says="a voucher posts two rows",
        make=after(REDEEM, ledger_rows(_vouchers_twice), credit),
        writes=REDEEMS,
    ),
    Invariant(
        "redeem-other-code",
        says="voucherCode is not the code that was sent",
        make=put(REDEEM, "voucherCode", to="SUMMER99"),
        writes=REDEEMS,
    ),
    Published(
        "redeem-null-message", says="message is null", make=put(REDEEM, "message", to=None), writes=REDEEMS
    ),
    Assumed(
        "redeem-unknown",
        says="an unknown voucher brings nothing, with status 200",
        make=_unknown(NOTHING),
        writes=REDEEMS,
    ),
    Published(
        "redeem-unknown-crash",
        says="an unknown voucher is 500",
        make=_unknown(refused(500, "Internal Server Error", "unexpected error occurred")),
        writes=REDEEMS,
    ),
    Assumed(
        "checkout-relative",
        says="the address of the checkout is relative",
        make=put(CHECKOUT, "url", to="/checkout/cs_test_a1"),
        writes=CHECKS,
    ),
    Assumed(
        "checkout-empty",
        says="the address of the checkout is empty",
        make=put(CHECKOUT, "url", to=""),
        writes=CHECKS,
    ),
    Assumed(
        "checkout-script",
        says="the address of the checkout is a script",
        make=put(CHECKOUT, "url", to="javascript:pay()"),
        writes=CHECKS,
    ),
    Invariant(
        "checkout-credits",
        says="a checkout that nobody paid is credited",
        make=after(CHECKOUT, shift_balance(1), _cents),
        writes=CHECKS,
    ),
    Published(
        "portal-null",
        says="the address of the portal is null",
        make=put(PORTAL, "url", to=None),
        writes=PORTALS,
    ),
    Published(
        "portal-renamed",
        says="the portal answers link rather than url",
        make=when(
            lambda request, response: operation(request) == PORTAL and response.status == 200,
            lambda response: response.with_document({"link": response.document()["url"]}),
        ),
        writes=PORTALS,
    ),
    Assumed(
        "subscribe-unknown",
        says="an unknown contract can be subscribed to",
        make=when(
            lambda request, response: operation(request) == SUBSCRIBE and response.status == 404,
            lambda response: LINK,
        ),
        writes=SUBSCRIBES,
    ),
    Assumed(
        "key-ignored-redeem", says="redeem ignores the Idempotency-Key", make=_keyless(REDEEM), writes=REDEEMS
    ),
    Assumed(
        "key-ignored-checkout",
        says="checkout ignores the Idempotency-Key",
        make=_keyless(CHECKOUT),
        writes=CHECKS,
    ),
    Assumed(
        "key-free-after-refusal",
        says="a refused redemption does not use its Idempotency-Key up",
        make=asked(
            lambda request: operation(request) == REDEEM and b"NO-SUCH" in request.body,
            lambda request: request.with_header("idempotency-key", None),
        ),
        writes=REDEEMS,
    ),
    Assumed(
        "key-reused",
        says="another body under a used Idempotency-Key gets the first answer",
        make=_key_wins,
        writes=CHECKS,
    ),
)
