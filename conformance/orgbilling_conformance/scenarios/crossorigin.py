"""Pages of other origins: the token's own, a foreign one, and what a browser asks first."""

from __future__ import annotations

from urllib.parse import urlsplit

from orgbilling_conformance import sendable, tokens
from orgbilling_conformance.exchange import Request, Response, shown
from orgbilling_conformance.judge import Judge
from orgbilling_conformance.rule import Observation

ALLOW = "access-control-allow-origin"
PLACE = "header/Access-Control-Allow-Origin"
FOREIGN = "https://conformance.invalid"
USUAL = "http://localhost:3000"


def foreign(judge: Judge) -> None:
    """A web page from elsewhere."""
    for operation in judge.facts.gets:
        answer = judge.ask(operation.id, headers=(("Origin", FOREIGN),), purpose="a foreign origin")
        allowed = answer.response.header(ALLOW)
        credentials = answer.response.header("access-control-allow-credentials")
        if allowed in (FOREIGN, "null") and credentials == "true":
            told = Observation("origin", PLACE, "not with credentials", shown(allowed))
            judge.observe(told, operation.id, [answer.request])
        judge.passed("origin", operation.id)


def own(judge: Judge) -> str | None:
    """The origin of the page that the token was made for (its `azp`); None where it names none."""
    found = tokens.claim(judge.tokens.first, "azp") or ""
    try:
        parts = urlsplit(found)
    except ValueError:  # brackets that hold no address
        return None
    page = parts.scheme in ("http", "https") and parts.hostname and not parts.path
    return found if page and sendable.VALUE.fullmatch(found) else None


def caller(judge: Judge) -> None:
    """The page that the token was made for; a server that says nothing about CORS may have none."""
    origin = own(judge)
    if origin is None:
        judge.skip(("origin-own",), ("*",), "the token names no origin (azp)")
        return
    for operation in judge.facts.gets:
        answer = judge.ask(operation.id, headers=(("Origin", origin),), purpose="the token's own origin")
        said = [name for name, _ in answer.response.headers if name.lower().startswith("access-control-")]
        if not said or not answer.response.succeeded:  # errors often come from somewhere in front
            continue
        if answer.response.header(ALLOW) is None:
            told = f"absent, beside {said[0]}"
            judge.observe(
                Observation("origin-own", PLACE, f"* or {origin}", told), operation.id, [answer.request]
            )
        judge.passed("origin-own", operation.id)


def preflight(judge: Judge, operation: str, path: str, method: str) -> None:
    """What a browser asks before it sends a token: as the answer says, and with Authorization."""
    origin = own(judge) or USUAL
    headers = (
        ("Origin", origin),
        ("Access-Control-Request-Method", method),
        ("Access-Control-Request-Headers", "authorization"),
    )
    request = Request("OPTIONS", path, headers=headers, auth="none", purpose="a preflight")
    asked = judge.send(request).response
    if method == "GET":
        answer = judge.ask(operation, headers=(("Origin", origin),), purpose="after a preflight").response
        if answer.succeeded and 200 <= asked.status < 500 and asked.status != 429:
            _agreed(judge, operation, request, (lets(asked, origin), lets(answer, origin)), asked.status)
    if asked.header(ALLOW) is None:
        return
    allowed = (asked.header("access-control-allow-headers") or "").lower()
    if "authorization" not in allowed:
        place = "header/Access-Control-Allow-Headers"
        seen = Observation("preflight", place, "Authorization", allowed or "absent")
        judge.observe(seen, operation, [request])
    judge.passed("preflight", operation)


def lets(response: Response, origin: str) -> bool:
    """Whether a response lets pages of an origin in."""
    return response.header(ALLOW) in ("*", origin)


def _agreed(judge: Judge, operation: str, request: Request, let: tuple[bool, bool], status: int) -> None:
    before, after = let[0] and 200 <= status < 300, let[1]
    if before != after:
        words = {True: "lets the origin in", False: "does not"}
        told = f"the preflight ({status}) {words[before]}, the answer {words[after]}"
        judge.observe(Observation("preflight", PLACE, "both or neither", told), operation, [request])
    if before or after:
        judge.passed("preflight", operation)
