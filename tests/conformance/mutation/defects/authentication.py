"""Doors that stand open, or are shut in the wrong way."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from functools import partial

from ..defect import Defect, Make
from ..proxy import Answer, Ask, Forward, Spoil
from ..shape import (
    PORTAL,
    PRICING,
    REDEEM,
    WINDOWED,
    always,
    as_owner,
    days,
    failed,
    headed,
    number,
    operation,
    page,
    refused,
    when,
)
from ..world import World, peek

Documented = partial(Defect, area="authentication", basis="documented")
Assumed = partial(Defect, area="authentication", basis="assumed")

Admits = Callable[[World, Ask], bool]


def lets_in(test: Admits) -> Make:
    """Take some requests that carry no good token as if they did."""

    def make(world: World) -> Spoil:
        async def spoil(ask: Ask, forward: Forward) -> Answer:
            admitted = operation(ask) is not None and test(world, ask)
            return await forward(as_owner(world, ask) if admitted else ask)

        return spoil

    return make


def sent(ask: Ask) -> str:
    """The token that was sent, without its scheme."""
    return (ask.header("authorization") or "").partition(" ")[2].strip()


def bare(ask: Ask) -> bool:
    return ask.header("authorization") is None


def alg(ask: Ask) -> object:
    return peek(sent(ask), 0).get("alg")


def readable(ask: Ask) -> bool:
    return bool(peek(sent(ask), 1))


def _expired(world: World, ask: Ask) -> bool:
    """The signature is good, the time is not."""
    return alg(ask) == "RS256" and world.signed(sent(ask))


def _hs256(world: World, ask: Ask) -> bool:
    token = sent(ask)
    head, _, signature = token.rpartition(".")
    digest = hmac.digest(world.key.public.pem().encode(), head.encode(), hashlib.sha256)
    return alg(ask) == "HS256" and world.same(signature, digest)


def _remembered(world: World) -> Spoil:
    known = False

    async def spoil(ask: Ask, forward: Forward) -> Answer:
        nonlocal known
        if bare(ask) and known and operation(ask):
            return await forward(as_owner(world, ask))
        answer = await forward(ask)
        known = known or (answer.status == 200 and not bare(ask) and operation(ask) is not None)
        return answer

    return spoil


def _sometimes(world: World) -> Spoil:
    count = 0

    async def spoil(ask: Ask, forward: Forward) -> Answer:
        nonlocal count
        count += bare(ask) and operation(ask) is not None
        return await forward(as_owner(world, ask) if bare(ask) and operation(ask) and count % 5 == 0 else ask)

    return spoil


async def _validates_first(ask: Ask, forward: Forward) -> Answer:
    answer = await forward(ask)
    found = number(days(ask))
    wrong = days(ask) is not None and (found is None or not 1 <= found <= 365)
    if answer.status == 401 and operation(ask) in WINDOWED and wrong:
        return refused(
            422,
            "Unprocessable Entity",
            "validation failed",
            errors=[{"location": "query.days", "message": "expected number <= 365"}],
        )
    return answer


def status(code: int, title: str) -> Make:
    """Refuse in the right form with the wrong status."""
    return when(failed(401), lambda answer: refused(code, title, "no session token was sent"))


DEFECTS = (
    Documented("no-token", says="no token is asked for", make=lets_in(lambda world, ask: bare(ask))),
    Documented(
        "no-token-one",
        says="model-pricing asks for no token",
        make=lets_in(lambda world, ask: bare(ask) and operation(ask) == PRICING),
    ),
    Documented(
        "no-token-redeem",
        says="redeem asks for no token",
        make=lets_in(lambda world, ask: bare(ask) and operation(ask) == REDEEM),
        writes=("redeem",),
    ),
    Documented(
        "no-token-portal",
        says="the portal asks for no token",
        make=lets_in(lambda world, ask: bare(ask) and operation(ask) == PORTAL),
        writes=("portal",),
    ),
    Documented("no-token-sometimes", says="every fifth request without a token is let in", make=_sometimes),
    Documented("no-token-after-one", says="after one good token nobody needs any", make=_remembered),
    Documented(
        "garbage",
        says="a token that is no JWT is taken",
        make=lets_in(lambda world, ask: bool(sent(ask)) and not readable(ask)),
    ),
    Documented(
        "empty-bearer",
        says="an empty token is taken",
        make=lets_in(lambda world, ask: not bare(ask) and sent(ask) == ""),
    ),
    Documented(
        "other-scheme",
        says="Basic is taken for Bearer",
        make=lets_in(lambda world, ask: (ask.header("authorization") or "").lower().startswith("basic ")),
    ),
    Documented("expired", says="an expired token is taken", make=lets_in(_expired)),
    Documented(
        "alg-none",
        says="a token with alg none is taken",
        make=lets_in(lambda world, ask: str(alg(ask)).lower() == "none"),
    ),
    Documented(
        "signature-ignored",
        says="the signature of an RS256 token is not looked at",
        make=lets_in(lambda world, ask: alg(ask) == "RS256" and readable(ask)),
    ),
    Documented(
        "signature-optional",
        says="a token whose signature is empty is taken",
        make=lets_in(lambda world, ask: readable(ask) and sent(ask).endswith(".")),
    ),
    Documented(
        "hs256-any", says="any HS256 token is taken", make=lets_in(lambda world, ask: alg(ask) == "HS256")
    ),
    Documented(
        "hs256-public-key", says="HS256 with the public key for a secret is taken", make=lets_in(_hs256)
    ),
    Documented(
        "trailing-part",
        says="what follows the third part of a token is not looked at",
        make=lets_in(
            lambda world, ask: sent(ask).count(".") > 2 and world.signed(".".join(sent(ask).split(".")[:3]))
        ),
    ),
    Assumed(
        "pending",
        says="a session without an organization is taken",
        make=lets_in(
            lambda world, ask: peek(sent(ask), 1).get("sts") == "pending" and world.signed(sent(ask))
        ),
    ),
    Assumed(
        "no-challenge", says="401 has no WWW-Authenticate", make=headed(failed(401), "www-authenticate", None)
    ),
    Assumed("forbidden-for-401", says="no token is 403", make=status(403, "Forbidden")),
    Assumed("not-found-for-401", says="no token is 404", make=status(404, "Not Found")),
    Documented("crash-for-401", says="no token is 500", make=status(500, "Internal Server Error")),
    Documented(
        "redirect-for-401",
        says="no token leads to a login page",
        make=when(
            failed(401),
            lambda answer: page(302, "text/html", "<a href='/login'>Found</a>").having("location", "/login"),
        ),
    ),
    Assumed("422-before-401", says="a window is checked before the token", make=always(_validates_first)),
    Documented(
        "login-page-200",
        says="no token is a login page with status 200",
        make=when(failed(401), lambda answer: page(200, "text/html", "<form>Sign in</form>")),
    ),
)
