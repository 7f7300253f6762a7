"""Fixed requests that show what a defect changes: each area of the contract, every edge, every bad token."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .mutations import (
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
from .proxy import Request, Response
from .sound_server import FIRST, SECOND, SECOND_VOUCHER, VOUCHER, SoundServer

ORIGIN = "http://localhost:3000"
EDGES = ("0", "1", "2", "7", "30", "60", "90", "250", "365", "366", "1000", "-1", "abc", "1.5", "9" * 19)
BAD_TOKEN_KINDS = ("expired", "alg-none", "hs256", "pending", "wrong-key", "garbage")
AGREED = "00000000-0000-4000-8000-00000000000a"
TIMED = re.compile(rb'"(cs_test|bps)_\w+"')
Responses = tuple[tuple[Any, ...], ...]
# What differs between two equal answers.
CHANCE = ("x-trace-id", "date", "etag")


@dataclass(frozen=True)
class Probe:
    """A request, and its name; `together` how many of it are sent at once."""

    name: str
    request: Request
    simultaneous: int = 1


def _request(
    named: str, token: str | None, query: str = "", body: bytes = b"", method: str = "", **more: str
) -> Request:
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
    return Request(method or verb, path, query, tuple(headers), body)


def _read_probes(server: SoundServer) -> Iterator[Probe]:
    for owner in (FIRST, SECOND):
        token = server.token(owner)
        for named, (method, _) in ROUTES.items():
            if method == "GET":
                for turn in range(3):
                    yield Probe(f"{named} of {owner}, {turn}", _request(named, token))
    token = server.token()
    for named in WINDOWED:
        yield from (Probe(f"{named} days={edge}", _request(named, token, f"days={edge}")) for edge in EDGES)


def _authentication_probes(server: SoundServer) -> Iterator[Probe]:
    good = server.token()
    first, claims, signature = good.split(".")
    tokens: dict[str, str | None] = {kind: server.bad(kind) for kind in BAD_TOKEN_KINDS}
    tokens |= {"none": None, "empty": "Bearer ", "basic": f"Basic {good}", "trailing": f"{good}.x"}
    tokens |= {"unsigned": f"{first}.{claims}.", "tampered": f"{first}.{claims}.{signature[::-1]}"}
    for kind, token in tokens.items():
        yield Probe(f"profile with {kind}", _request(PROFILE, token))
    for turn in range(5):
        yield Probe(f"nobody, {turn}", _request(SUMMARY, None, "days=366"))
    for named in ROUTES:
        yield Probe(f"{named} without a token", _request(named, None))


def _body_probes(token: str) -> Iterator[Probe]:
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
        yield from (Probe(f"{named} {body[:40]!r}", _request(named, token, body=body)) for body in bodies)
    yield Probe("redeem as text", _request(REDEEM, token, body=b'{"code":"NOPE"}', media="text/plain"))


def _write_probes(token: str) -> Iterator[Probe]:
    amount = b'{"amount":5000}'
    yield Probe("checkout", _request(CHECKOUT, token, body=amount))
    yield Probe("checkout k", _request(CHECKOUT, token, body=amount, idempotency_key="k"))
    yield Probe("checkout k again", _request(CHECKOUT, token, body=amount, idempotency_key="k"))
    yield Probe(
        "checkout k otherwise", _request(CHECKOUT, token, body=b'{"amount":6000}', idempotency_key="k")
    )
    yield Probe("portal", _request(PORTAL, token))
    raced = b'{"code":"' + SECOND_VOUCHER.encode() + b'"}'
    yield Probe("redeem, raced", _request(REDEEM, token, body=raced), simultaneous=2)
    for code in (b"NO-SUCH-CODE", b"NO-SUCH-CODE-2"):
        body = b'{"code":"%s"}' % code
        yield Probe(f"redeem {code!r}", _request(REDEEM, token, body=body, idempotency_key="n"))
    for turn in range(2):
        body = b'{"code":"' + VOUCHER.encode() + b'"}'
        yield Probe(f"redeem, {turn}", _request(REDEEM, token, body=body, idempotency_key="v"))
        yield from (
            Probe(f"{named} then", _request(named, token)) for named in (PROFILE, SUMMARY, LEDGER, CONTRACT)
        )


def _method_probes(token: str) -> Iterator[Probe]:
    for method in ("PUT", "DELETE", "HEAD"):
        yield Probe(method, _request(PROFILE, token, method=method))
    wants = {"access_control_request_method": "GET", "access_control_request_headers": "authorization"}
    yield Probe("preflight", _request(PROFILE, None, method="OPTIONS", **wants))
    yield Probe("conditional", _request(PROFILE, token, if_none_match='"x"'))
    yield Probe("nowhere", Request("GET", f"{BASE}/nowhere", "", _request(PROFILE, token).headers, b""))


def probes(server: SoundServer) -> list[Probe]:
    """All of them, in order."""
    token = server.token()
    return [
        *_read_probes(server),
        *_authentication_probes(server),
        *_body_probes(token),
        *_method_probes(token),
        *_write_probes(token),
    ]


async def send(app: Any, request: Request) -> Response:
    """Send one request to an ASGI application."""
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": "http",
        "path": request.path,
        "raw_path": request.path.encode(),
        "query_string": request.query.encode(),
        "root_path": "",
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in request.headers],
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 4010),
    }
    messages = [{"type": "http.request", "body": request.body, "more_body": False}]
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
    return Response(status, headers, b"".join(chunks))


def comparable(response: Response) -> tuple[Any, ...]:
    """What an answer tells, without what chance alone decides."""
    headers = sorted(pair for pair in response.headers if pair[0] not in CHANCE)
    return response.status, tuple(headers), TIMED.sub(b'""', response.body)


async def _responses(app: Any, probe: Probe, timeout_s: float) -> Responses:
    sent = asyncio.gather(*(send(app, probe.request) for _ in range(probe.simultaneous)))
    try:
        found = await asyncio.wait_for(sent, timeout_s)
    except TimeoutError:
        return ()
    return tuple(sorted(comparable(response) for response in found))


async def _all_responses(app: Any, asked: list[Probe]) -> list[Responses]:
    return [await _responses(app, probe, 10.0) for probe in asked]


async def _first_difference(app: Any, asked: list[Probe], sound: list[Responses]) -> str | None:
    for probe, before in zip(asked, sound, strict=True):
        if await _responses(app, probe, 0.5) != before:
            return probe.name
    return None


def all_responses(app: Any, asked: list[Probe]) -> list[Responses]:
    """What each probe was told, in order."""
    return asyncio.run(_all_responses(app, asked))


def first_difference(app: Any, asked: list[Probe], sound: list[Responses]) -> str | None:
    """The first probe that is told something else than a sound server told it."""
    return asyncio.run(_first_difference(app, asked, sound))


async def get(app: Any, named: str, token: str) -> Any:
    """The document of one read."""
    return (await send(app, _request(named, token))).document()
