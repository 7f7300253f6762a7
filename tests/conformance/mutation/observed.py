"""What is seen of a defect without a request for the sake of the rules: from a dashboard's own requests.

The session is what a dashboard of two organizations asks in some minutes: every page, its windows, a reload
with what the browser has cached, wrong windows of a date picker, and sessions that have ended. It is watched
while it passes, as `orgbilling beside` does, and its recording (HAR) is checked afterwards.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from orgbilling_conformance import Finding, Report, conform
from orgbilling_conformance.observation import Observation
from orgbilling_stubs.beside.har_writer import HarWriter
from orgbilling_stubs.beside.traffic import ForwardedExchange, authorization_of, judged_exchange

from .defects import BY_NAME
from .probes import send
from .proxy import Headers, Proxy, Request
from .sound_server import FIRST, SECOND, SoundServer, sound_server
from .trial import OBSERVED, RECORDING, RESPONSE_TIMEOUT_S, Outcome, is_caught_by

PREFIX = "/api/v1"
BASE = f"http://127.0.0.1:4010{PREFIX}"
PAGES = (
    "billing", "characters", "contract", "events", "ledger", "model-pricing", "service-agreements",
    "service-usage", "usage-summary",
)  # fmt: skip
WINDOWED = ("characters", "events", "ledger", "service-usage", "usage-summary")
WINDOWS = (1, 2, 7, 29, 30, 31, 90, 365)
WRONG_WINDOWS = ("0", "366", "-1", "-365", "abc", "1.5", "1e1", "9223372036854775808", "1000000")
BAD_TOKENS = ("expired", "pending", "alg-none")


@dataclass(frozen=True)
class Asked:
    """One request of the session. revalidates: sends the ETag that the last answer had."""

    path: str
    query: str = ""
    token: str | None = None
    revalidates: bool = False


def session(server: SoundServer) -> Iterator[Asked]:
    """What the dashboard asks, in its order."""
    for organization in (FIRST, SECOND, FIRST):
        token = server.token(organization)
        yield from (Asked(page, token=token) for page in PAGES)
        for page in WINDOWED if organization == FIRST else ():
            yield from (Asked(page, f"days={days}", token) for days in WINDOWS)
        yield from (Asked(page, token=token) for page in PAGES)
        yield from (Asked(page, token=token, revalidates=True) for page in PAGES)
    for _ in range(2):
        yield from (Asked(page, token=server.token()) for page in PAGES)
    for page in WINDOWED:
        yield from (Asked(page, f"days={days}", server.token()) for days in WRONG_WINDOWS)
    header, claims, signature = server.token().split(".")
    tampered = f"{header}.{claims}.{signature[:-6]}{'AAAAAA' if signature[-6:] != 'AAAAAA' else 'BBBBBB'}"
    unset = ["", "undefined"]  # a page that asks before its session is there
    bad = [
        None,
        *unset,
        tampered,
        f"{server.token()}.x",
        f"{header}.{claims}.",
        *(server.bad(kind) for kind in BAD_TOKENS),
    ]
    for page in PAGES:
        yield from (Asked(page, token=token) for token in bad)
    yield from (Asked(page, "days=0") for page in WINDOWED)


async def exchanges(app: Any, server: SoundServer) -> AsyncIterator[ForwardedExchange]:
    """Have the session ask an application; each exchange as it goes over the wire."""
    tags: dict[tuple[str, str | None], str] = {}
    for asked in session(server):
        headers = [("host", "127.0.0.1:4010"), ("origin", "http://localhost:3000"), ("accept", "*/*")]
        if asked.token is not None:
            headers.append(("authorization", f"Bearer {asked.token}"))
        if asked.revalidates and (tag := tags.get((asked.path, asked.token))):
            headers.append(("if-none-match", tag))
        path = f"/org/{asked.path}"
        request = Request("GET", f"{PREFIX}{path}", asked.query, tuple(headers), b"")
        answer, failure = None, ""
        try:
            answer = await asyncio.wait_for(send(app, request), RESPONSE_TIMEOUT_S)
        except TimeoutError:
            failure = "timeout"
        except Exception:
            failure = "broken"
        if answer is not None and answer.status == 200 and not asked.query and (tag := answer.header("etag")):
            tags[asked.path, asked.token] = tag
        yield ForwardedExchange(
            trace="",
            method="GET",
            path=path,
            query=asked.query,
            received=_bytes(request.headers),
            body=None,
            status=answer.status if answer else 0,
            headers=_bytes(answer.headers if answer else ()),
            content=answer.body if answer else b"",
            whole=True,
            seconds=0.0,
            at_ms=0,
            operation=asked.path,
            failure=failure,
        )


def _bytes(headers: Headers) -> list[tuple[bytes, bytes]]:
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]


async def _reports(app: Any, server: SoundServer) -> tuple[Report, Report]:
    """What was seen while the session passed, and what its recording shows."""
    observation = Observation(BASE)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "session.har"
        record = HarWriter(path, BASE)
        async for exchange in exchanges(app, server):
            observation.consider(*judged_exchange(exchange), authorization_of(exchange.received))
            record(exchange)
        return observation.report(), conform(har=path)


def watched(name: str, seed: int = 1) -> tuple[Outcome, Outcome]:
    """Watch a session with a fresh server that has one defect, and check its recording.

    An empty name is a sound server, which is caught when it is accused of anything.
    """
    server = sound_server(seed)
    app = Proxy(server.app, BY_NAME[name].make(server)) if name else server.app
    seen, recorded = asyncio.run(_reports(app, server))
    return _outcome(name, OBSERVED, seen), _outcome(name, RECORDING, recorded)


def _outcome(name: str, mode: str, report: Report) -> Outcome:
    rules = _rules(report.findings)
    caught = bool(rules)
    if name:
        defect = BY_NAME[name]
        outage = defect.outage and report.verdict == "inconclusive"
        caught = outage or is_caught_by(defect, report.findings)
    why = "" if caught else "; ".join((*rules, *report.reasons))[:200]
    return Outcome(name, mode, caught, report.verdict, rules, why=why)


def _rules(findings: Sequence[Finding]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(finding.rule for finding in findings))
