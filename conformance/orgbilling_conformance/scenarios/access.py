"""Who may see what: no token, bad tokens, and the token of another organization."""

from __future__ import annotations

import json
from urllib.parse import urlencode, urlsplit

from orgbilling_openapi.strict_json import JsonValue

from orgbilling_conformance import guard, tokens
from orgbilling_conformance.exchange import Exchange, Request, Response, shorten
from orgbilling_conformance.guard import KEYS
from orgbilling_conformance.rules.invariants import invariant_operations
from orgbilling_conformance.rules.plausibility import walk
from orgbilling_conformance.rules.rule import RuleViolation
from orgbilling_conformance.scenarios.invariants import broken_twice
from orgbilling_conformance.suite import ConformanceSuite

LONGEST = 200
FIRST = ("none", "signature", "alg-none")
"""The bad tokens that a slow operation gets; all others get these first."""
NAMED = ("entryId", "chargeId")
TOGETHER = ("window-tokens", "summary-balance", "summary-prices")


def credentials(suite: ConformanceSuite) -> None:
    """No token, and every kind of invalid one, on every operation that changes nothing."""
    derivable = tokens.split(suite.tokens.first) is not None
    keyed = tokens.KEYED if derivable and learn(suite) else ()
    for operation in suite.api.gets:
        kinds = [kind for kind in (*tokens.KINDS, *keyed) if derivable or kind not in tokens.DERIVED]
        for kind in suite.shares.sample(operation.id, sorted(kinds, key=lambda kind: kind not in FIRST)):
            suite.ask(operation.id, auth=kind, purpose="a token that does not authenticate")
        if operation in suite.api.windows:
            suite.ask(operation.id, "days=0", auth="none", purpose="401 before 422")
            suite.ask(operation.id, "days=abc", auth="garbage", purpose="401 before 422")
    if not derivable:
        suite.skip(("token-bad",), ("*",), "the token is no JWT: only garbage was tried")


def learn(suite: ConformanceSuite) -> bool:
    """Look for the public key that signs the token, where a target may publish it; False for none."""
    if suite.tokens.public is None and suite.options.documents:
        for path in KEYS:
            answer = suite.send(Request("GET", path, auth="none", purpose="its public key", rooted=True))
            if answer.response.status == 200:
                suite.tokens.public = tokens.public(answer.response.json, suite.tokens.first)
            if suite.tokens.public:
                return True
        suite.note("no public key is published: HS256 with it for a secret was not tried")
    return suite.tokens.public is not None


def pending(suite: ConformanceSuite) -> None:
    """A session that has chosen no organization."""
    if suite.options.pending_token is None:
        suite.skip(("token-pending",), ("*",), "needs --pending-token")
        return
    _each(suite, "token-pending", "pending-session", "a session without an organization")


def expired(suite: ConformanceSuite) -> None:
    """A token whose time is over."""
    if suite.options.expired_token is None:
        suite.skip(("token-expired",), ("*",), "needs --expired-token")
        return
    _each(suite, "token-expired", "expired", "an expired token")


def _each(suite: ConformanceSuite, rule: str, auth: str, purpose: str) -> None:
    """Every operation that changes nothing, while the token is what it was given for."""
    names = [operation.id for operation in suite.api.gets]
    for index, name in enumerate(names):
        if reason := suite.tokens.unfit(auth):
            suite.skip((rule,), names[index:] if index else ("*",), reason)
            return
        suite.ask(name, auth=auth, purpose=purpose)


