"""Servers that fail now and then, or for some, or in part."""

from __future__ import annotations

import asyncio
from functools import partial
from itertools import count

from ..defect import Defect, Make
from ..memory import cached, counted, sender
from ..proxy import Answer, Ask, Forward, Spoil
from ..shape import (
    AGREEMENTS,
    BASE,
    CONTRACT,
    EVENTS,
    LEDGER,
    PRICING,
    PROFILE,
    SERVICES,
    always,
    headed,
    ok,
    operation,
    page,
    refused,
    when,
    written,
)
from ..world import World

Documented = partial(Defect, area="robustness", basis="documented")
Assumed = partial(Defect, area="robustness", basis="assumed")
Invariant = partial(Defect, area="robustness", basis="invariant")

CRASH = refused(500, "Internal Server Error", "unexpected error occurred")
BUSY = refused(503, "Service Unavailable", "try again later").having("retry-after", "1")


def _instead(answer: Answer) -> Make:
    return when(lambda ask, found: operation(ask) == SERVICES and found.status == 200, lambda found: answer)


def _nth(number: int, answer: Answer) -> Make:
    return counted(lambda times: times % number == 0, lambda ask, found: answer)


def _cut(ask: Ask, answer: Answer) -> Answer:
    return answer.bearing(answer.body[: len(answer.body) * 2 // 3]) if answer.status == 200 else answer


def _mixed_up(world: World) -> Spoil:
    """Every eleventh success is the one before it, whatever that was an answer to."""
    times, last = count(1), [CRASH]

    async def spoil(ask: Ask, forward: Forward) -> Answer:
        answer = await forward(ask)
        if operation(ask) is None or answer.status != 200:
            return answer
        before, last[0] = last[0], answer
        return before if next(times) % 11 == 0 else answer

    return spoil


def _flickers(world: World) -> Spoil:
    """Every third ledger lacks its oldest row."""
    times = count(1)

    async def spoil(ask: Ask, forward: Forward) -> Answer:
        answer = await forward(ask)
        if operation(ask) != LEDGER or answer.status != 200:
            return answer
        return answer.carrying(answer.document()[:-1]) if next(times) % 3 == 0 else answer

    return spoil


def _dies(world: World) -> Spoil:
    """After 25 answers every token is refused."""
    times = count(1)
    gone = refused(401, "Unauthorized", "session ended").having("www-authenticate", "Bearer")

    async def spoil(ask: Ask, forward: Forward) -> Answer:
        answer = await forward(ask)
        return gone if answer.status == 200 and operation(ask) and next(times) > 25 else answer

    return spoil


async def _hangs(ask: Ask, forward: Forward) -> Answer:
    if operation(ask) == AGREEMENTS:
        await asyncio.sleep(600)
    return await forward(ask)


def _method(method: str, answer: Answer) -> Make:
    """Answer a method that no operation has."""
    return when(
        lambda ask, found: (
            ask.method == method and ask.path.startswith(BASE) and found.status in (405, 200, 401)
        ),
        lambda found: answer,
    )


def _preflight(ask: Ask, answer: Answer) -> bool:
    return ask.method == "OPTIONS" and ask.header("access-control-request-method") is not None


def _allowing(answer: Answer) -> Answer:
    return answer.having("access-control-allow-headers", "Content-Type")


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
    Documented("hangs", says="service agreements never answer", make=always(_hangs), outage=True),
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
        make=cached(PROFILE, by=sender),
        writes=("redeem",),
    ),
    Invariant(
        "ledger-stale",
        says="the ledger never changes again once it was read",
        make=cached(LEDGER, by=lambda ask: (sender(ask), ask.query)),
        writes=("redeem",),
    ),
    Assumed(
        "cors-origin-missing",
        says="answers have no Access-Control-Allow-Origin",
        make=headed(lambda ask, answer: True, "access-control-allow-origin", None),
    ),
    Assumed(
        "cors-preflight-refused",
        says="a preflight is 405",
        make=when(_preflight, lambda answer: page(405, "text/plain", "Method Not Allowed")),
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
        make=when(lambda ask, answer: answer.status == 405, lambda answer: answer.having("allow", None)),
        writes=("methods",),
    ),
    Assumed(
        "not-found-200",
        says="a path that is not there is a page with status 200",
        make=when(
            lambda ask, answer: answer.status == 404 and operation(ask) is None,
            lambda answer: page(200, "text/html", "<html><body>App</body></html>"),
        ),
    ),
    Assumed(
        "always-not-modified",
        says="any If-None-Match is answered 304",
        make=when(
            lambda ask, answer: ask.header("if-none-match") is not None and answer.status == 200,
            lambda answer: Answer(304, (), b""),
        ),
    ),
    Invariant(
        "contract-comes-and-goes",
        says="every second look at the contract is 404",
        make=lambda world: _comes_and_goes(),
    ),
    Invariant(
        "pricing-shuffled",
        says="pricing lists another order of models in every answer",
        make=lambda world: _shuffles(),
    ),
)


def _comes_and_goes() -> Spoil:
    times = count(1)

    async def spoil(ask: Ask, forward: Forward) -> Answer:
        answer = await forward(ask)
        if operation(ask) != CONTRACT or answer.status != 200 or next(times) % 2:
            return answer
        return refused(404, "Not Found", "no contract")

    return spoil


def _shuffles() -> Spoil:
    times = count(1)

    async def spoil(ask: Ask, forward: Forward) -> Answer:
        answer = await forward(ask)
        if operation(ask) != PRICING or answer.status != 200:
            return answer
        rows = answer.document()
        turn = next(times) % len(rows)
        return answer.carrying([*rows[turn:], *rows[:turn]])

    return spoil
