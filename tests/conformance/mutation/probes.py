"""Fixed requests that show what a defect changes: each area of the contract, every edge, every bad token."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .proxy import Answer, Ask
from .shape import (
    BASE,
    CHECKOUT,
    CONTRACT,
    LEDGER,
    PORTAL,
    PROFILE,
    REDEEM,
    ROUTES,
    SUBSCRIBE,
    SUMMARY,
    WINDOWED,
)
from .world import FIRST, SECOND, SECOND_VOUCHER, VOUCHER, World

ORIGIN = "http://localhost:3000"
EDGES = ("0", "1", "2", "7", "30", "60", "90", "250", "365", "366", "1000", "-1", "abc", "1.5", "9" * 19)
KINDS = ("expired", "alg-none", "hs256", "pending", "wrong-key", "garbage")
AGREED = "00000000-0000-4000-8000-00000000000a"
TIMED = re.compile(rb'"(cs_test|bps)_\w+"')
Told = tuple[tuple[Any, ...], ...]
# What differs between two equal answers.
CHANCE = ("x-trace-id", "date", "etag")


@dataclass(frozen=True)
class Probe:
    """A request, and its name; `together` how many of it are sent at once."""

    name: str
    ask: Ask
    together: int = 1


def _ask(
    named: str, token: str | None, query: str = "", body: bytes = b"", method: str = "", **more: str
) -> Ask:
    verb, path = ROUTES[named]
    headers = [("host", "127.0.0.1:4010"), ("origin", ORIGIN)]
    if token is not None:
        headers.append(("authorization", token if " " in token else f"Bearer {token}"))
    if body:
        headers += [
            ("content-type", more.pop("media", "application/json")),
            ("content-length", str(len(body))),
        ]
    headers += [(name.replace("_", "-"), value) for name, value in more.items()]
    return Ask(method or verb, path, query, tuple(headers), body)


def _reads(world: World) -> Iterator[Probe]:
    for owner in (FIRST, SECOND):
        token = world.token(owner)
        for named, (method, _) in ROUTES.items():
            if method == "GET":
                for turn in range(3):
                    yield Probe(f"{named} of {owner}, {turn}", _ask(named, token))
    token = world.token()
    for named in WINDOWED:
        yield from (Probe(f"{named} days={edge}", _ask(named, token, f"days={edge}")) for edge in EDGES)


def _doors(world: World) -> Iterator[Probe]:
    good = world.token()
    first, claims, signature = good.split(".")
    tokens: dict[str, str | None] = {kind: world.bad(kind) for kind in KINDS}
    tokens |= {"none": None, "empty": "Bearer ", "basic": f"Basic {good}", "trailing": f"{good}.x"}
    tokens |= {"unsigned": f"{first}.{claims}.", "tampered": f"{first}.{claims}.{signature[::-1]}"}
    for kind, token in tokens.items():
        yield Probe(f"profile with {kind}", _ask(PROFILE, token))
    for turn in range(5):
        yield Probe(f"nobody, {turn}", _ask(SUMMARY, None, "days=366"))
    for named in ROUTES:
        yield Probe(f"{named} without a token", _ask(named, None))


def _bodies(token: str) -> Iterator[Probe]:
    bad = {
        CHECKOUT: (
            b"", b"null", b'{"amount":', b"[]", b"{}", b'{"amount":"5"}', b'{"amount":true}',
            b'{"amount":null}', b'{"amount":10.5}', b'{"amount":-5}', b'{"amount":0}',
            b'{"amount":99999999999999999999}',
            b'{"amount":5000,"currency":7}', b'{"amount":5000,"x":1}', b'{"amount":"5","x":1}',
        ),
        REDEEM: (
            b"{", b"[]", b"{}", b'{"code":12}', b'{"code":"NOPE"}', b'{"code":"NOPE","x":1}',
            b'{"code":"' + b"A" * 300 + b'"}', b'{"code":"' + b"A" * 2**20 + b'"}',
        ),
        SUBSCRIBE: (
            b'{"contractId":"x"}', b'{"contractId":"\xff"}', b'{"contractId":"' + AGREED.encode() + b'"}',
        ),
    }  # fmt: skip
    for named, bodies in bad.items():
        yield from (Probe(f"{named} {body[:40]!r}", _ask(named, token, body=body)) for body in bodies)
    yield Probe("redeem as text", _ask(REDEEM, token, body=b'{"code":"NOPE"}', media="text/plain"))


def _commands(token: str) -> Iterator[Probe]:
    amount = b'{"amount":5000}'
    yield Probe("checkout", _ask(CHECKOUT, token, body=amount))
    yield Probe("checkout k", _ask(CHECKOUT, token, body=amount, idempotency_key="k"))
    yield Probe("checkout k again", _ask(CHECKOUT, token, body=amount, idempotency_key="k"))
    yield Probe("checkout k otherwise", _ask(CHECKOUT, token, body=b'{"amount":6000}', idempotency_key="k"))
    yield Probe("portal", _ask(PORTAL, token))
    raced = b'{"code":"' + SECOND_VOUCHER.encode() + b'"}'
    yield Probe("redeem, raced", _ask(REDEEM, token, body=raced), together=2)
    for turn in range(2):
        body = b'{"code":"' + VOUCHER.encode() + b'"}'
        yield Probe(f"redeem, {turn}", _ask(REDEEM, token, body=body, idempotency_key="v"))
        yield from (
            Probe(f"{named} then", _ask(named, token)) for named in (PROFILE, SUMMARY, LEDGER, CONTRACT)
        )


def _manners(token: str) -> Iterator[Probe]:
    for method in ("PUT", "DELETE", "HEAD"):
        yield Probe(method, _ask(PROFILE, token, method=method))
    wants = {"access_control_request_method": "GET", "access_control_request_headers": "authorization"}
    yield Probe("preflight", _ask(PROFILE, None, method="OPTIONS", **wants))
    yield Probe("conditional", _ask(PROFILE, token, if_none_match='"x"'))
    yield Probe("nowhere", Ask("GET", f"{BASE}/nowhere", "", _ask(PROFILE, token).headers, b""))


def probes(world: World) -> list[Probe]:
    """All of them, in order."""
    token = world.token()
    return [*_reads(world), *_doors(world), *_bodies(token), *_manners(token), *_commands(token)]


async def send(app: Any, ask: Ask) -> Answer:
    """Send one request to an ASGI application."""
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": ask.method,
        "scheme": "http",
        "path": ask.path,
        "raw_path": ask.path.encode(),
        "query_string": ask.query.encode(),
        "root_path": "",
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in ask.headers],
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 4010),
    }
    messages = [{"type": "http.request", "body": ask.body, "more_body": False}]
    status, headers, chunks = 0, (), []

    async def receive() -> Any:
        return messages.pop() if messages else {"type": "http.disconnect"}

    async def take(message: Any) -> None:
        nonlocal status, headers
        if message["type"] == "http.response.start":
            status = message["status"]
            headers = tuple((name.decode(), value.decode("latin-1")) for name, value in message["headers"])
        else:
            chunks.append(message.get("body", b""))

    await app(scope, receive, take)
    return Answer(status, headers, b"".join(chunks))


def told(answer: Answer) -> tuple[Any, ...]:
    """What an answer tells, without what chance alone decides."""
    headers = sorted(pair for pair in answer.headers if pair[0] not in CHANCE)
    return answer.status, tuple(headers), TIMED.sub(b'""', answer.body)


async def _told(app: Any, probe: Probe, patience_s: float) -> Told:
    sent = asyncio.gather(*(send(app, probe.ask) for _ in range(probe.together)))
    try:
        found = await asyncio.wait_for(sent, patience_s)
    except TimeoutError:
        return ()
    return tuple(sorted(told(answer) for answer in found))


async def _all(app: Any, asked: list[Probe]) -> list[Told]:
    return [await _told(app, probe, 10.0) for probe in asked]


async def _first(app: Any, asked: list[Probe], sound: list[Told]) -> str | None:
    for probe, before in zip(asked, sound, strict=True):
        if await _told(app, probe, 0.5) != before:
            return probe.name
    return None


def answers(app: Any, asked: list[Probe]) -> list[Told]:
    """What each probe was told, in order."""
    return asyncio.run(_all(app, asked))


def shown(app: Any, asked: list[Probe], sound: list[Told]) -> str | None:
    """The first probe that is told something else than a sound server told it."""
    return asyncio.run(_first(app, asked, sound))


async def get(app: Any, named: str, token: str) -> Any:
    """The document of one read."""
    return (await send(app, _ask(named, token))).document()