def isolation(suite: ConformanceSuite) -> None:
    """Two organizations, in turn."""
    reason = _lacking(suite)
    if reason:
        suite.skip(("isolation",), ("*",), reason)
        return
    for operation in suite.api.gets:
        query = "days=365" if operation in suite.api.windows else ""
        before, other, after = (
            suite.ask(operation.id, query, auth=auth, purpose="two organizations")
            for auth in ("first", "second", "first")
        )
        if not (before.response.succeeded and other.response.succeeded and after.response.succeeded):
            continue
        bodies = [exchange.response.json for exchange in (before, other, after)]
        mine, theirs, mixed = (owned(body) for body in bodies)
        if shared := (mine | mixed) & theirs:
            observed = f"both see {shorten(min(shared), 60)}"
            suite.violation("isolation", "tenantId", "nothing in common", observed, before, other)
        if rows(bodies[0]) & rows(bodies[1]):
            observed = "both see the same row, but for its tenantId"
            suite.violation(
                "isolation", "/*", "nothing in common", observed, before, other, basis="invariant"
            )
        suite.evaluated("isolation", operation.id)
    _overrides(suite)
    _check_invariants(suite)


def _check_invariants(suite: ConformanceSuite) -> None:
    """What the other organization sees belongs together, too: a cache could mix what names no tenant."""
    reads = (("getOrgBilling", ""), ("getOrgUsageSummary", "days=30"), ("getOrgLedger", "days=30"))
    for result in broken_twice(lambda: suite.bodies(reads, "two organizations", "second"), TOGETHER):
        invariant, observed = result.invariant, f"{result.detail} (second token)"
        violation = RuleViolation("isolation", invariant.name, invariant.equation, observed, "invariant")
        suite.fail(violation, invariant_operations(invariant)[0], [])


def _lacking(suite: ConformanceSuite) -> str:
    """Why isolation cannot be checked; empty if it can."""
    if suite.options.second_token is None:
        return "needs --second-token"
    one, other = (tokens.organization(token) for token in (suite.tokens.first, suite.options.second_token))
    if one is not None and one == other:
        return "both tokens name one organization"
    profile = suite.ask("getOrgBilling", auth="second", purpose="two organizations")
    return "" if profile.response.succeeded else f"the second token gets {profile.response.status}"


def _overrides(suite: ConformanceSuite) -> None:
    """A request must not choose another organization than its token does."""
    other = suite.ask("getOrgBilling", auth="second", purpose="the other organization")
    tenant = _tenant(other)
    named = tokens.organization(suite.options.second_token) or tenant
    if tenant is None or named is None:
        return
    if len(tenant) + len(named) > LONGEST:
        return
    headers = tuple(
        (name, value)
        for name, value in (("X-Tenant-Id", tenant), ("X-Organization-Id", named), ("X-Org-Id", named))
        if guard.VALUE.fullmatch(value)
    )
    parameters = {"tenantId": tenant, "orgId": named, "organizationId": named}
    for query, sent in ((urlencode(parameters, errors="replace"), ()), ("", headers)):
        answer = suite.ask("getOrgBilling", query, headers=sent, purpose="choosing another organization")
        if answer.response.succeeded and _tenant(answer) == tenant:
            observed = "the profile of the other organization"
            suite.violation(
                "isolation", "/tenantId", "the token's organization, whatever is asked", observed, answer
            )


def _tenant(exchange: Exchange) -> str | None:
    body = exchange.response.json
    tenant = body.get("tenantId") if isinstance(body, dict) else None
    return tenant if isinstance(tenant, str) and tenant else None


def owned(body: JsonValue) -> set[str]:
    """The tenants that an answer names."""
    return {
        row["tenantId"] for _, row in walk(body) if isinstance(row.get("tenantId"), str) and row["tenantId"]
    }


def rows(body: JsonValue) -> set[str]:
    """The rows with an id of their own in a list, without the tenant: ids alone may count from 1 for each."""
    listed = body if isinstance(body, list) else []
    named = [row for row in listed if isinstance(row, dict) and any(row.get(name) for name in NAMED)]
    return {json.dumps({k: v for k, v in row.items() if k != "tenantId"}, sort_keys=True) for row in named}


ALLOW = "access-control-allow-origin"
PLACE = "header/Access-Control-Allow-Origin"
FOREIGN = "https://conformance.invalid"
USUAL = "http://localhost:3000"


