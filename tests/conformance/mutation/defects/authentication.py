"""Doors that stand open, or are shut in the wrong way."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from functools import partial

from ..defect import Defect, MutationFactory
from ..mutations import (
    PORTAL,
    PRICING,
    REDEEM,
    WINDOWED,
    days,
    failed,
    headed,
    number,
    operation,
    page,
    refused,
    stateless,
    when,
    with_good_token,
)
from ..proxy import Forward, Mutation, Request, Response
from ..sound_server import SoundServer, unverified_claims

Documented = partial(Defect, area="authentication", basis="documented")
Assumed = partial(Defect, area="authentication", basis="assumed")

Admits = Callable[[SoundServer, Request], bool]


def lets_in(test: Admits) -> MutationFactory:
    """Take some requests that carry no good token as if they did."""

    def make(server: SoundServer) -> Mutation:
        async def mutate(request: Request, forward: Forward) -> Response:
            admitted = operation(request) is not None and test(server, request)
            return await forward(with_good_token(server, request) if admitted else request)

        return mutate

    return make


def sent(request: Request) -> str:
    """The token that was sent, without its scheme."""
    return (request.header("authorization") or "").partition(" ")[2].strip()


def bare(request: Request) -> bool:
    return request.header("authorization") is None


def alg(request: Request) -> object:
    return unverified_claims(sent(request), 0).get("alg")


def readable(request: Request) -> bool:
    return bool(unverified_claims(sent(request), 1))


def _expired(server: SoundServer, request: Request) -> bool:
    """The signature is good, the time is not."""
    return alg(request) == "RS256" and server.signed(sent(request))


def _hs256(server: SoundServer, request: Request) -> bool:
    token = sent(request)
    head, _, signature = token.rpartition(".")
    digest = hmac.digest(server.key.public.pem().encode(), head.encode(), hashlib.sha256)
    return alg(request) == "HS256" and server.same(signature, digest)


def _remembered(server: SoundServer) -> Mutation:
    known = False

    async def mutate(request: Request, forward: Forward) -> Response:
        nonlocal known
        if bare(request) and known and operation(request):
            return await forward(with_good_token(server, request))
        response = await forward(request)
        known = known or (response.status == 200 and not bare(request) and operation(request) is not None)
        return response

    return mutate


def _sometimes(server: SoundServer) -> Mutation:
    count = 0

    async def mutate(request: Request, forward: Forward) -> Response:
        nonlocal count
        count += bare(request) and operation(request) is not None
        return await forward(
            with_good_token(server, request)
            if bare(request) and operation(request) and count % 5 == 0
            else request
        )

    return mutate


async def _validates_first(request: Request, forward: Forward) -> Response:
    response = await forward(request)
    found = number(days(request))
    wrong = days(request) is not None and (found is None or not 1 <= found <= 365)
    if response.status == 401 and operation(request) in WINDOWED and wrong:
        return refused(
            422,
            "Unprocessable Entity",
            "validation failed",
            errors=[{"location": "query.days", "message": "expected number <= 365"}],
        )
    return response


def status(code: int, title: str) -> MutationFactory:
    """Refuse in the right form with the wrong status."""
    return when(failed(401), lambda response: refused(code, title, "no session token was sent"))


DEFECTS = (
    Documented("no-token", says="no token is asked for", make=lets_in(lambda server, request: bare(request))),
    Documented(
        "no-token-one",
        says="model-pricing asks for no token",
        make=lets_in(lambda server, request: bare(request) and operation(request) == PRICING),
    ),
    Documented(
        "no-token-redeem",
        says="redeem asks for no token",
        make=lets_in(lambda server, request: bare(request) and operation(request) == REDEEM),
        writes=("redeem",),
    ),
    Documented(
        "no-token-portal",
        says="the portal asks for no token",
        make=lets_in(lambda server, request: bare(request) and operation(request) == PORTAL),
        writes=("portal",),
    ),
    Documented("no-token-sometimes", says="every fifth request without a token is let in", make=_sometimes),
    Documented("no-token-after-one", says="after one good token nobody needs any", make=_remembered),
    Documented(
        "garbage",
        says="a token that is no JWT is taken",
        make=lets_in(lambda server, request: bool(sent(request)) and not readable(request)),
    ),
    Documented(
        "empty-bearer",
        says="an empty token is taken",
        make=lets_in(lambda server, request: not bare(request) and sent(request) == ""),
    ),
    Documented(
        "other-scheme",
        says="Basic is taken for Bearer",
        make=lets_in(
            lambda server, request: (request.header("authorization") or "").lower().startswith("basic ")
        ),
    ),
    Documented("expired", says="an expired token is taken", make=lets_in(_expired)),
    Documented(
        "alg-none",
        says="a token with alg none is taken",
        make=lets_in(lambda server, request: str(alg(request)).lower() == "none"),
    ),
    Documented(
        "signature-ignored",
        says="the signature of an RS256 token is not looked at",
        make=lets_in(lambda server, request: alg(request) == "RS256" and readable(request)),
    ),
    Documented(
        "signature-optional",
        says="a token whose signature is empty is taken",
        make=lets_in(lambda server, request: readable(request) and sent(request).endswith(".")),
    ),
    Documented(
        "hs256-any",
        says="any HS256 token is taken",
        make=lets_in(lambda server, request: alg(request) == "HS256"),
    ),
    Documented(
        "hs256-public-key", says="HS256 with the public key for a secret is taken", make=lets_in(_hs256)
    ),
    Documented(
        "trailing-part",
        says="what follows the third part of a token is not looked at",
        make=lets_in(
            lambda server, request: (
                sent(request).count(".") > 2 and server.signed(".".join(sent(request).split(".")[:3]))
            )
        ),
    ),
    Assumed(
        "pending",
        says="a session without an organization is taken",
        make=lets_in(
            lambda server, request: (
                unverified_claims(sent(request), 1).get("sts") == "pending" and server.signed(sent(request))
            )
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
            lambda response: page(302, "text/html", "<a href='/login'>Found</a>").with_header(
                "location", "/login"
            ),
        ),
    ),
    Assumed("422-before-401", says="a window is checked before the token", make=stateless(_validates_first)),
    Documented(
        "login-page-200",
        says="no token is a login page with status 200",
        make=when(failed(401), lambda response: page(200, "text/html", "<form>Sign in</form>")),
    ),
)
