"""Servers that fail now and then, or for some, or in part."""

from __future__ import annotations

import asyncio
from functools import partial
from itertools import count

from ..defect import Defect, MutationFactory
from ..mutations import (
    AGREEMENTS,
    BASE,
    CONTRACT,
    EVENTS,
    LEDGER,
    PRICING,
    PROFILE,
    SERVICES,
    headed,
    ok,
    operation,
    page,
    refused,
    stateless,
    when,
    written,
)
from ..proxy import Forward, Mutation, Request, Response
from ..sound_server import SoundServer
from ..stateful_mutations import cached, counted, token_organization

Documented = partial(Defect, area="robustness", basis="documented")
Assumed = partial(Defect, area="robustness", basis="assumed")
Invariant = partial(Defect, area="robustness", basis="invariant")

CRASH = refused(500, "Internal Server Error", "unexpected error occurred")
BUSY = refused(503, "Service Unavailable", "try again later").with_header("retry-after", "1")


def _instead(response: Response) -> MutationFactory:
    return when(
        lambda request, found: operation(request) == SERVICES and found.status == 200, lambda found: response
    )


def _nth(number: int, response: Response) -> MutationFactory:
    return counted(lambda times: times % number == 0, lambda request, found: response)


def _cut(request: Request, response: Response) -> Response:
    return (
        response.with_body(response.body[: len(response.body) * 2 // 3])
        if response.status == 200
        else response
    )


def _mixed_up(server: SoundServer) -> Mutation:
    """Every eleventh success is the one before it, whatever that was an answer to."""
    times, last = count(1), [CRASH]

    async def mutate(request: Request, forward: Forward) -> Response:
        response = await forward(request)
        if operation(request) is None or response.status != 200:
            return response
        before, last[0] = last[0], response
        return before if next(times) % 11 == 0 else response

    return mutate


def _flickers(server: SoundServer) -> Mutation:
    """Every third ledger lacks its oldest row."""
    times = count(1)

    async def mutate(request: Request, forward: Forward) -> Response:
        response = await forward(request)
        if operation(request) != LEDGER or response.status != 200:
            return response
        return response.with_document(response.document()[:-1]) if next(times) % 3 == 0 else response

    return mutate


def _dies(server: SoundServer) -> Mutation:
    """After 25 answers every token is refused."""
    times = count(1)
    gone = refused(401, "Unauthorized", "session ended").with_header("www-authenticate", "Bearer")

    async def mutate(request: Request, forward: Forward) -> Response:
        response = await forward(request)
        return gone if response.status == 200 and operation(request) and next(times) > 25 else response

    return mutate


async def _hangs(request: Request, forward: Forward) -> Response:
    if operation(request) == AGREEMENTS:
        await asyncio.sleep(600)
    return await forward(request)


def _method(method: str, response: Response) -> MutationFactory:
    """Answer a method that no operation has."""
    return when(
        lambda request, found: (
            request.method == method and request.path.startswith(BASE) and found.status in (405, 200, 401)
        ),
        lambda found: response,
    )


def _preflight(request: Request, response: Response) -> bool:
    return request.method == "OPTIONS" and request.header("access-control-request-method") is not None


def _allowing(response: Response) -> Response:
    return response.with_header("access-control-allow-headers", "Content-Type")


DEFECTS = (
    Documented("seventh-crashes", says="every seventh request is 500", make=_nth(7, CRASH)),
    Documented("thirtieth-crashes", says="every thirtieth request is 500", make=_nth(30, CRASH)),
    Documented("always-busy", says="service usage is always 503", make=_instead(BUSY), outage=True),
    Documented(
        "always-crashes",
        says="service usage is always 500 in plain text",
        make=_instead(page(500, "text/plain", "oops")),
    ),
    Documented(
        "always-missing",
        says="service usage is not there",
        make=_instead(refused(404, "Not Found", "no operation at this path")),
        outage=True,
    ),
    Documented("hangs", says="service agreements never answer", make=stateless(_hangs), outage=True),
    Documented(
        "fifth-truncated",
        says="every fifth success breaks off",
        make=counted(lambda times: times % 5 == 0, _cut),
    ),
    Documented(
        "ledger-truncated",
        says="the ledger breaks off in the middle",
        make=written(LEDGER, lambda body: body[: len(body) // 2]),
    ),
    Documented("mixed-up", says="every eleventh success belongs to another request", make=_mixed_up),
    Documented(
        "gzip-untrue",
        says="events are called gzip and are not",
        make=headed(ok(EVENTS), "content-encoding", "gzip"),
    ),
    Documented("session-dies", says="the token is refused after 25 answers", make=_dies, outage=True),
    Invariant("ledger-flickers", says="every third ledger lacks its oldest row", make=_flickers),
    Invariant(
        "profile-stale",
        says="the profile never changes again once it was read",
        make=cached(PROFILE, by=token_organization),
        writes=("redeem",),
    ),
    Invariant(
        "ledger-stale",
        says="the ledger never changes again once it was read",
        make=cached(LEDGER, by=lambda request: (token_organization(request), request.query)),
        writes=("redeem",),
    ),
    Assumed(
        "cors-origin-missing",
        says="answers have no Access-Control-Allow-Origin",
        make=headed(lambda request, response: True, "access-control-allow-origin", None),
    ),
    Assumed(
        "cors-preflight-refused",
        says="a preflight is 405",
        make=when(_preflight, lambda response: page(405, "text/plain", "Method Not Allowed")),
        writes=("methods",),
    ),
    Assumed(
        "cors-authorization-missing",
        says="a preflight does not allow Authorization",
        make=when(_preflight, _allowing),
        writes=("methods",),
    ),
    Assumed("head-crashes", says="HEAD is 500", make=_method("HEAD", CRASH), writes=("methods",)),
    Assumed(
        "put-answers",
        says="PUT is answered like GET",
        make=_method("PUT", page(200, "application/json", "{}")),
        writes=("methods",),
    ),
    Assumed(
        "delete-answers",
        says="DELETE is 204",
        make=_method("DELETE", page(204, "application/json", "")),
        writes=("methods",),
    ),
    Assumed(
        "allow-missing",
        says="405 does not say what is allowed",
        make=when(
            lambda request, response: response.status == 405,
            lambda response: response.with_header("allow", None),
        ),
        writes=("methods",),
    ),
    Assumed(
        "not-found-200",
        says="a path that is not there is a page with status 200",
        make=when(
            lambda request, response: response.status == 404 and operation(request) is None,
            lambda response: page(200, "text/html", "<html><body>App</body></html>"),
        ),
    ),
    Assumed(
        "always-not-modified",
        says="any If-None-Match is answered 304",
        make=when(
            lambda request, response: request.header("if-none-match") is not None and response.status == 200,
            lambda response: Response(304, (), b""),
        ),
    ),
    Invariant(
        "contract-comes-and-goes",
        says="every second look at the contract is 404",
        make=lambda server: _comes_and_goes(),
    ),
    Invariant(
        "pricing-shuffled",
        says="pricing lists another order of models in every answer",
        make=lambda server: _shuffles(),
    ),
)


def _comes_and_goes() -> Mutation:
    times = count(1)

    async def mutate(request: Request, forward: Forward) -> Response:
        response = await forward(request)
        if operation(request) != CONTRACT or response.status != 200 or next(times) % 2:
            return response
        return refused(404, "Not Found", "no contract")

    return mutate


def _shuffles() -> Mutation:
    times = count(1)

    async def mutate(request: Request, forward: Forward) -> Response:
        response = await forward(request)
        if operation(request) != PRICING or response.status != 200:
            return response
        rows = response.document()
        turn = next(times) % len(rows)
        return response.with_document([*rows[turn:], *rows[:turn]])

    return mutate