def foreign(suite: ConformanceSuite) -> None:
    """A web page from elsewhere."""
    for operation in suite.api.gets:
        answer = suite.ask(operation.id, headers=(("Origin", FOREIGN),), purpose="a foreign origin")
        if not suite.judges(answer):
            continue
        allowed = answer.response.header(ALLOW)
        credentials = answer.response.header("access-control-allow-credentials")
        if allowed in (FOREIGN, "null") and credentials == "true":
            suite.violation("origin", PLACE, "not with credentials", shorten(allowed), answer)
        suite.evaluated("origin", operation.id)


def own(suite: ConformanceSuite) -> str | None:
    """The origin of the page that the token was made for (its `azp`); None where it names none."""
    origin = tokens.claim(suite.tokens.first, "azp") or ""
    try:
        parts = urlsplit(origin)
    except ValueError:  # brackets that hold no address
        return None
    page = parts.scheme in ("http", "https") and parts.hostname and not parts.path
    return origin if page and guard.VALUE.fullmatch(origin) else None


def caller(suite: ConformanceSuite) -> None:
    """The page that the token was made for; a server that says nothing about CORS may have none."""
    origin = own(suite)
    if origin is None:
        suite.skip(("origin-own",), ("*",), "the token names no origin (azp)")
        return
    for operation in suite.api.gets:
        answer = suite.ask(operation.id, headers=(("Origin", origin),), purpose="the token's own origin")
        cors_headers = [
            name for name, _ in answer.response.headers if name.lower().startswith("access-control-")
        ]
        if not cors_headers or not answer.response.succeeded:  # errors often come from somewhere in front
            continue
        if answer.response.header(ALLOW) is None:
            observed = f"absent, beside {cors_headers[0]}"
            suite.violation("origin-own", PLACE, f"* or {origin}", observed, answer)
        suite.evaluated("origin-own", operation.id)


def preflight(suite: ConformanceSuite, operation: str, path: str, method: str) -> None:
    """What a browser asks before it sends a token: as the answer says, and with Authorization."""
    origin = own(suite) or USUAL
    headers = (
        ("Origin", origin),
        ("Access-Control-Request-Method", method),
        ("Access-Control-Request-Headers", "authorization"),
    )
    request = Request("OPTIONS", path, headers=headers, auth="none", purpose="a preflight")
    preflight_exchange = suite.send(request)
    preflight_response = preflight_exchange.response
    if not suite.judges(preflight_exchange):
        return
    if method == "GET":
        answer = suite.ask(operation, headers=(("Origin", origin),), purpose="after a preflight").response
        if answer.succeeded and 200 <= preflight_response.status < 500 and preflight_response.status != 429:
            _agreed(
                suite,
                operation,
                request,
                (lets(preflight_response, origin), lets(answer, origin)),
                preflight_response.status,
            )
    if preflight_response.header(ALLOW) is None:
        return
    allowed = (preflight_response.header("access-control-allow-headers") or "").lower()
    if "authorization" not in allowed:
        place = "header/Access-Control-Allow-Headers"
        violation = RuleViolation("preflight", place, "Authorization", allowed or "absent")
        suite.fail(violation, operation, [request])
    suite.evaluated("preflight", operation)


def lets(response: Response, origin: str) -> bool:
    """Whether a response lets pages of an origin in."""
    return response.header(ALLOW) in ("*", origin)


def _agreed(
    suite: ConformanceSuite, operation: str, request: Request, let: tuple[bool, bool], status: int
) -> None:
    before, after = let[0] and 200 <= status < 300, let[1]
    if before != after:
        words = {True: "lets the origin in", False: "does not"}
        observed = f"the preflight ({status}) {words[before]}, the answer {words[after]}"
        suite.fail(RuleViolation("preflight", PLACE, "both or neither", observed), operation, [request])
    if before or after:
        suite.evaluated("preflight", operation)
