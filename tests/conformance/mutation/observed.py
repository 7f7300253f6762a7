"""How many defects are seen by who only watches: a dashboard's requests, held to the rules as they pass.

python tests/conformance/mutation/observed.py [--only WORD …] [--json FILE]

Each defect that *reading* catches is tried. The session is what a dashboard of two organizations asks in some
minutes: every page, its windows, a reload with what the browser has cached, wrong windows of a date picker,
and sessions that have ended. Nothing is asked for the sake of the rules.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

from orgbilling_conformance import exchange
from orgbilling_conformance.observation import Observation, request_of
from orgbilling_conformance.reports.report import Finding

from mutation.defects import BY_NAME
from mutation.probes import send
from mutation.proxy import Proxy, Request
from mutation.sound_server import FIRST, SECOND, SoundServer, sound_server
from mutation.table import read_page
from mutation.trial import READING, is_caught_by

BASE = "/api/v1"
PAGE = Path(__file__).parents[3] / "docs" / "mutation.md"
PAGES = (
    "billing", "characters", "contract", "events", "ledger", "model-pricing", "service-agreements",
    "service-usage", "usage-summary",
)  # fmt: skip
WINDOWED = ("characters", "events", "ledger", "service-usage", "usage-summary")
WINDOWS = (1, 2, 7, 29, 30, 31, 90, 365)
WRONG_WINDOWS = ("0", "366", "-1", "-365", "abc", "1.5", "1e1", "9223372036854775808", "1000000")
BAD_TOKENS = ("expired", "pending", "alg-none")
RESPONSE_TIMEOUT_S = 1.0


@dataclass(frozen=True)
class Watched:
    """What watching made of a defect. rules: of the findings until it was caught."""

    name: str
    caught: bool
    rules: tuple[str, ...]


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


async def watch(
    app: Any, server: SoundServer, observation: Observation, is_enough: Callable[[list[Finding]], bool]
) -> None:
    """Have the session ask an application, and show each exchange to the observation until that is enough."""
    tags: dict[tuple[str, str | None], str] = {}
    for asked in session(server):
        headers = [("host", "127.0.0.1:4010"), ("origin", "http://localhost:3000"), ("accept", "*/*")]
        authorization = None if asked.token is None else f"Bearer {asked.token}"
        if authorization is not None:
            headers.append(("authorization", authorization))
        if asked.revalidates and (tag := tags.get((asked.path, asked.token))):
            headers.append(("if-none-match", tag))
        request = Request("GET", f"{BASE}/org/{asked.path}", asked.query, tuple(headers), b"")
        try:
            answer = await asyncio.wait_for(send(app, request), RESPONSE_TIMEOUT_S)
            response = exchange.Response(answer.status, answer.headers, answer.body)
            if "gzip" in (answer.header("content-encoding") or "") and not answer.body.startswith(
                b"\x1f\x8b"
            ):
                response = exchange.Response(0, (), b"the body is not gzip", failure="broken")
            if answer.status == 200 and not asked.query and (tag := answer.header("etag")):
                tags[asked.path, asked.token] = tag
        except TimeoutError:
            response = exchange.Response(0, failure="timeout")
        except Exception as error:
            response = exchange.Response(0, (), str(error).encode(), failure="broken")
        seen = request_of("GET", f"/org/{asked.path}", asked.query, tuple(headers), None)
        if is_enough(observation.consider(seen, response, authorization)):
            return


def watched(name: str, seed: int = 1) -> Watched:
    """Watch a session with a fresh server that has one defect; an empty name for a sound one."""
    server = sound_server(seed)
    observation = Observation(f"http://127.0.0.1:4010{BASE}")
    if not name:
        asyncio.run(watch(server.app, server, observation, lambda findings: False))
        rules = _rules(observation.report().findings)
        return Watched("", bool(rules), rules)
    defect = BY_NAME[name]
    is_caught = partial(is_caught_by, defect)  # a finding is never taken back
    asyncio.run(watch(Proxy(server.app, defect.make(server)), server, observation, is_caught))
    report = observation.report()
    outage = defect.outage and report.verdict == "inconclusive"
    return Watched(name, outage or is_caught(report.findings), _rules(report.findings))


def _rules(findings: Sequence[Finding]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(finding.rule for finding in findings))


def caught_by_reading() -> list[str]:
    """The defects that the suite catches by reading, as docs/mutation.md says."""
    found, _ = read_page(PAGE.read_text("utf-8"))
    return [name for name, stage in found.items() if stage.startswith(f"{READING}:")]


def main() -> int:
    """Try them; 0 when nothing sound is accused and 95 % are caught."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    names = [
        name for name in caught_by_reading() if not given.only or any(word in name for word in given.only)
    ]
    if not names:
        parser.error("no defect has such a name")
    sound = watched("")
    results = []
    with ProcessPoolExecutor(max(1, given.jobs)) as pool:
        for result in pool.map(watched, names):
            results.append(result)
            if not result.caught:
                print(
                    f"missed: {result.name}: {BY_NAME[result.name].says} {', '.join(result.rules)}",
                    flush=True,
                )
    missed = [result for result in results if not result.caught]
    if sound.caught:
        print(f"a sound server is accused: {', '.join(sound.rules)}")
    share = 1 - len(missed) / len(results)
    print(f"{len(results) - len(missed)} of {len(results)} ({share:.1%})")
    if given.json:
        given.json.write_text(json.dumps([asdict(result) for result in results], indent=1) + "\n", "utf-8")
    return 1 if sound.caught or share < 0.95 else 0


if __name__ == "__main__":
    sys.exit(main())
